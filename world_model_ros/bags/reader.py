"""Read bags: a folder, a ``.mcap`` or ``.db3`` file alone, or a ROS 1 ``.bag``."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import yaml
from rosbags.interfaces import Connection
from rosbags.rosbag1 import Reader as Reader1

from world_model_ros.bags.mcap_read import IndexedReader
from world_model_ros.bags.mcap_scan import McapScan
from world_model_ros.bags.message_types import Decoder
from world_model_ros.bags.writer import CONTRACT_TOPIC
from world_model_ros.core.errors import UserError

_STORAGE = (".mcap", ".db3")
_Reader: TypeAlias = Any  # one of rosbags, whose types are not checked here, or a McapScan


@dataclass(frozen=True)
class Topic:
    """A topic of a bag: its message type (``sensor_msgs/msg/Image``) and how many messages it has."""

    name: str
    type: str
    count: int


class BagReader:
    """A bag being read; a context manager. A broken file is read up to the damage.

    Example::

        with BagReader("episode.mcap", {"/joints": "/joint_states"}) as bag:
            for topic, type_name, stamp_ns, message in bag.messages(["/joint_states"]):
                ...

    Args:
        path: bag folder, storage file, or ROS 1 file.
        names: topic in the bag -> the name it shall have here.

    Attributes:
        damage: where reading had to end, a line a file; what is met while reading is added then.
        ros1: messages are serialised as in ROS 1 rather than CDR.

    Raises:
        UserError: there is no such bag, it cannot be read at all, or ``names`` does not fit it.
    """

    def __init__(self, path: str | Path, names: Mapping[str, str] | None = None) -> None:
        self.path = Path(path)
        self.ros1 = self.path.suffix == ".bag"
        self.damage: list[str] = []
        self._names = {_absolute(old): _absolute(new) for old, new in (names or {}).items()}
        self._stack = ExitStack()
        self._decoders: dict[str, Decoder] = {}
        with ExitStack() as opened:  # is left open only if all goes well
            with _broken(self.path):
                self._readers = [self._open(file, opened) for file in _storage_files(self.path)]
            self._check_names()
            self._stack = opened.pop_all()

    @property
    def start_ns(self) -> int:
        """Bag time of the first message, ns."""
        return min((reader.start_time for reader in self._readers if reader.message_count), default=0)

    @property
    def end_ns(self) -> int:
        """Bag time of the last message, ns."""
        return max((reader.end_time - 1 for reader in self._readers if reader.message_count), default=0)

    def topics(self) -> dict[str, Topic]:
        """What is in the bag, by topic name."""
        counts: dict[tuple[str, str], int] = {}
        for reader in self._readers:
            for connection in reader.connections:
                key = (self._name(connection), connection.msgtype)
                counts[key] = counts.get(key, 0) + connection.msgcount
        return {name: Topic(name, type_name, count) for (name, type_name), count in sorted(counts.items())}

    def require(self, topic: str, type_name: str | None = None) -> Topic:
        """A topic that must be there, with messages; `UserError` lists what is there."""
        topics = self.topics()
        found = topics.get(_absolute(topic))
        listed = ", ".join(f"{each.name} ({each.type}, {each.count})" for each in topics.values()) or "nothing"
        if found is None or not found.count:
            raise UserError(f"{self.path.name}: topic", topic, f"one of the topics with messages in the bag: {listed}")
        if type_name is not None and found.type != type_name:
            raise UserError(f"{self.path.name}: type of {topic}", found.type, f"{type_name}; in the bag: {listed}")
        return found

    def raw_messages(self, topics: Collection[str] | None = None) -> Iterator[tuple[str, str, int, bytes]]:
        """Topic, type, bag time in ns, and the serialised message, in order of bag time; None takes all topics."""
        streams = []
        for reader in self._readers:
            wanted = [each for each in reader.connections if topics is None or self._name(each) in topics]
            if wanted:
                streams.append(self._until_damage(reader, wanted))
        merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda item: item[1])
        for connection, stamp_ns, raw in merged:
            yield self._name(connection), connection.msgtype, stamp_ns, raw

    def messages(self, topics: Collection[str] | None = None) -> Iterator[tuple[str, str, int, Any]]:
        """Topic, type, bag time in ns, and the message as rosbags' class."""
        for topic, type_name, stamp_ns, raw in self.raw_messages(topics):
            yield topic, type_name, stamp_ns, self.decode(topic, raw)

    def decode(self, topic: str, raw: bytes | memoryview) -> Any:
        """A message of a topic out of its serialised form; `UserError` if it is cut off or its type is unknown."""
        decoder = self._decoders.get(topic)
        if decoder is None:
            connection = self.connection(topic)
            decoder = Decoder(connection.msgtype, connection.msgdef, self.ros1)
            self._decoders[topic] = decoder
        try:
            return decoder(raw)
        except UserError as error:
            raise UserError(f"{topic}: {error.field}", error.value, error.legal) from error

    def connection(self, topic: str) -> Connection:
        """How a topic of the bag was recorded: its type, definition and QoS, as rosbags has it."""
        return next(each for reader in self._readers for each in reader.connections if self._name(each) == topic)

    def contract_text(self) -> str | None:
        """YAML of the contract the bag was recorded with, or None."""
        if CONTRACT_TOPIC not in self.topics():
            return None
        return next((str(message.data) for _, _, _, message in self.messages([CONTRACT_TOPIC])), None)

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, file: Path, stack: ExitStack) -> _Reader:
        """By its index if it has one, else from its beginning."""
        try:
            return stack.enter_context(Reader1(file) if file.suffix == ".bag" else IndexedReader(file))
        except Exception:  # rosbags meets broken files with nearly any exception
            if file.suffix != ".mcap":
                raise
        scan = McapScan(file)
        if scan.damage:
            self.damage.append(scan.damage)
        return scan

    def _until_damage(self, reader: _Reader, wanted: list[Connection]) -> Iterator[tuple[Connection, int, bytes]]:
        last_ns = 0
        try:
            for item in reader.messages(connections=wanted):
                last_ns = item[1]
                yield item
        except Exception as error:
            words = f"{self.path.name}: read up to the message of {last_ns * 1e-9:.3f} s: {_words(error)}"
            if words not in self.damage:
                self.damage.append(words)

    def _name(self, connection: Connection) -> str:
        topic = str(connection.topic)
        return self._names.get(topic, topic)

    def _check_names(self) -> None:
        there = {each.topic for reader in self._readers for each in reader.connections}
        for old, new in self._names.items():
            if old not in there:
                raise UserError("map", f"{old}:={new}", f"a topic of the bag before ':=': {', '.join(sorted(there))}")
            if new in there and new not in self._names:
                raise UserError("map", f"{old}:={new}", f"another name; the bag has a topic {new} already")


