"""Bags are written so that they can be read back, here and by others' tools."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability, QosReliability

from world_model_ros.bags.storage.message_types import installed_types
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.contract.field_types import Qos
from world_model_ros.core.errors import UserError

STATE = "sensor_msgs/msg/JointState"


def test_a_bag_carries_its_contract_latched_and_first(contract: Contract, arm_bag: Path) -> None:
    with BagReader(arm_bag) as bag:
        text = bag.contract_text()
        assert text is not None
        assert contract_from_text(text).interface_hash == contract.interface_hash
        assert next(iter(bag.messages()))[0] == "/contract"
    with AnyReader([arm_bag]) as whole:
        (qos,) = next(each for each in whole.connections if each.topic == "/contract").ext.offered_qos_profiles
        assert qos.durability == QosDurability.TRANSIENT_LOCAL
        assert qos.reliability == QosReliability.RELIABLE


def test_messages_come_back_in_order_of_bag_time_with_the_given_qos(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for stamp_ns in (30, 10, 20):
            message = bag.make.joint_state(["a"], [float(stamp_ns)], stamp_ns=stamp_ns)
            bag.write("joint_states", STATE, message, stamp_ns, Qos(reliability="best_effort", depth=3))
    with BagReader(tmp_path / "bag") as bag:
        assert [(topic, at, m.position.tolist()) for topic, _, at, m in bag.messages()] == [
            ("/joint_states", at, [at]) for at in (10, 20, 30)
        ]
        assert (bag.start_ns, bag.end_ns) == (10, 30)
        assert bag.contract_text() is None
    metadata = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    (topic,) = metadata["topics_with_message_count"]
    assert topic["message_count"] == 3
    assert topic["topic_metadata"]["offered_qos_profiles"][0]["reliability"] == "best_effort"


def test_rclpy_reads_what_was_written_and_the_bag_takes_what_rclpy_wrote(tmp_path: Path) -> None:
    serialization = pytest.importorskip("rclpy.serialization")
    from sensor_msgs.msg import JointState

    # Without velocities, rclpy leaves a few bytes after the message that belong to nothing.
    sent = JointState(name=["a", "b"], position=[1.0, 2.0])
    with BagWriter(tmp_path / "bag") as bag:
        bag.write_raw("joint_states", STATE, serialization.serialize_message(sent), 5)
        bag.write("joint_states", STATE, bag.make.joint_state(["a"], [3.0], stamp_ns=7), 6)
    with BagReader(tmp_path / "bag") as bag:
        raw = [cdr for _, _, _, cdr in bag.raw_messages()]
        assert bag.decode("/joint_states", raw[0]).position.tolist() == [1.0, 2.0]
    assert serialization.deserialize_message(raw[0], JointState) == sent
    assert serialization.deserialize_message(raw[1], JointState).position.tolist() == [3.0]


def test_a_bag_is_never_overwritten_and_a_topic_keeps_its_type(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("a", "std_msgs/msg/String", bag.make.string("x"), 0)
        with pytest.raises(UserError, match="type of /a"):
            bag.write("a", "std_msgs/msg/Float32", bag.make.float32(1.0), 1)
        with pytest.raises(UserError, match="no_such/msg/Thing"):
            bag.write_raw("b", "no_such/msg/Thing", b"", 1)
    with pytest.raises(UserError, match="does not exist yet"):
        BagWriter(tmp_path / "bag")


def test_a_bag_is_readable_after_an_error_while_writing(tmp_path: Path) -> None:
    def fail() -> None:
        with BagWriter(tmp_path / "bag") as bag:
            bag.write("a", "std_msgs/msg/String", bag.make.string("x"), 0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with BagReader(tmp_path / "bag") as bag:
        assert bag.require("a").count == 1


def test_compressed_bags_hold_the_same(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    for name in ("plain", "zstd"):
        with BagWriter(tmp_path / name, compress=name == "zstd") as bag:
            for i in range(100):
                bag.write("eye", "sensor_msgs/msg/Image", bag.make.image(pixels, "rgb8", i), i)
    sizes = {name: (tmp_path / name / f"{name}.mcap").stat().st_size for name in ("plain", "zstd")}
    assert sizes["zstd"] < sizes["plain"] / 20
    with BagReader(tmp_path / "zstd") as bag:
        assert sum(1 for _ in bag.messages(["/eye"])) == 100


def test_types_of_other_packages_are_taken_from_their_msg_files(tmp_path: Path) -> None:
    share = tmp_path / "audio_common_msgs" / "msg"
    share.mkdir(parents=True)
    (share / "AudioData.msg").write_text("uint8[] data\n")
    (share / "AudioDataStamped.msg").write_text("std_msgs/Header header\naudio_common_msgs/AudioData audio\n")
    kind = "audio_common_msgs/msg/AudioDataStamped"
    types = installed_types(kind, tmp_path)
    with BagWriter(tmp_path / "bag") as bag:
        sound = types.types["audio_common_msgs/msg/AudioData"](data=np.arange(4, dtype=np.uint8))
        message = types.types[kind](header=bag.make.header(3), audio=sound)
        bag.write_raw("mic", kind, types.serialize_cdr(message, kind), 3, typestore=types)
    with BagReader(tmp_path / "bag") as bag:
        (read,) = [message for _, _, _, message in bag.messages()]
        assert read.audio.data.tolist() == [0, 1, 2, 3]
    with pytest.raises(UserError, match="NoSuch"):
        installed_types("audio_common_msgs/msg/NoSuch", tmp_path)


def test_a_missing_topic_lists_what_is_there(arm_bag: Path) -> None:
    with BagReader(arm_bag) as bag:
        with pytest.raises(UserError, match=r"lidar.*/joint_states \(sensor_msgs/msg/JointState, 200\)"):
            bag.require("lidar")
        with pytest.raises(UserError, match="type of joint_states"):
            bag.require("joint_states", "std_msgs/msg/String")


@pytest.mark.parametrize("name", ["nothing", "nothing.mcap", "notes.txt", "empty"])
def test_what_is_not_a_bag_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no bag")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=name):
        BagReader(tmp_path / name)


def test_a_message_that_is_cut_off_is_refused(arm_bag: Path) -> None:
    with BagReader(arm_bag) as bag:
        raw = next(cdr for _, _, _, cdr in bag.raw_messages(["/camera/front/image_raw"]))
        for length in (0, 3, 12, 60, len(raw) - 1):
            with pytest.raises(UserError, match="/camera/front/image_raw"):
                bag.decode("/camera/front/image_raw", raw[:length])


COUNTS = {
    "mcap/cdr_test": 7,
    "mcap/convert_a": 150,
    "mcap/talker": 20,
    "mcap/wbag": 6074,
    "sqlite3/cdr_test": 7,
    "sqlite3/convert_a": 150,
    "sqlite3/talker": 20,
    "sqlite3/wbag": 6074,
    "sqlite3/wrong_rmw_test": 7,
}


@pytest.mark.parametrize("folder", COUNTS)
def test_every_message_of_rosbag2s_own_bags_is_read(recorded: Path, folder: str) -> None:
    with BagReader(recorded / "rosbag2_reference" / folder) as bag:
        stamps = [at for _, _, at, _ in bag.raw_messages()]
        assert len(stamps) == COUNTS[folder] == sum(topic.count for topic in bag.topics().values())
        assert stamps == sorted(stamps)


@pytest.mark.parametrize("folder", ["mcap/talker", "sqlite3/talker"])
def test_old_bags_without_definitions_are_decoded_with_the_standard_types(recorded: Path, folder: str) -> None:
    with BagReader(recorded / "rosbag2_reference" / folder) as bag:
        lines = [message.data for _, _, _, message in bag.messages(["/topic"])]
        assert all(line.startswith("Hello, world!") for line in lines)
        assert [message.level for _, _, _, message in bag.messages(["/rosout"])] == [20] * 10


def test_ros_1_bags_are_read(recorded: Path) -> None:
    with BagReader(recorded / "kuka_lwr" / "test.bag") as bag:
        message = next(message for _, kind, _, message in bag.messages() if kind == STATE)
        assert len(message.name) == len(message.position) == len(message.velocity) > 5
