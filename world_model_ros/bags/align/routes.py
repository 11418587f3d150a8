"""Which topic of a bag feeds which stream, and how its messages are read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.align.commanded_reference import ReferenceSource
from world_model_ros.bags.align.stream_counts import StreamCount
from world_model_ros.bags.storage.channels import absolute
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.actions import action_array
from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.senses.joints import OtherJoints
from world_model_ros.convert.senses.value import scalar
from world_model_ros.convert.stamps import has_header, stamp_ahead
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import MOST_AHEAD_NS, StreamRule, Streams

LABEL_AGE_NS = 500_000_000
_EVER_NS = 2**62
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

    def push(self, bag: BagReader, bag_ns: int, raw: bytes) -> None:
        """Store a message; one that is not even a header is refused, as is one that must be decoded and cannot."""
        try:
            # A command without a stamp holds from when it was sent.
            stamp_ns = header_ns(raw, self.topic, bag.ros1) if self.stamped else bag_ns
            stamp_ns = stamp_ns or (bag_ns if self.name.startswith(REFERENCE) else 0)
            if stamp_ns - bag_ns > self.most_ahead_ns:
                self.count.ahead(stamp_ns, bag_ns, stamp_ahead(self.name, stamp_ns - bag_ns))
                return
            if self.eager:
                value = self.read(bag.decode(self.topic, raw), stamp_ns, bag_ns)
            else:
                value = np.frombuffer(raw, np.uint8)
        except OtherJoints:
            self.count.others += 1
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
    bag.assume({absolute(source.topic): source.type for source in contract.deployment.streams})
    streams = Streams(contract.stream_rules())
    ages = {rule.name: rule.max_age_ns for rule in contract.stream_rules()}
    return [
        _sense_route(bag, contract, stream.name, streams, ages[stream.name]) for stream in contract.interface.streams
    ]


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
        stamped, base = has_header(label.type), contract.interface.base_frame
        read = _pose_reader(base, label.name, label.index) if stamped else _value_reader(label.name)
        name, topic = label_key(label.name), absolute(label.topic)
        count = StreamCount(LABEL_AGE_NS, why=_another_type(bag, topic, label.type))
        routes.append(Route(name, topic, streams, read, count, mute=bool(count.why), stamped=stamped))
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
    count = StreamCount(_EVER_NS, why=_another_type(bag, topic, sink.type))
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


def _sense_route(bag: BagReader, contract: Contract, name: str, streams: Streams, max_age_ns: int) -> Route:
    stream, source = contract.stream(name), contract.source(name)
    convert = converter_for(stream, source)
    topic = absolute(source.topic)
    if source.required:
        bag.require(topic, source.type)
    count = StreamCount(max_age_ns, why=_another_type(bag, topic, source.type))
    if topic not in bag.topics():
        count.why = bag.unreadable.get(topic, "")

    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[Any]:
        return convert(message)[1]

    route = Route(name, topic, streams, read, count, stream.is_eager, contract.latency_ns(name), mute=bool(count.why))
    return replace(route, stamped=has_header(source.type))


def _value_reader(where: str) -> Callable[[Any, int, int], NDArray[np.float64]]:
    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        return np.array([scalar(message, where)])

    return read


def _pose_reader(base: str, where: str, index: int | None) -> Callable[[Any, int, int], NDArray[np.float64]]:
    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        return pose_array(message, base, where, index)

    return read
