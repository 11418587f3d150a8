"""Bags that others made: what is not of ROS 2, packed, or left by a recorder that was killed."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from bag_mutations import Message, write, write_all
from mcap.writer import CompressionType, Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as BagWriter2

from world_model_ros.bags.storage.find import find_bags
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.core.errors import UserError

POINT, WORD = "geometry_msgs/msg/PointStamped", "std_msgs/msg/String"


def sample(count: int = 60) -> list[Message]:
    """Two topics, each message every 10 ms."""
    types = standard_types()
    rows = []
    for i in range(count):
        word = types.types[WORD](data=f"word {i}")
        rows.append(("/word", WORD, i * 10_000_000, bytes(types.serialize_cdr(word, WORD))))
        head = types.types["std_msgs/msg/Header"](types.types["builtin_interfaces/msg/Time"](i, 5), "map")
        point = types.types[POINT](head, types.types["geometry_msgs/msg/Point"](0.5, 1.0, float(i)))
        rows.append(("/point", POINT, i * 10_000_000 + 1, bytes(types.serialize_cdr(point, POINT))))
    return rows


def mcap(path: Path, rows: list[Message], foreign=(), schemas: dict[str, str] | None = None, **how) -> Path:
    """A single file.

    Args:
        foreign: (topic, message encoding, schema encoding or None, index of the row before which it comes).
        schemas: encoding of a type's definition, ``ros2msg`` without; None leaves out the schema altogether.
    """
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=4096, **how)
        writer.start("")
        channels: dict[str, int] = {}
        others: dict[str, int] = {}
        for i, (topic, kind, at, raw) in enumerate(rows):
            for name, encoding, schema, after in foreign:
                if i < after:
                    continue
                if name not in others:
                    number = 0 if schema is None else writer.register_schema("acme.Thing", schema, b"\xfe\xff\x00")
                    others[name] = writer.register_channel(name, encoding, number)
                writer.add_message(others[name], at, b"\xff\x00", at)
            if topic not in channels:
                how_said = (schemas or {}).get(topic, "ros2msg")
                text = (
                    standard_types().generate_msgdef(kind, ros_version=2)[0].encode() if how_said == "ros2msg" else b""
                )
                number = 0 if how_said == "" else writer.register_schema(kind, how_said, text)
                channels[topic] = writer.register_channel(topic, "cdr", number)
            writer.add_message(channels[topic], at, raw, at)
        writer.finish()
    return path


def read(bag: BagReader) -> list[Message]:
    return [(topic, kind, at, bytes(raw)) for topic, kind, at, raw in bag.raw_messages()]


@pytest.mark.parametrize("after", [0, 70])
@pytest.mark.parametrize(
    ("encoding", "schema", "word"),
    [
        ("protobuf", "protobuf", "protobuf"),
        ("json", "jsonschema", "json"),
        ("json", None, "json"),
        ("flatbuffer", "flatbuffer", "flatbuffer"),
        ("ros1", "ros1msg", "ROS 1"),
        ("cdr", None, "without a schema"),
    ],
)
def test_a_channel_that_is_not_of_ros_2_costs_itself_alone(tmp_path, encoding, schema, word, after) -> None:
    rows = sample()
    path = mcap(tmp_path / "mixed.mcap", rows, [("/telemetry", encoding, schema, after)])
    bare = tmp_path / "bare.mcap"  # without its index
    data = path.read_bytes()
    bare.write_bytes(data[: int.from_bytes(data[-28:-20], "little")])
    for each in (path, bare):
        with BagReader(each) as bag:
            assert read(bag) == rows
            assert set(bag.topics()) == {"/word", "/point"}
            assert bag.unreadable.keys() == {"/telemetry"}
            assert word in bag.unreadable["/telemetry"]
            assert bag.unreadable["/telemetry"].startswith(f"{len(rows) - after} messages")
            assert bag.damage == []
            with pytest.raises(UserError, match=word):
                bag.require("/telemetry")


@pytest.mark.parametrize("how", [{"use_statistics": False}, {"use_chunking": False}, {"repeat_channels": False}])
def test_an_index_that_does_not_say_all_is_not_relied_on(tmp_path, how) -> None:
    rows = sample()
    path = mcap(tmp_path / "odd.mcap", rows, [("/telemetry", "protobuf", "protobuf", 0)], **how)
    with BagReader(path) as bag:
        assert read(bag) == rows
        assert {name: topic.count for name, topic in bag.topics().items()} == {"/word": 60, "/point": 60}
        assert "/telemetry" in bag.unreadable


def test_chunks_without_a_message_index_are_read(tmp_path) -> None:
    from mcap.writer import IndexType

    rows = sample()
    path = mcap(tmp_path / "plain.mcap", rows, index_types=IndexType.CHUNK, compression=CompressionType.LZ4)
    with BagReader(path) as bag:
        assert read(bag) == rows
        assert [row for row in rows if row[0] == "/word"] == list(bag.raw_messages({"/word"}))


def test_a_standard_type_with_an_unknown_definition_is_the_standard_one(tmp_path) -> None:
    path = mcap(tmp_path / "unknown.mcap", sample(), schemas={"/point": "unknown"})
    with BagReader(path) as bag:
        assert [message.point.z for _, _, _, message in bag.messages(["/point"])] == list(range(60))
        assert bag.unreadable == {}


def test_a_topic_without_a_schema_can_be_read_as_what_somebody_says_it_is(tmp_path) -> None:
    path = mcap(tmp_path / "bare.mcap", sample(), schemas={"/point": ""})
    with BagReader(path) as bag:
        assert len(read(bag)) == 60
        bag.assume({"/point": POINT, "/word": POINT, "/nothing": POINT})
        assert bag.assumed == {"/point": POINT}
        assert bag.unreadable == {}
        assert bag.require("/word").type == WORD
        assert [message.point.z for _, _, _, message in bag.messages(["/point"])] == list(range(60))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("string frame_id", "string frame", "std_msgs/msg/Header: frame_id"),
        ("float64 z", "float32 z", "geometry_msgs/msg/Point: z"),
        ("geometry_msgs/Pose pose", "geometry_msgs/Pose place", "PoseStamped: pose"),
    ],
)
def test_a_type_that_is_not_what_its_name_says_is_refused_by_its_field(tmp_path, old, new, field) -> None:
    kind = "geometry_msgs/msg/PoseStamped"
    text = standard_types().generate_msgdef(kind, ros_version=2)[0]
    changed = (
        text.replace(old, new) if old in text else text.replace("geometry_msgs/Pose pose", "geometry_msgs/Pose it")
    )
    assert changed != text
    with (tmp_path / "own.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start("ros2")
        channel = writer.register_channel("/pose", "cdr", writer.register_schema(kind, "ros2msg", changed.encode()))
        writer.add_message(channel, 5, b"\0\1\0\0" + bytes(80), 5)
        writer.finish()
    with BagReader(tmp_path / "own.mcap") as bag, pytest.raises(UserError, match=field):
        bag.decode("/pose", next(raw for _, _, _, raw in bag.raw_messages()))


def test_a_topic_of_two_types_is_read_as_the_one_with_most_messages(tmp_path) -> None:
    rows = sample()
    other = [("/word", POINT, at + 2, raw) for topic, _, at, raw in rows[:40] if topic == "/point"]
    mixed = sorted(rows + other, key=lambda row: row[2])
    with (tmp_path / "two.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start("ros2")
        channels: dict[tuple[str, str], int] = {}
        for topic, kind, at, raw in mixed:
            if (topic, kind) not in channels:
                text = standard_types().generate_msgdef(kind, ros_version=2)[0].encode()
                number = writer.register_schema(kind, "ros2msg", text)
                channels[topic, kind] = writer.register_channel(topic, "cdr", number)
            writer.add_message(channels[topic, kind], at, raw, at)
        writer.finish()
    with BagReader(tmp_path / "two.mcap") as bag:
        assert read(bag) == rows
        assert bag.unreadable["/word"] == f"20 messages of {POINT} left out: the topic also comes as {WORD}"


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, list[Message]]:
    """A recording of which the last third is in the log beside it, as a recorder leaves it that is killed."""
    rows = sample()
    whole = write(tmp_path / "whole", rows, "sqlite3")
    live = tmp_path / "live.db3"
    shutil.copy(whole, live)
    database = sqlite3.connect(live)
    late = database.execute("SELECT topic_id, timestamp, data FROM messages ORDER BY timestamp").fetchall()[80:]
    database.execute("DELETE FROM messages WHERE timestamp >= ?", (late[0][1],))
    database.commit()
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA wal_autocheckpoint=0")
    database.executemany("INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)", late)
    database.commit()
    folder = tmp_path / "killed"
    folder.mkdir()
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"live.db3{end}", folder / f"killed_0.db3{end}")
    database.close()
    return folder, rows


def test_what_a_killed_recorder_left_in_its_log_is_read_and_nothing_is_changed(killed) -> None:
    folder, rows = killed
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    folder.chmod(0o555)
    try:
        for path in (folder, folder / "killed_0.db3"):
            with BagReader(path) as bag:
                assert read(bag) == rows
                assert bag.topics()["/word"].count == 60
                assert bag.damage == []
    finally:
        folder.chmod(0o755)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_log_that_cannot_be_read_is_named(killed) -> None:
    folder, rows = killed
    (folder / "killed_0.db3-wal").unlink()
    (folder / "killed_0.db3-wal").mkdir()  # no file: not a log at all
    with BagReader(folder) as bag:
        assert read(bag) == rows[:80]
    (folder / "killed_0.db3-wal").rmdir()
    (folder / "killed_0.db3-journal").write_bytes(b"x" * 600)
    with BagReader(folder) as bag:
        assert read(bag) == rows[:80]
        (line,) = bag.damage
        assert "killed_0.db3-journal" in line


def test_a_database_with_definitions_and_profiles_that_make_no_sense_is_read(tmp_path: Path) -> None:
    """As a recorder leaves them for types whose packages it does not find."""
    rows = sample()
    file = write(tmp_path / "bag", rows, "sqlite3")
    database = sqlite3.connect(file)
    database.execute("UPDATE message_definitions SET encoding = 'unknown', encoded_message_definition = ''")
    database.execute("UPDATE topics SET offered_qos_profiles = '- {history: [', type = 'acme/msg/Own' WHERE id = 1")
    database.execute("UPDATE topics SET serialization_format = 'protobuf' WHERE id = 2")
    database.commit()
    database.close()
    first, second = rows[0][0], rows[1][0]
    with BagReader(file) as bag:
        assert [raw for _, _, _, raw in read(bag)] == [raw for topic, _, _, raw in rows if topic == first]
        assert bag.topics()[first].type == "acme/msg/Own"
        assert "protobuf" in bag.unreadable[second]
        with pytest.raises(UserError, match="acme/msg/Own"):
            bag.decode(first, rows[0][3])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("timestamp = NULL", "4 messages that have no bytes or no time are left out"),
        ("timestamp = 'yesterday'", "4 messages that have no bytes or no time are left out"),
        ("data = NULL", "4 messages that have no bytes or no time are left out"),
        ("data = 'text'", "4 messages that have no bytes or no time are left out"),
        ("topic_id = 77", "4 messages of topics that the file does not list are left out"),
        ("topic_id = NULL", "4 messages of topics that the file does not list are left out"),
    ],
)
def test_rows_of_a_database_that_are_no_messages_cost_themselves_alone(tmp_path: Path, change: str, said: str) -> None:
    """Tables of other tools have no types, and SQLite asks for none."""
    rows = sample()
    file = write(tmp_path / "bag", rows, "sqlite3")
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE loose AS SELECT * FROM messages ORDER BY timestamp")
    database.execute("DROP TABLE messages")
    database.execute("ALTER TABLE loose RENAME TO messages")
    database.execute(f"UPDATE messages SET {change} WHERE rowid IN (1, 40, 41, 120)")
    database.commit()
    database.close()
    kept = [row for i, row in enumerate(rows, 1) if i not in (1, 40, 41, 120)]
    with BagReader(file) as bag:
        assert read(bag) == kept
        assert (bag.start_ns, bag.end_ns) == (kept[0][2], kept[-1][2])
        assert sum(topic.count for topic in bag.topics().values()) == len(kept)
        assert bag.damage == [f"{file.name}: {said}"]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_topic_that_was_written_without_its_slash_is_the_same_topic(tmp_path: Path, storage: str) -> None:
    """As tools do that are not of ROS. Under any other name the contract's topics would not be found."""
    rows = sample()
    bare = [(topic.lstrip("/"), kind, at, raw) for topic, kind, at, raw in rows]
    file = mcap(tmp_path / "bare.mcap", bare) if storage == "mcap" else write(tmp_path / "bag", rows, "sqlite3")
    if storage == "sqlite3":
        database = sqlite3.connect(file)
        database.execute("UPDATE topics SET name = substr(name, 2)")
        database.commit()
        database.close()
    with BagReader(file) as bag:
        assert read(bag) == rows
        assert bag.require("word", WORD).count == bag.require("/point", POINT).count == 60
    with BagReader(file, {"word": "/said"}) as bag:
        assert set(bag.topics()) == {"/said", "/point"}


