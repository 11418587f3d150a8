"""A recording that broke off is read up to there, and says where that is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bag_mutations import Message, write
from mcap.writer import CompressionType, Writer
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.align.ticks import BagTicks
from world_model_ros.bags.storage.message_types import types_of
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError


@pytest.fixture(scope="module")
def messages(arm_bag: Path) -> list[Message]:
    with BagReader(arm_bag) as bag:
        return [(topic, kind, at, bytes(raw)) for topic, kind, at, raw in bag.raw_messages()]


@pytest.mark.parametrize("kind", ["mcap", "zstd"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_file_that_was_cut_off_is_read_up_to_there(
    tmp_path: Path, contract: Contract, messages: list[Message], kind: str, share: float
) -> None:
    data = write(tmp_path / "bag", messages, kind).read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(data[: round(len(data) * share)])
    with BagReader(cut) as bag:
        found = [(topic, type_name, at, bytes(raw)) for topic, type_name, at, raw in bag.raw_messages()]
        assert found == messages[: len(found)]
        assert share - 0.2 < len(found) / len(messages) <= share + 0.1
        assert sum(topic.count for topic in bag.topics().values()) == len(found)
        (line,) = bag.damage
        assert line.startswith(f"cut.mcap: read up to the message of {found[-1][2] * 1e-9:.3f} s, byte ")
    assert len(aligned_episode(cut, contract)) > 3


def test_a_whole_file_without_its_index_is_read_whole(tmp_path: Path, messages: list[Message]) -> None:
    data = write(tmp_path / "bag", messages, "mcap").read_bytes()
    summary = int.from_bytes(data[-28:-20], "little")
    bare = tmp_path / "bare.mcap"
    bare.write_bytes(data[:summary])
    with BagReader(bare) as bag:
        assert [(t, k, at, bytes(raw)) for t, k, at, raw in bag.raw_messages()] == messages
        assert bag.damage == []  # data end was reached


def test_a_chunk_whose_checksum_does_not_fit_costs_that_chunk_alone(tmp_path: Path, messages: list[Message]) -> None:
    broken = tmp_path / "broken.mcap"
    with broken.open("wb") as file:  # rosbag2 writes checksums, as this writer does
        writer = Writer(file, chunk_size=2**19, compression=CompressionType.NONE)
        writer.start("ros2", "another")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
        channel = writer.register_channel("/a", "cdr", schema)
        for _, _, at, raw in messages:
            writer.add_message(channel, at, raw, at)
        writer.finish()
    data = bytearray(broken.read_bytes())
    summary = int.from_bytes(data[-28:-20], "little")
    data[len(data) // 2] ^= 0xFF
    broken.write_bytes(data)
    bare = tmp_path / "bare.mcap"  # the same without an index
    bare.write_bytes(data[:summary])
    for path in (broken, bare):
        with BagReader(path) as bag:
            found = [bytes(raw) for _, _, _, raw in bag.raw_messages()]
            (line,) = bag.damage
        assert "the chunk at byte" in line
        assert "checksum" in line
        lost = len(messages) - len(found)
        assert 0 < lost < 0.5 * len(messages)
        sent = [raw for _, _, _, raw in messages]
        begin = next(i for i, raw in enumerate(sent) if raw != found[i])
        assert found == sent[:begin] + sent[begin + lost :]


def test_what_is_no_mcap_or_empty_is_an_error(tmp_path: Path) -> None:
    for content in (b"", b"\x89MCAP0\r\n"[:5], b"SQLite format 3\0"):
        (tmp_path / "x.mcap").write_bytes(content)
        with pytest.raises(UserError, match=r"x\.mcap"):
            BagReader(tmp_path / "x.mcap")


def test_topics_are_mapped_to_the_names_of_the_contract(
    tmp_path: Path, contract: Contract, messages: list[Message]
) -> None:
    other = [("/robot" + t if t == "/joint_states" else t, k, at, raw) for t, k, at, raw in messages]
    path = write(tmp_path / "bag", other, "mcap").parent
    with pytest.raises(UserError, match=r"joint_states.*/robot/joint_states \(sensor_msgs/msg/JointState, 200\)"):
        aligned_episode(path, contract)
    mapped = aligned_episode(path, contract, {"robot/joint_states": "joint_states"})
    assert mapped.fresh[:, 4].all()
    for names, legal in (
        ({"/no": "/joint_states"}, "a topic of the bag"),
        ({"/gate/applied": "/taxels/fingertip"}, "another name"),
    ):
        with pytest.raises(UserError, match=legal):
            BagReader(path, names)


def test_nobody_ticks_through_a_pause_of_a_day(tmp_path: Path, contract: Contract, messages: list[Message]) -> None:
    day_ns = 86_400_000_000_000
    later = [(t, k, at + day_ns, raw[:4] + _shifted(raw, 86_400) + raw[12:]) for t, k, at, raw in messages[1:]]
    path = write(tmp_path / "bag", messages + later, "mcap").parent
    with BagReader(path) as bag:
        source = BagTicks(bag, contract)
        ticks = list(source)
    assert len(ticks) == 40
    assert [tick.jumped for tick in ticks].count(True) == 1
    assert source.counts["arm"].gaps == 1
    assert source.counts["arm"].longest_gap_s == pytest.approx(86_398.0, abs=0.1)
    assert np.isfinite(aligned_episode(path, contract).streams["arm"]).all()


def _shifted(raw: bytes, seconds: int) -> bytes:
    stamp = int.from_bytes(raw[4:8], "little") + seconds
    return stamp.to_bytes(4, "little") + raw[8:12]


def test_a_definition_that_lacks_a_type_it_mentions_is_said_to_be_broken() -> None:
    definition = MessageDefinition(MessageDefinitionFormat.MSG, "uFnt32 height\n")
    with pytest.raises(UserError, match="a definition that can be parsed"):
        types_of("sensor_msgs/msg/Image", definition)
