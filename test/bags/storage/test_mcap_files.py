"""Our MCAP writer and reader against others': rosbags', and the reference library of the format."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap.stream_reader import CRCValidationError
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.metadata import offered_qos, to_yaml
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.field_types import Qos
from world_model_ros.core.installation.ros_distribution import ros_distribution

Message = tuple[str, str, int, bytes]
TEXT, IMAGE = "std_msgs/msg/String", "sensor_msgs/msg/Image"


def written(path: Path, stamps_ns: list[int], compress: bool = False) -> list[Message]:
    """A bag of several chunks with two topics, messages in the order of ``stamps_ns``; the messages."""
    random = np.random.default_rng(0)
    messages = []
    with BagWriter(path, compress=compress) as bag:
        for count, at in enumerate(stamps_ns):
            picture = bag.make.image(random.integers(0, 255, (150, 200, 3), np.uint8), "rgb8", at)
            for topic, kind, message in (("/eye", IMAGE, picture), ("/word", TEXT, bag.make.string(str(count)))):
                raw = bytes(standard_types().serialize_cdr(message, kind))
                messages.append((topic, kind, at, raw))
                bag.write_raw(topic, kind, raw, at, Qos(reliability="best_effort", depth=3))
    return messages


def storage(path: Path) -> Path:
    return path / f"{path.name}.mcap"


@pytest.mark.parametrize("compress", [False, True])
def test_the_reference_library_reads_every_message_and_checks_every_checksum(tmp_path: Path, compress: bool) -> None:
    messages = written(tmp_path / "bag", list(range(5, 65)), compress)
    with storage(tmp_path / "bag").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        found = [(c.topic, s.name, m.log_time, m.data) for s, c, m in reader.iter_messages()]  # type: ignore[union-attr]
        assert found == messages
        summary = reader.get_summary()
        assert summary is not None
        about = summary.statistics
        assert about is not None
        assert (about.message_count, about.message_start_time, about.message_end_time) == (120, 5, 64)
        assert about.chunk_count == len(summary.chunk_indexes) > 3
        assert all(index.compression == ("zstd" if compress else "") for index in summary.chunk_indexes)
        assert [m.log_time for _, _, m in reader.iter_messages(topics=["/word"], reverse=True)] == list(
            range(64, 4, -1)
        )
        (metadata,) = list(reader.iter_metadata())
        assert (metadata.name, list(metadata.metadata)) == ("rosbag2", ["serialized_metadata"])


def test_a_folder_says_what_the_one_that_rosbags_writes_says(tmp_path: Path) -> None:
    messages = written(tmp_path / "ours" / "bag", [7, 9, 8])
    with Writer(tmp_path / "theirs" / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        with Reader(tmp_path / "ours" / "bag") as ours:
            offered = {each.topic: each.ext.offered_qos_profiles for each in ours.connections}
        topics = {
            topic: bag.add_connection(topic, kind, typestore=standard_types(), offered_qos_profiles=offered[topic])
            for topic, kind in (("/eye", IMAGE), ("/word", TEXT))
        }
        for topic, _, at, raw in messages:
            bag.write(topics[topic], at, raw)
    ours_said, theirs_said = (
        yaml.safe_load((tmp_path / name / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
        for name in ("ours", "theirs")
    )
    assert ours_said | {"ros_distro": "rosbags"} == theirs_said
    assert ours_said["ros_distro"] == ros_distribution() != "unknown"
    for name in ("ours", "theirs"):
        with Reader(tmp_path / name / "bag") as reader:
            found = sorted((c.topic, at, raw, c.msgdef.data) for c, at, raw in reader.messages())
        assert [each[:3] for each in found] == sorted((topic, at, raw) for topic, _, at, raw in messages)
        assert all("uint8[] data" in definition for topic, _, _, definition in found if topic == "/eye")


def test_chunks_that_overlap_in_time_are_read_in_order_of_time(tmp_path: Path) -> None:
    stamps = np.random.default_rng(1).permutation(60).tolist()
    messages = written(tmp_path / "bag", stamps)
    with BagReader(tmp_path / "bag") as bag:
        assert list(bag.raw_messages()) == sorted(messages, key=lambda each: each[2])
        assert [at for _, _, at, _ in bag.raw_messages({"/word"})] == list(range(60))
        assert (bag.start_ns, bag.end_ns) == (0, 59)


def test_damage_within_a_chunk_is_noticed(tmp_path: Path) -> None:
    messages = written(tmp_path / "bag", list(range(60)))
    file = storage(tmp_path / "bag")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x01
    file.write_bytes(data)
    with BagReader(file) as bag:
        found = list(bag.raw_messages())
        (line,) = bag.damage
    lost = len(messages) - len(found)
    assert 0 < lost < 0.5 * len(messages)
    assert [each for each in messages if each in found] == found
    assert found[-1] == messages[-1]
    assert "checksum" in line
    with file.open("rb") as opened, pytest.raises(CRCValidationError):
        list(make_reader(opened, validate_crcs=True).iter_messages())


def test_an_empty_bag_can_be_opened(tmp_path: Path) -> None:
    BagWriter(tmp_path / "bag").close()
    with BagReader(tmp_path / "bag") as bag:
        assert (list(bag.raw_messages()), bag.topics(), bag.start_ns) == ([], {}, 0)


@pytest.fixture
def small_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * 2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_is_an_error_and_what_was_written_can_be_read(tmp_path: Path, small_disk: None) -> None:
    with pytest.raises(OSError, match="too large"):
        written(tmp_path / "bag", list(range(200)))
    with BagReader(storage(tmp_path / "bag")) as bag:
        assert 30 < sum(1 for _ in bag.raw_messages({"/word"})) < 60
        assert len(bag.damage) == 1


def test_quality_of_service_is_plain_yaml() -> None:
    text = to_yaml(offered_qos(Qos(durability="transient_local", depth=2)))
    (profile,) = yaml.safe_load(text)
    assert (profile["durability"], profile["depth"], profile["liveliness"]) == ("transient_local", 2, "automatic")
    assert "&" not in text