def packed(path: Path, rows: list[Message], storage: StoragePlugin, mode: CompressionMode) -> Path:
    writer = BagWriter2(path, version=9, storage_plugin=storage)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    write_all(writer, rows)
    return path


@pytest.mark.parametrize("storage", StoragePlugin)
@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_packed_bags_are_read_with_or_without_their_metadata(tmp_path, storage, mode) -> None:
    rows = sample()
    folder = packed(tmp_path / "bag", rows, storage, mode)
    (file,) = [each for each in folder.iterdir() if each.name != "metadata.yaml"]
    assert [each.name for each in find_bags([folder])] == ["bag"]
    for path in (folder, file):
        with BagReader(path) as bag:
            assert read(bag) == rows
    text = (folder / "metadata.yaml").read_text(encoding="utf-8")
    for words in (None, text.replace(file.name, f"bag/{file.name}"), text.replace(".zstd", ""), "", "{", "a: 1"):
        (folder / "metadata.yaml").unlink()
        if words is not None:
            (folder / "metadata.yaml").write_text(words, encoding="utf-8")
        with BagReader(folder) as bag:
            assert read(bag) == rows
            assert len(bag.damage) == (words in ("", "{", "a: 1"))
        (folder / "metadata.yaml").write_text(text, encoding="utf-8")
    (folder / "metadata.yaml").unlink()
    assert [each.name for each in find_bags([folder])] == [file.name]


