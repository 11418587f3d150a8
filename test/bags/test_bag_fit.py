"""What a live check knows of a robot, a check of its recording knows too, and a replay says it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arm_bag import HOME, positions
from mcap.writer import Writer as McapWriter

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.align.ticks import BagTicks
from world_model_ros.bags.bag_fit import BagFit, check_bag
from world_model_ros.bags.replay.replay import Replay, replay
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.check.robot_fit import notes
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.sim.collection.collect import collect

JOINTS, CAMERA, MICROPHONE = "/joint_states", "/camera/front/image_raw", "/microphone/table/audio"
WRENCH, APPLIED = "/force_torque_sensor_broadcaster/wrench", "/gate/applied"
STATE, IMAGE = "sensor_msgs/msg/JointState", "sensor_msgs/msg/Image"
Sent = tuple[str, str, int, Any]
Bend = Callable[[Sent], Iterator[Sent]]


def bent(source: Path, path: Path, bend: Bend) -> Path:
    """A bag, each of whose messages was changed, left out, or followed by others."""
    with BagReader(source) as bag, BagWriter(path) as out:
        rows = [row for sent in bag.messages() for row in bend(sent)]
        for topic, kind, at, message in sorted(rows, key=lambda row: row[2]):
            out.write(topic, kind, message, at)
    return path


def stamped(message: Any, stamp_ns: int) -> Any:
    message.header.stamp = standard_types().types["builtin_interfaces/msg/Time"](
        stamp_ns // 10**9, int(stamp_ns % 10**9)
    )
    return message


def found(result: dict[str, Any], stream: str, what: str) -> list[str]:
    (topic,) = [each for each in result["topics"] if each["stream"] == stream]
    return [each["found"] for each in topic["findings"] if each["what"] == what and each["level"] != "ok"]


def degrees(sent: Sent) -> Iterator[Sent]:
    topic, kind, at, message = sent
    if topic == JOINTS:
        message.position = np.rad2deg(message.position)
    yield topic, kind, at, message


def other_frame(sent: Sent) -> Iterator[Sent]:
    topic, kind, at, message = sent
    if topic == WRENCH:
        message.header.frame_id = "tool0"
    yield topic, kind, at, message


def second_sender(sent: Sent) -> Iterator[Sent]:
    yield sent
    topic, kind, at, message = sent
    if topic == JOINTS:
        later = standard_types().types[STATE](message.header, message.name, HOME + 1.0, np.zeros(6), np.zeros(6))
        yield topic, kind, at + 2_000_000, stamped(_copy(later, kind), at + 2_000_000)


def _copy(message: Any, kind: str) -> Any:
    types = standard_types()
    return types.deserialize_cdr(types.serialize_cdr(message, kind), kind)


def without_stamps(sent: Sent) -> Iterator[Sent]:
    topic, kind, at, message = sent
    yield topic, kind, at, stamped(message, 0) if topic == CAMERA else message


def another_clock(sent: Sent) -> Iterator[Sent]:
    topic, kind, at, message = sent
    yield topic, kind, at, stamped(message, at - 990 * 10**9) if topic == CAMERA else message


def once_ahead(topic: str, ahead_s: float) -> Bend:
    count = iter(range(10**6))

    def bend(sent: Sent) -> Iterator[Sent]:
        name, kind, at, message = sent
        if name == topic and next(count) == 20:
            message = stamped(message, at + round(ahead_s * 1e9))
        yield name, kind, at, message

    return bend


def other_type(sent: Sent) -> Iterator[Sent]:
    topic, _, at, message = sent
    if topic != MICROPHONE:
        yield sent
        return
    yield (
        topic,
        "sensor_msgs/msg/CompressedImage",
        at,
        standard_types().types["sensor_msgs/msg/CompressedImage"](message.header, "mp3", message.data),
    )


@pytest.mark.parametrize(
    ("bend", "stream", "what", "words"),
    [
        (other_frame, "wrist_wrench", "content", "200 of 200 refused: wrist_wrench: "),
        (second_sender, "arm", "publishers", "two publishers, it seems: positions jump between two courses"),
        (without_stamps, "front", "stamps", "all are 0"),
        (another_clock, "front", "stamps", "990 s behind the bag's clock"),
        (once_ahead(CAMERA, 5.0), "front", "stamps", "1 of 60 too far ahead of the bag's clock, by up to 5.000 s"),
        (other_type, "table_mic", "type", "sensor_msgs/msg/CompressedImage; the contract says sensor_msgs/msg/Image"),
    ],
)
def test_the_check_of_a_bag_says_what_the_live_check_would(
    contract, arm_bag, tmp_path, bend, stream, what, words
) -> None:
    result = check_bag(bent(arm_bag, tmp_path / "bag", bend), contract)
    assert [line for line in found(result, stream, what) if words in line], result
    sound = check_bag(arm_bag, contract)
    assert not found(sound, stream, what)


def silent(begin_s: float, end_s: float) -> Bend:
    """A microphone that says nothing in between."""

    def bend(sent: Sent) -> Iterator[Sent]:
        topic, _, at, _ = sent
        first = times.setdefault("first", at)
        if topic != MICROPHONE or not begin_s <= (at - first) * 1e-9 < end_s:
            yield sent

    times: dict[str, int] = {}
    return bend


@pytest.mark.parametrize(("begin_s", "end_s"), [(0.5, 1.2), (0.0, 0.7), (1.3, 9.0)])
def test_a_stream_that_is_silent_for_a_while_fits_and_is_said_when(contract, arm_bag, tmp_path, begin_s, end_s) -> None:
    result = check_bag(bent(arm_bag, tmp_path / "bag", silent(begin_s, end_s)), contract)
    assert result["fits"]
    assert not found(result, "table_mic", "rate") + found(result, "table_mic", "age")
    (line,) = found(result, "table_mic", "gaps")
    long_s, since_s = re.fullmatch(r"nothing for (\S+) s from (\S+) s on", line).groups()
    assert float(long_s) == pytest.approx(0.7, abs=0.05)
    assert float(since_s) == pytest.approx(begin_s, abs=0.05)


def test_a_recorder_that_was_there_before_the_robot_heard_no_silence(contract, arm_bag, tmp_path) -> None:
    def bend(sent: Sent) -> Iterator[Sent]:
        if not early:
            early.append(sent[2])
            text = standard_types().types["std_msgs/msg/String"]("")
            yield "/early", "std_msgs/msg/String", sent[2] - 3 * 10**9, text
        yield sent

    early: list[int] = []
    result = check_bag(bent(arm_bag, tmp_path / "bag", bend), contract)
    assert result["seconds"] > 4.5
    assert not [each for topic in result["topics"] for each in topic["findings"] if each["what"] == "gaps"]


def test_degrees_are_outside_of_the_limits(contract, arm_bag, tmp_path, capsys) -> None:
    path = bent(arm_bag, tmp_path / "bag", degrees)
    assert main(["check", "tabletop_arm", "--bag", str(path), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert not result["fits"]
    assert any("elbow_joint was at" in each["found"] for each in result["joints"])
    assert any("degrees" in each["change"] for each in result["joints"])


def test_a_bag_that_fits_says_so_and_another_topic_name_can_be_mapped(arm_bag, tmp_path, capsys) -> None:
    assert main(["check", "tabletop_arm", "--bag", str(arm_bag)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "tabletop_arm fits its contract"

    def renamed(sent: Sent) -> Iterator[Sent]:
        yield ("/robot" + sent[0] if sent[0] == JOINTS else sent[0], *sent[1:])

    path = bent(arm_bag, tmp_path / "bag", renamed)
    assert main(["check", "tabletop_arm", "--bag", str(path), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    (arm,) = [each for each in result["topics"] if each["stream"] == "arm"]
    assert arm["findings"][0]["found"] == "not in the bag"
    assert "topic: one of ['/robot/joint_states']" in arm["findings"][0]["change"]
    assert main(["check", "tabletop_arm", "--bag", str(path), "--map", f"/robot{JOINTS}:={JOINTS}"]) == 0


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([slice(None), slice(None)], ["2: ['channel 1', 'channel 2']"]),
        ([slice(0, 4), slice(4, None)], []),  # both are needed: a stream a part is what is asked for
    ],
)
def test_two_channels_of_one_topic_are_two_publishers(
    contract: Contract, arm_bag: Path, tmp_path: Path, parts: list[slice], said: list[str]
) -> None:
    path, types = tmp_path / "two.mcap", standard_types()
    with BagReader(arm_bag) as bag, path.open("wb") as file:
        out = McapWriter(file)
        out.start("ros2")
        channels: list[int] = []
        for topic, kind, at, raw in bag.raw_messages([JOINTS]):
            if not channels:
                text = types.generate_msgdef(kind, ros_version=2)[0].encode()
                channels = [out.register_channel(topic, "cdr", out.register_schema(kind, "ros2msg", text))]
                channels.append(out.register_channel(topic, "cdr", 1, {"node": "other"}))
            number = at // 10_000_000 % 2
            message: Any = types.deserialize_cdr(raw, kind)
            for field in ("name", "position", "velocity"):
                setattr(message, field, getattr(message, field)[parts[number]])
            out.add_message(channels[number], at, bytes(types.serialize_cdr(message, kind)), at)
        out.finish()
    assert found(check_bag(path, contract), "arm", "publishers") == said


def test_what_a_robot_was_told_in_a_way_that_cannot_be_read_is_named(contract, arm_bag, tmp_path) -> None:
    topic = "/" + contract.deployment.command.topic

    def told(kind: str, make: Callable[[Any], Any]) -> Bend:
        def bend(sent: Sent) -> Iterator[Sent]:
            name, _, at, message = sent
            if name != APPLIED:
                yield sent
            if name == JOINTS:
                yield topic, kind, at + 1, make(message)

        return bend

    types = standard_types().types
    floats = told(
        "std_msgs/msg/Float64MultiArray",
        lambda state: types["std_msgs/msg/Float64MultiArray"](
            types["std_msgs/msg/MultiArrayLayout"]([], 0), state.position
        ),
    )
    (finding,) = check_bag(bent(arm_bag, tmp_path / "floats", floats), contract)["command"]
    assert f"{topic} is std_msgs/msg/Float64MultiArray" in finding["found"]
    assert finding["level"] == "note"
    empty = told(
        "trajectory_msgs/msg/JointTrajectory",
        lambda state: types["trajectory_msgs/msg/JointTrajectory"](state.header, state.name, []),
    )
    (finding,) = check_bag(bent(arm_bag, tmp_path / "empty", empty), contract)["command"]
    assert finding["found"].startswith(f"200 of 200 messages on {topic} cannot be read")
    assert check_bag(arm_bag, contract)["command"][0]["level"] == "ok"


def test_commands_that_the_contract_does_not_know_are_named(contract, arm_bag, tmp_path) -> None:
    def bend(sent: Sent) -> Iterator[Sent]:
        topic, kind, at, message = sent
        yield ("/servo/joint_command" if topic == APPLIED else topic), kind, at, message

    (finding,) = check_bag(bent(arm_bag, tmp_path / "bag", bend), contract)["command"]
    assert "the contract does not know /servo/joint_command (sensor_msgs/msg/JointState)" in finding["found"]


def test_a_slider_that_the_contract_does_not_hear_is_noted(contract, arm_bag, tmp_path) -> None:
    slider, number = "/driver/speed_scaling", "std_msgs/msg/Float64"

    def bend(sent: Sent) -> Iterator[Sent]:
        yield sent
        if sent[0] == JOINTS:
            yield slider, number, sent[2] + 1, standard_types().types[number](30.0)

    result = check_bag(bent(arm_bag, tmp_path / "bag", bend), contract)
    assert result["fits"]
    (note,) = [each for each in result["command"] if each["what"] == "driver"]
    assert note["change"].startswith(f"deployment.driver: speed_scaling: {{topic: {slider}, type: {number}")


class TestForwardPositions:
    """A robot that is told positions in a message without names and stamps."""

    @pytest.fixture
    def forward(self, contract: Contract) -> Contract:
        old = "{interface: joint_trajectory, topic: joint_trajectory_controller/joint_trajectory, rate_hz: 100.0}"
        assert old in contract.text
        new = "{interface: forward_position, topic: forward/commands, rate_hz: 100.0}"
        return contract_from_text(contract.text.replace(old, new), folder=contract.folder)

    def told(self, arm_bag: Path, path: Path, numbers: int) -> Path:
        types = standard_types().types

        def bend(sent: Sent) -> Iterator[Sent]:
            topic, _, at, message = sent
            if topic != APPLIED:
                yield sent
                return
            layout = types["std_msgs/msg/MultiArrayLayout"]([], 0)
            told = types["std_msgs/msg/Float64MultiArray"](layout, message.position[:numbers] + 0.01)
            yield "/forward/commands", "std_msgs/msg/Float64MultiArray", at, told

        return bent(arm_bag, path, bend)

    def test_they_are_the_reference(self, forward: Contract, arm_bag: Path, tmp_path: Path) -> None:
        path = self.told(arm_bag, tmp_path / "bag", 6)
        assert [each["level"] for each in check_bag(path, forward)["command"]] == ["ok"]
        episode = aligned_episode(path, forward)
        expected = np.array([positions(int(now)) + 0.01 for now in episode.now_ns])
        assert np.abs(episode.reference - expected).max() < 3e-3
        assert np.abs(episode.applied[1:]).max() > 1e-4

    def test_another_number_of_them_is_refused(self, forward: Contract, arm_bag: Path, tmp_path: Path) -> None:
        path = self.told(arm_bag, tmp_path / "bag", 5)
        (finding,) = check_bag(path, forward)["command"]
        assert "forward/commands: data: got '5 numbers'; expected 6" in finding["found"]
        assert np.isnan(aligned_episode(path, forward).reference).all()


def test_a_bag_of_the_simulator_has_no_note_about_itself(contract: Contract, tmp_path: Path) -> None:
    """It has a picture a tick, a third of what the camera of the robot sends."""
    collect(contract, tmp_path, 1, seed=502, scenes="plain")
    result = check_bag(tmp_path / "episode_00000", contract)
    assert result["fits"]
    assert notes(result) == []


def test_few_pictures_are_looked_at_where_time_is_short_and_all_are_counted(contract: Contract, arm_bag: Path) -> None:
    reports = []
    for sparing in (False, True):
        with BagReader(arm_bag) as bag:
            fit = BagFit(bag, contract, sparing)
            for topic, _, at, raw in bag.raw_messages(fit.topics):
                fit.hear(topic, at, raw)
            reports.append(fit.report())
    assert reports[0] == reports[1]


def test_of_few_pictures_the_count_says_that_they_were_few(contract: Contract, arm_bag: Path, tmp_path: Path) -> None:
    """One a second is looked at: ``2 of 60 refused`` would say that 58 are good."""

    def bend(sent: Sent) -> Iterator[Sent]:
        topic, kind, at, message = sent
        yield topic, kind, at, replace(message, encoding="16UC1") if "camera" in topic else message

    with BagReader(bent(arm_bag, tmp_path / "bag", bend)) as bag:
        for sparing, said in ((True, "2 of 2 that were looked at, of 60, refused"), (False, "60 of 60 refused")):
            fit = BagFit(bag, contract, sparing)
            for topic, _, at, raw in bag.raw_messages(fit.topics):
                fit.hear(topic, at, raw)
            (content,) = [each.found for each in fit.findings("front") if each.what == "content"]
            assert content.startswith(said)


class TestReplay:
    @pytest.fixture(scope="class")
    def run(self, toy_bundle: Path, contract: Contract) -> Callable[[Path, Path], Replay]:
        pytest.importorskip("torch", reason="the toy bundles are exported with torch")
        from world_model_ros.brain.brain import Brain
        from world_model_ros.bundle.bundle import load_bundle

        brain = Brain(load_bundle(toy_bundle, contract), contract, "cpu")
        return lambda bag, out: replay(bag, contract, brain, out)

    @pytest.mark.parametrize(
        ("bend", "note"),
        [
            (degrees, "limits: .*elbow_joint was at"),
            (second_sender, "arm: publishers: two publishers, it seems"),
            (once_ahead(JOINTS, 3600.0), "arm: stamps: 1 of 200 too far ahead"),
        ],
    )
    def test_its_notes_hold_the_findings(self, run, arm_bag, tmp_path, bend, note) -> None:
        metrics = run(bent(arm_bag, tmp_path / "bag", bend), tmp_path / "out").metrics
        assert [line for line in metrics["notes"] if re.match(note, line)], metrics["notes"]

    @pytest.mark.parametrize(
        ("bend", "why"),
        [
            (without_stamps, "stamps: all are 0"),
            (another_clock, "stamps: 990 s behind the bag's clock"),
        ],
    )
    def test_a_stream_that_is_never_fresh_has_its_reason(self, run, arm_bag, tmp_path, bend, why) -> None:
        metrics = run(bent(arm_bag, tmp_path / "bag", bend), tmp_path / "out").metrics
        assert metrics["fresh"]["front"] == 0.0
        assert metrics["never_fresh"].keys() == {"front"}
        assert metrics["never_fresh"]["front"].startswith(why)
        assert any(line.startswith(f"front: never fresh, masked: {why}") for line in metrics["notes"])

    def test_a_stream_of_another_type_is_masked_and_the_rest_is_replayed(self, run, arm_bag, tmp_path) -> None:
        metrics = run(bent(arm_bag, tmp_path / "bag", other_type), tmp_path / "out").metrics
        assert metrics["ticks"] == 20
        assert metrics["fresh"]["front"] == 0.95
        assert metrics["never_fresh"] == {
            "table_mic": f"{MICROPHONE} is sensor_msgs/msg/CompressedImage in the bag, the contract says {IMAGE}"
        }

    @pytest.mark.parametrize(("topic", "stream"), [(JOINTS, "arm"), (CAMERA, "front"), (APPLIED, "reference")])
    @pytest.mark.parametrize("ahead_s", [0.7, 3600.0])
    def test_one_stamp_ahead_costs_one_message(self, run, contract, arm_bag, tmp_path, topic, stream, ahead_s) -> None:
        path = bent(arm_bag, tmp_path / "bag", once_ahead(topic, ahead_s))
        with BagReader(path) as bag:
            source = BagTicks(bag, contract)
            ticks = list(source)
        assert {name.split()[0]: count for name, count in source.refused.items()} == {stream: 1}
        assert all(tick.observation.fresh["arm"] and tick.observation.fresh["front"] for tick in ticks[1:])
        assert all(tick.reference is not None for tick in ticks[1:])


def test_a_required_stream_of_another_type_is_an_error(contract: Contract, arm_bag: Path, tmp_path: Path) -> None:
    def bend(sent: Sent) -> Iterator[Sent]:
        topic, _, at, message = sent
        if topic != JOINTS:
            yield sent
            return
        yield topic, "std_msgs/msg/Header", at, message.header

    with (
        BagReader(bent(arm_bag, tmp_path / "bag", bend)) as bag,
        pytest.raises(UserError, match="type of /joint_states"),
    ):
        BagTicks(bag, contract)
