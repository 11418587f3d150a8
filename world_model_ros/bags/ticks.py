"""A bag as the brain would have met it: one observation a tick, cut from streams filled in order of bag time.

Buffers hold messages as they are in the bag, and only those that a tick picks are decoded. A picked message that turns
out broken is dropped, and the tick picks again; live, it would never have entered a buffer.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.reader import BagReader
from world_model_ros.bags.reference import reference_source
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.incoming import converter_for
from world_model_ros.convert.poses import pose_array
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Observation, StreamRule, Streams

# Ticks begin this much after the first message, so that sources in step with the ticks are not seen now at once, now a
# whole period late, by the rounding of their stamps.
_PHASE_NS = 1_000_000
_LABEL_AGE_NS = 500_000_000
_REFERENCE = "reference"


@dataclass(frozen=True)
class Tick:
    """What a bag has for one tick.

    Args:
        observation: as the brain gets it.
        reference: commanded joint positions, (J,) in contract order; None where the bag does not say.
        labels: label name -> pose (7,) in the base frame, those that are fresh.
    """

    observation: Observation
    reference: NDArray[Any] | None
    labels: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class PlannedTick:
    """A tick that a recording says took place: its time, and the stamp of what it saw of each stream."""

    now_ns: int
    chosen_ns: Mapping[str, int]


@dataclass(frozen=True)
class _Route:
    """One stream that a topic feeds. ``read``: (message, stamp, now) -> array; ``eager`` decodes every message."""

    name: str
    topic: str
    streams: Streams
    read: Callable[[Any, int, int], NDArray[Any]]
    eager: bool = False


class BagTicks:
    """The ticks of a bag.

    Iterating gives one `Tick` every ``contract.tick_ns`` while all required streams last, or those of ``plan``.

    Args:
        bag: an open bag.
        contract: streams, converters, tick rate, labels.
        plan: ticks of a recording to be repeated exactly.

    Raises:
        UserError: a required stream is not in the bag, or a stream's topic has another type than the contract says.
    """

    def __init__(self, bag: BagReader, contract: Contract, plan: Sequence[PlannedTick] | None = None) -> None:
        self._bag = bag
        self._contract = contract
        self._plan = plan
        self.refused: Counter[str] = Counter()
        self._senses = Streams(contract.stream_rules())
        reference = reference_source(bag, contract)
        labels = contract.deployment.labels
        self._others = Streams(
            [
                StreamRule(_REFERENCE, 0 if reference is None else reference.max_age_ns),
                *(StreamRule(f"label {each.name}", _LABEL_AGE_NS) for each in labels),
            ]
        )
        self._routes = [self._sense_route(stream.name) for stream in contract.interface.streams]
        self._required = {route.topic for route in self._routes if contract.source(route.name).required} or {
            route.topic for route in self._routes if route.topic in bag.topics()
        }
        if reference is not None:
            self._routes.append(_Route(_REFERENCE, reference.topic, self._others, reference.read))
        base = contract.interface.base_frame
        for label in labels:

            def read(message: Any, stamp_ns: int, now_ns: int, where: str = label.name) -> NDArray[np.float64]:
                return pose_array(message, base, where)

            self._routes.append(_Route(f"label {label.name}", _absolute(label.topic), self._others, read))

    def __iter__(self) -> Iterator[Tick]:
        by_topic: dict[str, list[_Route]] = {}
        for route in self._routes:
            by_topic.setdefault(route.topic, []).append(route)
        messages = self._bag.raw_messages(set(by_topic))
        if self._plan is not None:
            return self._planned(messages, by_topic)
        return self._regular(messages, by_topic)

    def _regular(
        self, messages: Iterator[tuple[str, str, int, bytes]], by_topic: dict[str, list[_Route]]
    ) -> Iterator[Tick]:
        """Ticks from when all required streams have begun until the first of them ends."""
        last = dict.fromkeys(self._required, -1)  # bag time
        waiting: deque[Tick] = deque()  # cut, but a required stream may end before them
        next_ns: int | None = None
        for topic, _, bag_ns, raw in messages:
            while next_ns is not None and next_ns < bag_ns:
                waiting.append(self._cut(next_ns, None))
                next_ns += self._contract.tick_ns
            self._push(by_topic[topic], bag_ns, raw)
            if topic in last:
                last[topic] = bag_ns
                begun = min(last.values())
                if next_ns is None and begun >= 0:
                    next_ns = bag_ns + _PHASE_NS
                while waiting and waiting[0].observation.now_ns <= begun:
                    yield waiting.popleft()

    def _planned(
        self, messages: Iterator[tuple[str, str, int, bytes]], by_topic: dict[str, list[_Route]]
    ) -> Iterator[Tick]:
        """The planned ticks; each waits for messages that the recorder got later than the brain did."""
        patience_ns = 5 * self._contract.tick_ns
        planned = deque(self._plan or ())
        for topic, _, bag_ns, raw in messages:
            while planned and planned[0].now_ns + patience_ns < bag_ns:
                yield self._cut(planned[0].now_ns, planned.popleft().chosen_ns)
            self._push(by_topic[topic], bag_ns, raw)
        for each in planned:
            yield self._cut(each.now_ns, each.chosen_ns)

    def _push(self, routes: list[_Route], bag_ns: int, raw: bytes) -> None:
        for route in routes:
            try:
                if route.eager:
                    message = self._bag.decode(route.topic, raw)
                    stamp_ns = _header_ns(raw, route.topic)
                    value = route.read(message, stamp_ns, bag_ns)
                else:
                    # A command without a stamp holds from when it was sent.
                    stamp_ns = _header_ns(raw, route.topic) or (bag_ns if route.name == _REFERENCE else 0)
                    value = np.frombuffer(raw, np.uint8)
                route.streams.push(route.name, stamp_ns, value)
            except UserError:
                self.refused[route.name] += 1

    def _cut(self, now_ns: int, chosen_ns: Mapping[str, int] | None) -> Tick:
        observation = self._decoded(self._senses, now_ns, chosen_ns)
        others = dict(self._decoded(self._others, now_ns, None).values)
        reference = others.pop(_REFERENCE, None)
        labels = {name.removeprefix("label "): value for name, value in others.items()}
        return Tick(observation, reference, MappingProxyType(labels))

    def _decoded(self, streams: Streams, now_ns: int, chosen_ns: Mapping[str, int] | None) -> Observation:
        while True:
            seen = streams.observe(now_ns, chosen_ns)
            values: dict[str, NDArray[Any]] = {}
            for route in self._routes:
                raw = seen.values.get(route.name) if route.streams is streams else None
                if raw is None:
                    continue
                if route.eager:
                    values[route.name] = raw
                    continue
                stamp_ns = seen.stamps_ns[route.name]
                try:
                    value = route.read(self._bag.decode(route.topic, raw.data), stamp_ns, now_ns)
                    value.setflags(write=False)
                    values[route.name] = value
                except UserError:
                    self.refused[route.name] += 1
                    streams.drop(route.name, stamp_ns)
            if len(values) == len(seen.values):
                return Observation(now_ns, MappingProxyType(values), seen.stamps_ns, seen.fresh)

    def _sense_route(self, name: str) -> _Route:
        stream, source = self._contract.stream(name), self._contract.source(name)
        convert = converter_for(stream, source)
        topic = _absolute(source.topic)
        in_bag = self._bag.topics().get(topic)
        if source.required or (in_bag is not None and in_bag.count):
            self._bag.require(topic, source.type)

        def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[Any]:
            return convert(message)[1]

        # The window of a microphone is put together from many messages, so all of them are needed.
        return _Route(name, topic, self._senses, read, eager=stream.kind == "microphone")


def _absolute(topic: str) -> str:
    return "/" + topic.lstrip("/")


def _header_ns(raw: bytes, topic: str) -> int:
    """Stamp of a serialised message that begins with a header: after 4 bytes in ROS 2 (encapsulation) and 1 (seq)."""
    if len(raw) < 12:
        raise UserError(f"{topic}: message", f"{len(raw)} bytes", "a message that is whole")
    seconds, nanoseconds = struct.unpack_from("<II", raw, 4)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)