def _storage_files(path: Path) -> list[Path]:
    """The files of a bag; a folder with compressed files stands for itself.

    The files of a folder are opened rather than the folder, because rosbags reads no message, without an error, where
    metadata.yaml and storage disagree about QoS.
    """
    if not path.is_dir():
        if path.suffix not in (*_STORAGE, ".bag") or not path.is_file():
            raise UserError("bag", str(path), "a bag folder, or a .mcap, .db3 or .bag file")
        return [path]
    metadata = path / "metadata.yaml"
    if metadata.is_file():
        information = _information(metadata)
        if str(information.get("compression_mode") or "none").lower() != "none":
            return [path]
        files = [path / Path(name).name for name in information.get("relative_file_paths", [])]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise UserError("bag", str(path), f"a folder that has {missing}, as its metadata.yaml says")
    else:
        files = sorted(file for file in path.iterdir() if file.suffix in _STORAGE)
    if not files:
        raise UserError("bag", str(path), f"a folder with {' or '.join(_STORAGE)} files")
    return files


def _information(metadata: Path) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(metadata.read_text(encoding="utf-8"))["rosbag2_bagfile_information"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UserError("bag", str(metadata), f"metadata of rosbag2 ({error})") from error


@contextmanager
def _broken(path: Path) -> Iterator[None]:
    """What goes wrong with a file is said of the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError("bag", str(path), f"a bag that is whole and closed ({_words(error)})") from error


def _words(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


def _absolute(topic: str) -> str:
    return "/" + topic.lstrip("/")
