"""Maps a bag's topics to the streams, commands and labels that they feed, and buffers their messages, most raw."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.align.commanded_reference import EVER_NS, ReferenceSource
from world_model_ros.bags.align.stream_counts import StreamCount
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import Source
from world_model_ros.contract.topics import absolute
from world_model_ros.convert.actions import action_array
from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.senses.converters import Converter, converter_for, pose_converter
from world_model_ros.convert.senses.pose import PoseConverter
from world_model_ros.convert.senses.transforms import TransformConverter
from world_model_ros.convert.senses.value import scalar
from world_model_ros.convert.stamps import has_header, stamp_ahead
from world_model_ros.core.errors import AbsentError, OtherMessage, UserError
from world_model_ros.core.streams import MOST_AHEAD_NS, StreamRule, Streams

LABEL_AGE_NS = 500_000_000
_COMMAND_AHEAD_NS = 60_000_000_000  # a trajectory may begin later
REFERENCE = "reference "
ACTION = "action"


@dataclass(frozen=True)
class Route:
    """One stream that a topic feeds.

    Args:
        read: (message, stamp, now) -> array.
        eager: decode every message when it comes, as live, rather than when a tick picks it.
        latency_ns: is taken off every stamp.
        most_ahead_ns: a stamp further ahead of its arrival is refused.
        mute: nothing of its topic can be meant for it; why is in ``count``.
        stamped: its messages begin with a header; those that do not hold from when they were recorded.
        convert: message -> (stamp, array), of messages that have no header but stamps inside; in the place of ``read``.
        helps: its messages alone are none of the stream, as transforms that never change.
    """

    name: str
    topic: str
    streams: Streams
    read: Callable[[Any, int, int], NDArray[Any]]
    count: StreamCount
    eager: bool = False
    latency_ns: int = 0
    most_ahead_ns: int = MOST_AHEAD_NS
    mute: bool = False
    stamped: bool = True
    convert: Converter | None = None
    helps: bool = False

    def push(self, bag: BagReader, bag_ns: int, raw: bytes) -> None:
        """Store a message; one that is not even a header is refused, as is one that must be decoded and cannot."""
        try:
            value: NDArray[Any] | None = None
            if self.convert is not None:
                stamp_ns, value = self.convert(bag.decode(self.topic, raw))
            else:
                # A command without a stamp holds from when it was sent.
                stamp_ns = header_ns(raw, self.topic, bag.ros1) if self.stamped else bag_ns
                stamp_ns = stamp_ns or (bag_ns if self.name.startswith(REFERENCE) else 0)
            if stamp_ns - bag_ns > self.most_ahead_ns:
                self.count.ahead(stamp_ns, bag_ns, stamp_ahead(self.name, stamp_ns - bag_ns))
                return
            if value is None and self.eager:
                value = self.read(bag.decode(self.topic, raw), stamp_ns, bag_ns)
            elif value is None:
                value = np.frombuffer(raw, np.uint8)
        except OtherMessage as error:
            self.count.others += not self.helps
            if isinstance(error, AbsentError) and not self.helps:
                self.count.absent = str(error)
            return
        except UserError as error:
            self.count.refuse(error, arrived=False)
            return
        stamp_ns -= self.latency_ns
        self.count.add(stamp_ns, bag_ns, self.streams.push(self.name, stamp_ns, value))


def sense_routes(bag: BagReader, contract: Contract) -> list[Route]:
    """The routes of the contract's streams, into buffers of their own.

    Topics that do not say their type are read as what the contract says.

    Raises:
        UserError: a required stream is not in the bag, or its topic has another type than the contract says.
    """
    bag.assume(source_types(contract))
    streams = Streams(contract.stream_rules())
    ages = {rule.name: rule.max_age_ns for rule in contract.stream_rules()}
    names = [stream.name for stream in contract.interface.streams]
    return [route for name in names for route in _sense_routes(bag, contract, name, streams, ages[name])]


def source_types(contract: Contract) -> dict[str, str]:
    """Topics of streams and the types that they have."""
    sources = contract.deployment.streams
    helping = {absolute(source.static_topic): source.type for source in sources if source.static_topic is not None}
    return helping | {absolute(source.topic): source.type for source in sources}


def other_routes(bag: BagReader, contract: Contract, references: Sequence[ReferenceSource]) -> list[Route]:
    """The routes of what was commanded, one a source that says so, of an action of free parts, and of the labels."""
    labels = contract.deployment.labels
    rules = [StreamRule(reference_key(each.name), each.max_age_ns) for each in references]
    rules += [StreamRule(label_key(each.name), LABEL_AGE_NS) for each in labels]
    # An action holds for the tick that it comes before.
    rules += [StreamRule(ACTION, contract.tick_ns - 1)] if contract.deployment.action is not None else []
    streams = Streams(rules)
    routes = _action_routes(bag, contract, streams)
    for reference in references:
        count = StreamCount(reference.max_age_ns)
        ahead_ns = MOST_AHEAD_NS if reference.reported else _COMMAND_AHEAD_NS
        name, topic = reference_key(reference.name), reference.topic
        route = Route(name, topic, streams, reference.read, count, reference.shared, most_ahead_ns=ahead_ns)
        routes.append(replace(route, stamped=reference.stamped))
    for label in labels:
        topic, base = absolute(label.topic), contract.interface.base_frame
        count = StreamCount(LABEL_AGE_NS, why=_another_type(bag, topic, label.type))
        convert = pose_converter(label, label.name, base, LABEL_AGE_NS * 1e-9)
        if isinstance(convert, PoseConverter):
            read = _pose_reader(base, label.name, label.index)
        else:
            read = _value_reader(label.name) if convert is None else _reader(convert)
        route = Route(label_key(label.name), topic, streams, read, count, mute=bool(count.why))
        routes += _with_transforms(bag, replace(route, stamped=has_header(label.type)), label, convert)
    return routes


def _another_type(bag: BagReader, topic: str, wanted: str) -> str:
    """Why the messages of a topic cannot be what the contract says; empty where they can."""
    there = bag.topics().get(topic)
    if there is None or there.type == wanted:
        return ""
    return f"{topic} is {there.type} in the bag, the contract says {wanted}"


def _action_routes(bag: BagReader, contract: Contract, streams: Streams) -> list[Route]:
    """That of the action's topic, where there is one. What is recorded there came when it was recorded."""
    sink = contract.deployment.action
    if sink is None:
        return []

    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float32]:
        return action_array(message, contract, sink.topic)

    topic = absolute(sink.topic)
    count = StreamCount(EVER_NS, why=_another_type(bag, topic, sink.type))
    return [Route(ACTION, topic, streams, read, count, mute=bool(count.why), stamped=False)]


