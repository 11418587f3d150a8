"""Microphone, taxels, wrench, joints and poses."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.schema import StreamSource
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.senses.joint_parts import JointParts
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.senses.microphone import MicrophoneConverter, packed_kind
from world_model_ros.convert.senses.taxels import TaxelConverter
from world_model_ros.convert.senses.wrench import WrenchConverter
from world_model_ros.core.errors import UserError

STAMP_NS = 1_700_000_000_000_000_001
HEADER = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=5), frame_id="")


def audio_stamped(channels: int = 1, rate: int = 16000, **arrays: Any) -> SimpleNamespace:
    names = ("float32_data", "int32_data", "int16_data", "int8_data", "uint8_data")
    data = SimpleNamespace(**{name: arrays.get(name, []) for name in names})
    info = SimpleNamespace(format=0, channels=channels, rate=rate, chunk=0)
    return SimpleNamespace(header=HEADER, audio=SimpleNamespace(audio_data=data, info=info))


class TestMicrophone:
    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (b"\xff\xfb\x90\x64" + bytes(range(256)) + bytes(157), "mp3"),  # a frame of 417 bytes
            (b"\xff\xfb\x90\x64" + bytes(range(256)) + bytes(158), "mp3"),  # padded to whole samples
            ((b"\xff\xf3\x44\xc4" + bytes(92)) * 3, "mp3"),  # frames of 96 bytes, MPEG 2
            (b"\xff\xfb\xe0\x64" + bytes(7000), None),  # looks like a head, but nothing follows where it would end
            (b"ID3\x04" + bytes(96), "mp3"),
            (b"OggS" + bytes(96), "Ogg"),
            (b"fLaC" + bytes(96), "FLAC"),
            (b"RIFF" + bytes(96), "WAV"),
        ],
    )
    def test_sound_in_a_file_format_is_named_and_never_played_as_noise(self, data: bytes, kind: str | None) -> None:
        sent = SimpleNamespace(header=HEADER, audio=SimpleNamespace(data=np.frombuffer(data, np.uint8)))
        converter = MicrophoneConverter("mic", 1, 16000)
        if kind is None:
            assert len(converter.data_stamped(sent)[1]) == len(data) // 2
            return
        with pytest.raises(UserError, match=kind):
            converter.data_stamped(sent)

    def test_no_plain_sound_passes_for_a_file(self) -> None:
        dice = np.random.default_rng(0)
        for scale in (1, 300, 3000, 20000):
            for sound in dice.normal(0, scale, (500, 320)).clip(-32768, 32767).astype("<i2"):
                assert packed_kind(sound.tobytes()) is None
        assert packed_kind(np.full(320, -1, "<i2").tobytes()) is None
        assert packed_kind(b"") is None

    def test_sound_survives_the_way_through_a_message(self, make: MessageMaker) -> None:
        sound = np.random.default_rng(0).uniform(-1, 1, (160, 2)).astype(np.float32)
        stamp_ns, heard = MicrophoneConverter("mic", 2, 16000)(make.sound(sound, STAMP_NS, "table"))
        assert stamp_ns == STAMP_NS
        assert heard.dtype == np.float32
        assert np.abs(heard - sound).max() < 1 / 32768 + 1e-7

    def test_bytes_of_the_ros_drivers_message_are_little_endian_int16(self) -> None:
        message = SimpleNamespace(header=HEADER, audio=SimpleNamespace(data=b"\x00\x40\x00\xc0\x01\x00\xff\xff"))
        stamp_ns, heard = MicrophoneConverter("mic", 2, 16000).data_stamped(message)
        assert stamp_ns == 1_000_000_005
        assert np.allclose(heard, [[0.5, -0.5], [1 / 32768, -1 / 32768]])

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("float32_data", [0.5, -1.0]),
            ("int32_data", [2**30, -(2**31)]),
            ("int16_data", [2**14, -(2**15)]),
            ("int8_data", [64, -128]),
            ("uint8_data", [192, 0]),
        ],
    )
    def test_each_typed_array_has_its_own_full_scale(self, field: str, values: list[float]) -> None:
        _, heard = MicrophoneConverter("mic", 1, 16000).stamped(audio_stamped(**{field: values}))
        assert heard.tolist() == [[0.5], [-1.0]]

    @pytest.mark.parametrize(
        ("message", "field"),
        [
            (audio_stamped(int16_data=[1], rate=44100), "rate"),
            (audio_stamped(int16_data=[1], channels=2), "channels"),
            (audio_stamped(), "audio_data"),
            (audio_stamped(int16_data=[1], int8_data=[1]), "audio_data"),
            (audio_stamped(float32_data=[float("nan")]), "mic"),
        ],
    )
    def test_sound_of_another_kind_than_the_contract_is_refused(self, message: Any, field: str) -> None:
        with pytest.raises(UserError, match=field):
            MicrophoneConverter("mic", 1, 16000).stamped(message)

    def test_half_a_sample_is_refused(self) -> None:
        with pytest.raises(UserError, match="mic: length"):
            MicrophoneConverter("mic", 1, 16000).data_stamped(
                SimpleNamespace(header=HEADER, audio=SimpleNamespace(data=b"abc"))
            )

    def test_another_channel_count_is_refused(self, make: MessageMaker) -> None:
        with pytest.raises(UserError, match="channels"):
            MicrophoneConverter("mic", 1, 16000)(make.sound(np.zeros((8, 2)), STAMP_NS))


class TestTaxels:
    def test_forces_survive_the_way_through_a_message_in_both_byte_orders(self, make: MessageMaker) -> None:
        forces = np.random.default_rng(0).normal(size=(4, 8, 3)).astype(np.float32)
        message = make.tensor(forces, STAMP_NS, "fingertip")
        assert message.encoding == "32FC3"
        _, felt = TaxelConverter("touch", 4, 8)(message)
        assert np.array_equal(felt, forces)
        big = SimpleNamespace(
            **{name: getattr(message, name) for name in ("header", "height", "width", "encoding", "step")},
            is_bigendian=1,
            data=forces.astype(">f4").tobytes(),
        )
        _, felt = TaxelConverter("touch", 4, 8)(big)
        assert np.array_equal(felt, forces)
        assert felt.dtype == np.float32  # of this machine's byte order

    def test_a_nan_is_refused_with_its_place(self, make: MessageMaker) -> None:
        forces = np.zeros((4, 8, 3), np.float32)
        forces[2, 5, 1] = np.nan
        with pytest.raises(UserError, match=r"touch\[2, 5, 1\]: got nan"):
            TaxelConverter("touch", 4, 8)(make.tensor(forces, STAMP_NS))

    def test_a_turned_grid_is_refused(self, make: MessageMaker) -> None:
        with pytest.raises(UserError, match=r"\(8, 4\).*\(4, 8\)"):
            TaxelConverter("touch", 4, 8)(make.tensor(np.zeros((8, 4, 3), np.float32), STAMP_NS))


def test_a_wrench_keeps_its_order_and_refuses_another_frame(make: MessageMaker) -> None:
    convert = WrenchConverter("wrist", "wrist_ft")
    assert convert(make.wrench([1, 2, 3, 4, 5, 6], STAMP_NS, "wrist_ft"))[1].tolist() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(UserError, match=r"frame_id.*'base_link'.*'wrist_ft'"):
        convert(make.wrench([0] * 6, STAMP_NS, "base_link"))
    with pytest.raises(UserError, match="finite"):
        convert(make.wrench([0, 0, float("inf"), 0, 0, 0], STAMP_NS, "wrist_ft"))


class TestJoints:
    def test_joints_are_mapped_by_name_in_any_order_among_others(self, make: MessageMaker) -> None:
        convert = JointConverter("arm", ["a", "b", "c"], ["position", "velocity"])
        for names in (["a", "b", "c"], ["c", "x", "a", "b"], ["b", "a", "c"]):
            position = [float(ord(name)) for name in names]
            velocity = [-value for value in position]
            _, values = convert(make.joint_state(names, position, velocity, stamp_ns=STAMP_NS))
            assert values.tolist() == [[97, -97], [98, -98], [99, -99]]
            assert values.dtype == np.float32

    @pytest.mark.parametrize(
        ("names", "position", "velocity", "field"),
        [
            (["a", "c"], [0, 0], [0, 0], r"\['b'\]"),
            (["a", "b", "b"], [0, 0, 0], [0, 0, 0], "once"),
            (["a", "b"], [0], [0, 0], "position"),
            (["a", "b"], [0, 0], [], "velocity"),
            (["a", "b"], [0, float("nan")], [0, 0], r"arm: position\[b\].*finite"),
            ([], [], [], "name"),
        ],
    )
    def test_bad_joint_states_are_refused(
        self, make: MessageMaker, names: list[str], position: list[float], velocity: list[float], field: str
    ) -> None:
        convert = JointConverter("arm", ["a", "b"], ["position", "velocity"])
        with pytest.raises(UserError, match=field):
            convert(make.joint_state(names, position, velocity, stamp_ns=STAMP_NS))

    def test_a_nan_of_a_joint_that_is_not_ours_does_not_matter(self, make: MessageMaker) -> None:
        convert = JointConverter("arm", ["a"])
        assert convert(make.joint_state(["x", "a"], [float("nan"), 1], stamp_ns=STAMP_NS))[1].tolist() == [[1]]


@given(st.lists(st.floats(-1, 1), min_size=7, max_size=7))
def test_a_pose_is_refused_unless_its_quaternion_has_length_one(numbers: list[float]) -> None:
    place, turn = numbers[:3], np.array(numbers[3:])
    message = SimpleNamespace(
        header=SimpleNamespace(frame_id="base_link"),
        pose=SimpleNamespace(
            position=SimpleNamespace(**dict(zip("xyz", place))),
            orientation=SimpleNamespace(**dict(zip("xyzw", turn))),
        ),
    )
    if abs(np.linalg.norm(turn) - 1) > 0.01:
        with pytest.raises(UserError, match="orientation"):
            pose_array(message)
    else:
        assert np.isclose(np.linalg.norm(pose_array(message)[3:]), 1)


def test_a_pose_survives_the_way_through_a_message_and_only_in_its_frame(make: MessageMaker) -> None:
    pose = [0.1, 0.2, 0.3, 0.0, 0.6, 0.0, 0.8]
    message = make.pose(pose, STAMP_NS, "base_link")
    assert np.allclose(pose_array(message, "base_link"), pose)
    with pytest.raises(UserError, match="frame_id"):
        pose_array(message, "world")


def test_every_stream_of_the_shipped_arm_has_a_converter_and_a_shape() -> None:
    contract = load_contract("tabletop_arm")
    shapes = {stream.name: stream.shape for stream in contract.interface.streams}
    assert shapes == {
        "front": (64, 64, 3),
        "table_mic": (1600, 1),
        "fingertip_taxels": (4, 8, 3),
        "wrist_wrench": (6,),
        "arm": (6, 2),
    }
    for stream in contract.interface.streams:
        converter_for(stream, contract.source(stream.name))


def test_a_message_type_that_does_not_fit_the_stream_lists_those_that_do() -> None:
    stream = load_contract("tabletop_arm").stream("table_mic")
    source = StreamSource(name="table_mic", topic="audio", type="sensor_msgs/msg/JointState", max_age_s=1.0)
    with pytest.raises(UserError, match=r"table_mic: type.*AudioDataStamped.*AudioStamped"):
        converter_for(stream, source)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e39, -1e300, float("inf"), float("nan")])
def test_a_number_that_single_precision_does_not_hold_is_refused_without_a_warning(
    make: MessageMaker, value: float
) -> None:
    """By every reader of such messages, whichever precision it works in: a data set has it as inf otherwise."""
    state = make.joint_state(("a", "b"), [0.5, value], stamp_ns=1)
    with pytest.raises(UserError, match=r"position\[b\]"):
        JointConverter("arm", ("a", "b"))(state)
    with pytest.raises(UserError, match=r"position\[b\]"):
        JointParts(("a", "b"), (0.1, 0.1)).take(state, "arm", ("a", "b"), False)
    with pytest.raises(UserError, match="pose"):
        pose_array(make.pose([0.0, value, 0.0, 0.0, 0.0, 0.0, 1.0], 1, "base"))


def test_a_large_number_that_single_precision_holds_is_taken(make: MessageMaker) -> None:
    state = make.joint_state(("a", "b"), [3e38, -2e30], stamp_ns=1)
    assert JointConverter("arm", ("b", "a"))(state)[1][:, 0].tolist() == pytest.approx([-2e30, 3e38])


def test_a_frame_with_a_slash_before_it_is_the_same_frame(make: MessageMaker) -> None:
    """As bags of ROS 1 and old drivers have it; no link of a URDF is called so. Another name stays another."""
    assert WrenchConverter("felt", "tool")(make.wrench(np.arange(6.0), 3, "/tool"))[1].tolist() == [0, 1, 2, 3, 4, 5]
    assert pose_array(make.pose([1.0, 2.0, 3.0, 0, 0, 0, 1.0], 3, "/base"), "base")[:3].tolist() == [1.0, 2.0, 3.0]
    for frame in ("arm/tool", "//tool", "tool/"):
        with pytest.raises(UserError, match="frame_id"):
            WrenchConverter("felt", "tool")(make.wrench(np.arange(6.0), 3, frame))