def test_a_packed_file_that_is_cut_off_is_read_up_to_there(tmp_path) -> None:
    rows = sample(3000)
    folder = packed(tmp_path / "bag", rows, StoragePlugin.MCAP, CompressionMode.FILE)
    (file,) = folder.glob("*.zstd")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with BagReader(file) as bag:
        found = read(bag)
        assert found == rows[: len(found)]
        assert any("unpacked up to byte" in line for line in bag.damage)


def test_a_file_of_a_bag_that_is_missing_or_broken_costs_that_file_alone(tmp_path) -> None:
    rows = sample()
    folder = tmp_path / "split"
    folder.mkdir()
    names = [f"split_{i}.mcap" for i in range(3)]
    for i, name in enumerate(names):
        mcap(folder / name, rows[i * 40 : (i + 1) * 40])
    listed = "\n".join(f"  - {name}" for name in names)
    (folder / "metadata.yaml").write_text(f"rosbag2_bagfile_information:\n  relative_file_paths:\n{listed}\n")
    with BagReader(folder) as bag:
        assert read(bag) == rows
    (folder / names[1]).write_bytes(b"")
    with BagReader(folder) as bag:
        assert read(bag) == rows[:40] + rows[80:]
        assert names[1] in bag.damage[0]
    (folder / names[1]).unlink()
    (folder / "other.mcap").write_bytes((folder / names[0]).read_bytes())
    with BagReader(folder) as bag:
        assert read(bag) == rows[:40] + rows[80:]
        assert [line for line in bag.damage if "split_1.mcap is missing" in line]
        assert [line for line in bag.damage if "other.mcap is left out" in line]


@pytest.mark.parametrize("value", ["!!int ''", "!!timestamp soon", "[" * 100_000, "3", "[[]]", "{"])
def test_metadata_that_cannot_be_read_costs_nothing_of_a_bag(tmp_path: Path, value: str) -> None:
    rows, folder = sample(), tmp_path / "bag"
    folder.mkdir()
    mcap(folder / "bag.mcap", rows)
    (folder / "metadata.yaml").write_text(f"rosbag2_bagfile_information: {value}\n")
    with BagReader(folder) as bag:
        assert read(bag) == rows
        assert [line for line in bag.damage if "metadata.yaml cannot be read" in line]
