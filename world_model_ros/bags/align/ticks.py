"""Cuts a bag into ticks, at the contract's rate or as recorded live: observation, reference, labels, applied action.

Buffers hold messages as they are in the bag, and only those that a tick picks are decoded. A picked message that turns
out broken is dropped, and the tick picks again; live, it would never have entered a buffer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.align.commanded_reference import reference_sources
from world_model_ros.bags.align.robot_of_bag import require_robot
from world_model_ros.bags.align.routes import ACTION, REFERENCE, Route, other_routes, sense_routes
from world_model_ros.bags.align.stream_counts import StreamCount
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.contract.contract import Contract, require_contract
from world_model_ros.convert.commanded_joints import together
from world_model_ros.core.arrays import ByValue
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Observation

# Ticks begin this much after the first message, so that sources in step with the ticks are not seen now at once, now a
# whole period late, by the rounding of their stamps.
PHASE_NS = 1_000_000
# Over a pause of this length there are no ticks: the robot was off, or a stamp is wrong.
LONGEST_GAP_NS = 60_000_000_000
PATIENCE_TICKS = 5  # that a planned tick waits for messages which the recorder got late

Copy = Callable[[str, str, int, bytes], None]
_Messages = Iterator[tuple[str, str, int, bytes]]


@dataclass(frozen=True, eq=False)
class Tick(ByValue):
    """What a bag has for one tick.

    Args:
        observation: as the brain gets it.
        reference: commanded joint positions, (J,) in contract order; None where the bag does not say.
        labels: label name -> pose (7,) in the base frame, or value (1,), those that are fresh.
        jumped: the first one after a pause of the recording, over which no belief holds.
        applied: action (C,) of free parts that came in the tick before it, zeros where none did; None where kinematics
            find the action from references.
    """

    observation: Observation
    reference: NDArray[Any] | None
    labels: Mapping[str, NDArray[Any]]
    jumped: bool = False
    applied: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class PlannedTick(ByValue):
    """A tick that a recording says took place.

    Args:
        now_ns: its time. chosen_ns: the stamp of what it saw of each stream.
        fresh: which of them were; a sound that the recorder has whole may have had a gap in it live, where a message
            came too late.
        recorded_ns: when the bag says so; the same as ``now_ns`` without it.
        unstamped: what it saw of streams whose messages have no stamp; they came to the recorder at another time.
    """

    now_ns: int
    chosen_ns: Mapping[str, int]
    fresh: Mapping[str, bool]
    recorded_ns: int | None = None
    unstamped: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def told_ns(self) -> int:
        return self.now_ns if self.recorded_ns is None else self.recorded_ns


class BagTicks:
    """The ticks of a bag.

    Iterating gives one `Tick` every ``contract.tick_ns`` while all required streams last, or those of ``plan``.

    Args:
        bag: an open bag.
        contract: streams, converters, tick rate, labels.
        plan: ticks of a recording to be repeated exactly.
        after_ns: ticks up to this time are passed over; the later ones are those of a whole run.
        copy: gets every message that is later than ``after_ns``, of any topic: topic, type, bag time in ns, bytes.

    Attributes:
        counts: what came of each stream, by name. messages: how many were read. copy: as given; may be set later.

    Raises:
        UserError: it is of another robot, a required stream is not in it, or its topic has another type than the
            contract says.
    """

    def __init__(
        self,
        bag: BagReader,
        contract: Contract,
        plan: Sequence[PlannedTick] | None = None,
        after_ns: int = -1,
        copy: Copy | None = None,
    ) -> None:
        require_contract(contract)
        if not isinstance(bag, BagReader):
            raise UserError("bag", bag, "an open BagReader")
        planned = isinstance(plan, Sequence) and all(isinstance(each, PlannedTick) for each in plan)
        if plan is not None and not planned:
            raise UserError("plan", plan, "a PlannedTick for each tick")
        require_robot(bag, contract)
        self._bag, self._contract, self._after_ns, self.copy = bag, contract, after_ns, copy
        self._plan = None if plan is None else [each for each in plan if each.now_ns > after_ns]
        self._senses = sense_routes(bag, contract)
        self._others = other_routes(bag, contract, reference_sources(bag, contract))
        alone = [route for route in self._senses if not route.helps]
        self._required = {route.topic for route in alone if contract.source(route.name).required} or {
            route.topic for route in alone if route.topic in bag.topics()
        }
        self.messages = 0
        self.counts: dict[str, StreamCount] = {route.name: route.count for route in self._senses}

    @property
    def reasons(self) -> dict[str, str]:
        """Why the first message was refused, by stream, of all that are listened to."""
        told = [*(route for route in self._senses if not route.mute), *self._others]
        return {route.name: route.count.why for route in told if route.count.why}

    @property
    def masked(self) -> dict[str, str]:
        """Streams whose topic cannot be theirs, and why."""
        return {route.name: route.count.why for route in self._senses if route.mute and not route.helps}

    @property
    def refused(self) -> dict[str, int]:
        """Messages that could not be used, by stream; streams without any are not named."""
        return {route.name: route.count.dropped for route in self._routes() if route.count.dropped}

    def topics(self) -> set[str]:
        """Topics that are listened to."""
        return {route.topic for route in self._routes() if not route.mute}

    def __iter__(self) -> Iterator[Tick]:
        by_topic: dict[str, list[Route]] = {}
        for route in self._routes():
            if not route.mute:
                by_topic.setdefault(route.topic, []).append(route)
        messages = self._bag.raw_messages(self._bag.among(by_topic) if self.copy is None else None)
        if self._plan is not None:
            return self._planned(messages, by_topic)
        return self._regular(messages, by_topic)

    def _regular(self, messages: _Messages, by_topic: dict[str, list[Route]]) -> Iterator[Tick]:
        """Ticks from when all required streams have started until the first of them ends, and again after a pause."""
        last = dict.fromkeys(self._required, -1)  # bag time
        waiting: deque[Tick] = deque()  # cut, but a required stream may end before them
        next_ns: int | None = None
        paused = False
        for topic, kind, bag_ns, raw in messages:
            while next_ns is not None and next_ns < bag_ns:
                if next_ns - min(last.values()) > LONGEST_GAP_NS:
                    waiting.clear()
                    next_ns, paused = None, True
                    break
                if next_ns > self._after_ns:
                    waiting.append(replace(self._cut(next_ns), jumped=paused))
                next_ns += self._contract.tick_ns
                paused = False
            self._push(by_topic, topic, kind, bag_ns, raw)
            if topic in last:
                last[topic] = max(last[topic], bag_ns)
                started = min(last.values())
                if next_ns is None and started >= 0 and bag_ns - started <= LONGEST_GAP_NS:
                    next_ns = bag_ns + PHASE_NS
                while waiting and waiting[0].observation.now_ns <= started:
                    yield waiting.popleft()

    def _planned(self, messages: _Messages, by_topic: dict[str, list[Route]]) -> Iterator[Tick]:
        """The planned ticks; each waits for messages that the recorder got later than the brain did.

        It waits for as long as some ticks take, in the time of the bag, which was recorded slower or faster perhaps.
        """
        plan, patience_ns = self._plan or (), PATIENCE_TICKS * self._contract.tick_ns
        due_ns = deque(each.told_ns + patience_ns for each in plan)
        for i, later in enumerate(plan[PATIENCE_TICKS:]):
            due_ns[i] = min(due_ns[i], later.told_ns)
        planned = deque(plan)
        for topic, kind, bag_ns, raw in messages:
            while planned and due_ns[0] < bag_ns:
                due_ns.popleft()
                yield self._cut(planned[0].now_ns, planned.popleft())
            self._push(by_topic, topic, kind, bag_ns, raw)
        for each in planned:
            yield self._cut(each.now_ns, each)

    def _push(self, by_topic: dict[str, list[Route]], topic: str, kind: str, bag_ns: int, raw: bytes) -> None:
        self.messages += 1
        if self.copy is not None and bag_ns > self._after_ns:
            self.copy(topic, kind, bag_ns, raw)
        for route in by_topic.get(topic, ()):
            route.push(self._bag, bag_ns, raw)

    def _cut(self, now_ns: int, planned: PlannedTick | None = None) -> Tick:
        observation = self._decoded(self._senses, now_ns, planned)
        if planned is not None and planned.unstamped:
            observation = _told(observation, planned)
        others = dict(self._decoded(self._others, now_ns).values) if self._others else {}
        told = [np.asarray(others.pop(name), np.float64) for name in list(others) if name.startswith(REFERENCE)]
        reference = together(told, measured_positions(observation, self._contract)) if told else None
        told_action, action = others.pop(ACTION, None), self._contract.interface.action
        applied = np.zeros(action.size, np.float32) if action.free else None
        if told_action is not None:
            applied = np.asarray(told_action, np.float32)
        labels = {name.removeprefix("label "): value for name, value in others.items()}
        return Tick(observation, reference, MappingProxyType(labels), applied=applied)

    def _decoded(self, routes: list[Route], now_ns: int, planned: PlannedTick | None = None) -> Observation:
        """What streams that share their buffers show at a tick, decoded."""
        streams = routes[0].streams
        while True:
            seen = streams.observe(now_ns, None if planned is None else planned.chosen_ns)
            if planned is not None:
                seen = _masked(seen, planned.fresh)
            values: dict[str, NDArray[Any]] = {}
            for route in routes:
                raw = seen.values.get(route.name)
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
                except UserError as error:
                    route.count.refuse(error, arrived=True)
                    streams.drop(route.name, stamp_ns)
            if len(values) == len(seen.values):
                return Observation(now_ns, MappingProxyType(values), seen.stamps_ns, seen.fresh)

    def _routes(self) -> list[Route]:
        return [*self._senses, *self._others]


def _told(seen: Observation, planned: PlannedTick) -> Observation:
    """With what the record says that was seen of streams whose messages have no stamp."""
    names = [name for name in planned.unstamped if name in seen.fresh]
    values = dict(seen.values) | {name: planned.unstamped[name] for name in names}
    stamps = dict(seen.stamps_ns) | {name: planned.chosen_ns[name] for name in names}
    return replace(seen, values=values, stamps_ns=stamps, fresh=dict(seen.fresh) | dict.fromkeys(names, True))


def _masked(seen: Observation, fresh: Mapping[str, bool]) -> Observation:
    """Without what was not fresh live."""
    values = {name: value for name, value in seen.values.items() if fresh.get(name, False)}
    return replace(seen, values=values, fresh={name: name in values for name in seen.fresh})