def reference_key(name: str) -> str:
    return f"{REFERENCE}{name}"


def label_key(name: str) -> str:
    return f"label {name}"


def header_ns(raw: bytes, topic: str, ros1: bool) -> int:
    """Stamp of a serialised message that begins with a header: after 4 bytes in ROS 2 (encapsulation, which says the
    order of bytes) and ROS 1 (seq)."""
    if len(raw) < 12:
        raise UserError(f"{topic}: message", f"{len(raw)} bytes", "a message that is whole")
    little = ros1 or raw[1] & 1
    seconds, nanoseconds = struct.unpack_from("<II" if little else ">II", raw, 4)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def _sense_routes(bag: BagReader, contract: Contract, name: str, streams: Streams, max_age_ns: int) -> list[Route]:
    stream, source = contract.stream(name), contract.source(name)
    convert = converter_for(stream, source)
    topic = absolute(source.topic)
    if source.required:
        bag.require(topic, source.type)
    count = StreamCount(max_age_ns, why=_another_type(bag, topic, source.type))
    if topic not in bag.topics():
        count.why = bag.unreadable.get(topic, "")

    latency_ns = contract.latency_ns(name)
    route = Route(name, topic, streams, _reader(convert), count, stream.is_eager, latency_ns, mute=bool(count.why))
    return _with_transforms(bag, replace(route, stamped=has_header(source.type)), source, convert)


def _with_transforms(bag: BagReader, route: Route, source: Source, convert: Converter | None) -> list[Route]:
    """A route; of transforms one that converts whatever comes, and another one of those that never change."""
    if not isinstance(convert, TransformConverter) or source.static_topic is None:
        return [route]
    topic = absolute(source.static_topic)
    mute = bool(_another_type(bag, topic, source.type)) or topic not in bag.topics()
    route = replace(route, eager=True, convert=convert)
    return [route, replace(route, topic=topic, convert=convert.static, mute=mute, helps=True)]


def _reader(convert: Converter) -> Callable[[Any, int, int], NDArray[Any]]:
    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[Any]:
        return convert(message)[1]

    return read


def _value_reader(where: str) -> Callable[[Any, int, int], NDArray[np.float64]]:
    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        return np.array([scalar(message, where)])

    return read


def _pose_reader(base: str, where: str, index: int | None) -> Callable[[Any, int, int], NDArray[np.float64]]:
    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        return pose_array(message, base, where, index)

    return read
