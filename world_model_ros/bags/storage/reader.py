"""Reads bags: a folder, a single ``.mcap`` or ``.db3`` file, or a ROS 1 ``.bag``; what is broken is left out."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Connection

from world_model_ros.bags.storage.channels import SCHEMALESS, unreadable
from world_model_ros.bags.storage.files import Storage, open_storage, storage_files, unpacked_message
from world_model_ros.bags.storage.message_types import Decoder
from world_model_ros.bags.storage.writer import CONTRACT_TOPIC
from world_model_ros.contract.topics import absolute
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import path_of

_MOST_DAMAGE = 10  # lines


@dataclass(frozen=True)
class Topic:
    """A topic of a bag: its message type (``sensor_msgs/msg/Image``) and how many messages it has."""

    name: str
    type: str
    count: int


class BagReader:
    """A bag being read; a context manager. What is broken, or not of ROS, costs itself alone.

    Example::

        with BagReader("episode.mcap", {"/joints": "/joint_states"}) as bag:
            for topic, type_name, stamp_ns, message in bag.messages(["/joint_states"]):
                ...

    Args:
        path: bag folder, storage file (compressed or not), or ROS 1 file.
        names: topic in the bag -> the name it has here.

    Attributes:
        ros1: messages are serialised as in ROS 1 rather than CDR.
        back_ns: taken off all times of the bag, which was recorded by another clock than that of what is in it.

    Raises:
        UserError: there is no such bag, it cannot be read at all, or ``names`` does not fit it.
    """

    def __init__(self, path: str | Path, names: Mapping[str, str] | None = None) -> None:
        self.path = path_of("bag", path)
        self.ros1 = self.path.suffix == ".bag"
        self._names = _absolute(names or {})
        self.back_ns = 0
        self._closed = False
        self._stack = ExitStack()
        self._decoders: dict[str, Decoder] = {}
        self._unjudged: set[str] = set()  # topics whose type is not known
        self._assumed: dict[str, str] = {}
        with ExitStack() as opened:  # is left open only if all goes well
            files, self._notes = storage_files(self.path)
            self._readers = self._open(files, opened)
            self._check_names()
            self._kinds = self._usual_types()
            self._stack = opened.pop_all()

    @property
    def damage(self) -> list[str]:
        """What is missing or could not be read, a line each; what is met while reading is added then."""
        found = [*self._notes, *(line for each in self._readers for line in getattr(each, "damage", ()))]
        more = len(found) - _MOST_DAMAGE
        return found if more <= 0 else [*found[:_MOST_DAMAGE], f"{self.path.name}: and {more} more of such places"]

    @property
    def unreadable(self) -> dict[str, str]:
        """Why topics cannot be read, wholly or in part; by topic name, with how many messages there are."""
        found: dict[str, list[str]] = {}
        for reader in self._readers:
            for connection in reader.connections:
                why = self._why_not(connection)
                if why is not None:
                    kind = "" if connection.msgtype == SCHEMALESS else f" of {connection.msgtype}"
                    words = f"{connection.msgcount} messages{kind} left out: {why}"
                    found.setdefault(self._name(connection), []).append(words)
        return {topic: "; ".join(words) for topic, words in sorted(found.items())}

    @property
    def assumed(self) -> dict[str, str]:
        """Topics that do not say what type they have, and the type they are read as; see `assume`."""
        return dict(self._assumed)

    @property
    def start_ns(self) -> int:
        """Bag time of the first message, ns."""
        return min((each.start_time for each in self._readers if each.message_count), default=0) - self.back_ns

    @property
    def end_ns(self) -> int:
        """Bag time of the last message, ns."""
        return max((each.end_time - 1 for each in self._readers if each.message_count), default=0) - self.back_ns

    def topics(self) -> dict[str, Topic]:
        """Readable topics by name."""
        counts: Counter[str] = Counter()
        for connection in self._readable():
            counts[self._name(connection)] += connection.msgcount
        return {name: Topic(name, self._kinds[name], count) for name, count in sorted(counts.items())}

    def assume(self, types: Mapping[str, str]) -> None:
        """Read topics that do not say their type as the type that is given for them; others are left alone."""
        for connection in (each for reader in self._readers for each in reader.connections):
            name = self._name(connection)
            if connection.msgtype == SCHEMALESS and name in types and name not in self._kinds:
                self._assumed[name] = self._kinds[name] = types[name]

    def require(self, topic: str, type_name: str | None = None) -> Topic:
        """A topic that must be there, with messages; `UserError` lists what is there."""
        topics = self.topics()
        if not isinstance(topic, str):
            raise UserError(f"{self.path.name}: topic", topic, f"one of {list(topics)}")
        found = topics.get(absolute(topic))
        listed = [f"{each.name} ({each.type}, {each.count})" for each in topics.values()]
        if found is None or not found.count:
            why = self.unreadable.get(absolute(topic))
            legal = "; ".join([f"one of the topics with messages in the bag: {listed}", *self.damage])
            raise UserError(
                f"{self.path.name}: topic", topic, legal if why is None else f"a topic of ROS 2; it is {why}"
            )
        if type_name is not None and found.type != type_name:
            raise UserError(f"{self.path.name}: type of {topic}", found.type, f"{type_name}; in the bag: {listed}")
        return found

    def raw_messages(self, topics: Collection[str] | None = None) -> Iterator[tuple[str, str, int, bytes]]:
        """Topic, type, bag time in ns, and the serialised message, in order of bag time; None takes all topics.

        Raises:
            UserError: of the topics that are asked for, one is not in the bag, see `among`; the bag is closed.
        """
        self._require_open()
        names = None if topics is None else self._named(topics)
        streams = []
        for reader in self._readers:
            readable = [each for each in reader.connections if self._why_not(each) is None]
            wanted = [each for each in readable if names is None or self._name(each) in names]
            if wanted:
                streams.append(self._until_damage(reader, wanted))
        merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda item: item[1])
        for connection, stamp_ns, raw in merged:
            name = self._name(connection)
            try:
                yield name, self._kinds[name], stamp_ns - self.back_ns, raw if self.ros1 else unpacked_message(raw)
            except ValueError as error:
                self.say(f"{name}: messages that cannot be unpacked are left out: {error}")
            self._require_open()

    def among(self, topics: Collection[str]) -> set[str]:
        """Those of some topics that can be read here."""
        return {absolute(each) for each in topics} & self.topics().keys()

    def messages(self, topics: Collection[str] | None = None) -> Iterator[tuple[str, str, int, Any]]:
        """Topic, type, bag time in ns, and the message as rosbags' class; as `raw_messages` otherwise."""
        for topic, type_name, stamp_ns, raw in self.raw_messages(topics):
            yield topic, type_name, stamp_ns, self.decode(topic, raw)

    def decode(self, topic: str, raw: bytes | memoryview) -> Any:
        """A message of a topic out of its serialised form; `UserError` if it is cut off or its type is unknown."""
        decoder = self._decoders.get(topic)
        if decoder is None:
            connection = self.connection(topic)
            decoder = Decoder(self._kinds[topic], connection.msgdef, self.ros1)
            self._decoders[topic] = decoder
        try:
            return decoder(raw)
        except UserError as error:
            raise UserError(f"{topic}: {error.field}", error.value, error.legal) from error

    def check(self, topic: str, raw: bytes | memoryview) -> None:
        """Raise `UserError` if a message is cut off or something else; all pass where its type is not known."""
        if topic in self._unjudged:
            return
        if topic not in self._decoders:
            try:
                connection = self.connection(topic)
                self._decoders[topic] = Decoder(self._kinds[topic], connection.msgdef, self.ros1)
            except UserError:
                self._unjudged.add(topic)
                return
        self.decode(topic, raw)

    def connection(self, topic: str) -> Connection:
        """How a topic of the bag was recorded: its type, definition and QoS, as rosbags has it."""
        found = [each for each in self._readable() if self._name(each) == topic]
        if not found:
            raise UserError(f"{self.path.name}: topic", topic, f"one of {list(self.topics())}")
        return max(found, key=lambda each: each.msgcount)

    def senders(self, topic: str) -> list[str]:
        """Who published a topic, as far as the bag says: nodes in ROS 1, else its channels."""
        found = [each for each in self._readable() if self._name(each) == topic]
        names = {str(each.ext.callerid) for each in found} if self.ros1 else set()
        return sorted(names) or [f"channel {each.id}" for each in found if each.owner is found[0].owner]

    def contract_text(self) -> str | None:
        """YAML of the contract the bag was recorded with, or None."""
        if CONTRACT_TOPIC not in self.topics():
            return None
        return next((str(message.data) for _, _, _, message in self.messages([CONTRACT_TOPIC])), None)

    def close(self) -> None:
        self._closed = True
        self._stack.close()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _named(self, topics: Collection[str]) -> set[str]:
        """Topics of the bag by their names, with or without a slash in front."""
        if isinstance(topics, str) or not isinstance(topics, Collection) or not all(isinstance(t, str) for t in topics):
            raise UserError("topics", topics, "a list of names; None takes all")
        there = self.topics()
        for topic in topics:
            if absolute(topic) not in there:
                why = self.unreadable.get(absolute(topic))
                legal = f"one of {list(there)}" if why is None else f"a topic of ROS 2; it is {why}"
                raise UserError(f"{self.path.name}: topic", topic, legal)
        return {absolute(topic) for topic in topics}

    def _require_open(self) -> None:
        if self._closed:
            raise UserError("bag", str(self.path), "a bag that is open; it was closed before it was read to its end")

    def _open(self, files: list[Path], stack: ExitStack) -> list[Storage]:
        """What reads each file; those that cannot be opened are named, unless that is all of them."""
        readers, failed = [], []
        for file in files:
            try:
                with _broken(self.path):
                    reader, notes = open_storage(file, stack)
            except UserError as error:
                failed.append((file, error))
                continue
            readers.append(reader)
            self._notes += notes
        if not readers:
            raise failed[0][1]
        self._notes += [f"{file.name}: left out: {error}" for file, error in failed]
        return readers

    def _readable(self) -> list[Connection]:
        return [each for reader in self._readers for each in reader.connections if self._why_not(each) is None]

    def _why_not(self, connection: Connection) -> str | None:
        """Why a channel is left out; of several types on a topic, the one with most messages is read."""
        name = self._name(connection)
        if connection.msgtype == SCHEMALESS and self._assumed.get(name) is not None:
            connection = connection._replace(msgtype=self._assumed[name])
        why = unreadable(connection)
        if why is None and connection.msgtype != self._kinds.get(name, connection.msgtype):
            return f"the topic also comes as {self._kinds[name]}"
        return why

    def _usual_types(self) -> dict[str, str]:
        """The type of each topic."""
        counts: dict[str, Counter[str]] = {}
        for connection in (each for reader in self._readers for each in reader.connections):
            if unreadable(connection) is None:
                counts.setdefault(self._name(connection), Counter())[connection.msgtype] += connection.msgcount
        return {name: max(sorted(kinds), key=lambda kind: kinds[kind]) for name, kinds in counts.items()}

    def _until_damage(self, reader: Storage, wanted: list[Connection]) -> Iterator[tuple[Connection, int, bytes]]:
        last_ns = 0
        try:
            for item in reader.messages(connections=wanted):
                last_ns = item[1]
                yield item
        except Exception as error:
            name = Path(getattr(reader, "path", self.path)).name
            self.say(f"{name}: read up to the message of {last_ns * 1e-9:.3f} s: {_words(error)}")

    def say(self, words: str) -> None:
        """Add a line to what could not be read."""
        if words not in self._notes:
            self._notes.append(words)

    def _name(self, connection: Connection) -> str:
        topic = absolute(str(connection.topic))  # files of other tools have names without a slash in front
        return self._names.get(topic, topic)

    def _check_names(self) -> None:
        there = {absolute(str(each.topic)) for reader in self._readers for each in reader.connections}
        for old, new in self._names.items():
            if old not in there:
                raise UserError("map", f"{old}:={new}", f"a topic of the bag before ':=', one of {sorted(there)}")
            if new in there and new not in self._names:
                raise UserError("map", f"{old}:={new}", f"another name; the bag has a topic {new} already")


def _absolute(names: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(names, Mapping) or not all(isinstance(each, str) for pair in names.items() for each in pair):
        raise UserError("map", names, "topic in the bag -> the name it has here, as texts")
    return {absolute(old): absolute(new) for old, new in names.items()}


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
