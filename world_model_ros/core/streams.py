"""Buffers stamped sensor samples, one ring buffer a stream, and cuts an observation of fresh samples at a tick.

Callbacks push, the tick observes; one lock guards both. Time only comes in as an argument.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

import numpy as np

from world_model_ros.core.arrays import Array, ByValue

# Clocks of sensors differ a little. A stamp further ahead is a mistake: kept, it would make every right one after it
# look late.
MOST_AHEAD_NS = 500_000_000


@dataclass(frozen=True)
class StreamRule:
    """How one stream is buffered.

    Args:
        name: stream name from the contract.
        max_age_ns: a sample older than this at the tick is stale and therefore missing.
        capacity: samples kept.
        window: for sampled signals (microphone), the number of consecutive rows an observation holds,
            gathered from as many messages as needed; None takes the newest sample alone.
        rate_hz: rows per second within a windowed sample; needed to see gaps. Ignored without a window.
    """

    name: str
    max_age_ns: int
    capacity: int = 64
    window: int | None = None
    rate_hz: float = 0.0


@dataclass(frozen=True, eq=False)
class Observation(ByValue):
    """What was known at one tick. Streams that are stale or absent are absent here, never zeros.

    Args:
        now_ns: tick time, ns.
        values: fresh streams only; arrays are read-only, shapes as the contract's interface says. The value of a stream
            that ``fresh`` says is not is not read.
        stamps_ns: stamp of the newest sample used, for every stream that ever had one not after ``now_ns``.
        fresh: one entry a stream of the contract.
    """

    now_ns: int
    values: Mapping[str, Array]
    stamps_ns: Mapping[str, int]
    fresh: Mapping[str, bool]

    def ages_s(self) -> dict[str, float]:
        """Age of the newest sample in seconds, for streams that had one."""
        return {name: (self.now_ns - stamp) * 1e-9 for name, stamp in self.stamps_ns.items()}


class Streams:
    """The buffers of all streams of a robot."""

    def __init__(self, rules: Sequence[StreamRule]) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._buffers: dict[str, deque[tuple[int, Array]]] = {rule.name: deque(maxlen=rule.capacity) for rule in rules}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._rules)

    def push(self, name: str, stamp_ns: int, value: Array) -> bool:
        """Store a sample and make its array read-only. Returns False if it is out of order and was dropped."""
        value.setflags(write=False)
        with self._lock:
            buffer = self._buffers[name]
            if buffer and stamp_ns <= buffer[-1][0]:
                return False
            buffer.append((stamp_ns, value))
        return True

    def drop(self, name: str, stamp_ns: int) -> None:
        """Forget the sample of a stamp, if it is there: a replay that decodes late found it broken."""
        with self._lock:
            kept = [sample for sample in self._buffers[name] if sample[0] != stamp_ns]
            self._buffers[name] = deque(kept, self._rules[name].capacity)

    def flush(self) -> None:
        """Forget everything; called when the clock jumps back."""
        with self._lock:
            for buffer in self._buffers.values():
                buffer.clear()

    def observe(self, now_ns: int, chosen_ns: Mapping[str, int] | None = None) -> Observation:
        """Cut the observation of a tick.

        Args:
            now_ns: tick time. Samples stamped after it are not seen.
            chosen_ns: stamps a recorded tick used, by stream: a replay passes them so that a message that had
                arrived late when live is not seen earlier offline. Streams it lacks are missing.
        """
        values: dict[str, Array] = {}
        stamps: dict[str, int] = {}
        fresh: dict[str, bool] = {}
        with self._lock:
            for name, rule in self._rules.items():
                limit = now_ns if chosen_ns is None else min(now_ns, chosen_ns.get(name, -1))
                past = _newest_first(self._buffers[name], limit)
                newest = next(past, None)
                fresh[name] = False
                if newest is None:
                    continue
                stamps[name] = newest[0]
                if now_ns - newest[0] > rule.max_age_ns:
                    continue
                value = newest[1] if rule.window is None else _window(chain([newest], past), rule)
                if value is not None:
                    values[name] = value
                    fresh[name] = True
        return Observation(now_ns, MappingProxyType(values), MappingProxyType(stamps), MappingProxyType(fresh))


def _newest_first(buffer: deque[tuple[int, Array]], limit_ns: int) -> Iterator[tuple[int, Array]]:
    """Samples not after a time. A tick wants the last few of many, so the search begins at the end."""
    return (sample for sample in reversed(buffer) if sample[0] <= limit_ns)


def _window(newest_first: Iterable[tuple[int, Array]], rule: StreamRule) -> Array | None:
    """The last ``window`` rows, or None if they are not all there or a gap lies between them."""
    assert rule.window is not None
    blocks: list[Array] = []
    rows, next_stamp = 0, None
    for stamp, block in newest_first:
        span_ns = len(block) / rule.rate_hz * 1e9
        if next_stamp is not None and abs(stamp + span_ns - next_stamp) > 0.5 * span_ns:
            return None
        blocks.append(block)
        rows += len(block)
        next_stamp = stamp
        if rows >= rule.window:
            joined: Array = np.concatenate(blocks[::-1])[-rule.window :]
            joined.setflags(write=False)
            return joined
    return None
