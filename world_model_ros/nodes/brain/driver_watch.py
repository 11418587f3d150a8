"""Detects that joint states arrive late, and whether the brain causes it by keeping their driver from the processor."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.parallel import own_cores

LATE = 0.5  # share of a stream's largest age; the gate brakes at the whole
_IDLE = 0.1  # share of the cores; with more idle, no process is kept from them
_OURS = 0.2  # share of the cores from which on it is the brain's doing too
_KEPT = 10_000  # messages; while no reports are asked for, as of a brain that is not active, more would pile up
_IDLE_FIELDS = slice(3, 5)  # idle and iowait of /proc/stat


@dataclass(frozen=True)
class Cores:
    """Cores that were taken on average: by this process, and idle, of all that it may run on."""

    taken: float
    idle: float
    all: int

    @property
    def busy(self) -> bool:
        """Whether processes have to wait for a core."""
        return self.idle < _IDLE * self.all


class CoreMeter:
    """Measures between its calls what Linux counts; without its counters, idle cores are unknown (NaN)."""

    def __init__(self) -> None:
        self._last = self._look()

    def __call__(self) -> Cores:
        before, now = self._last, self._look()
        self._last = now
        span_s = max(now[0] - before[0], 1e-3)
        return Cores((now[1] - before[1]) / span_s, (now[2] - before[2]) / span_s, len(own_cores()))

    def _look(self) -> tuple[float, float, float]:
        return time.monotonic(), time.process_time(), _idle_s()


@dataclass(frozen=True)
class Drivers:
    """How joint states came of late.

    Args:
        late_ms: how much later than their stamps they came, but for the stated latency: median, 95 %, largest.
        gap_ms: the longest time between two stamps.
        rate_hz: messages a second.
        callbacks_ms: how late the brain's own ticks were called, 95 %: it may be the brain that is held up.
        limit_ms: what `late_ms` and `gap_ms` should be below. cores: while they came.
    """

    late_ms: tuple[float, float, float]
    gap_ms: float
    rate_hz: float
    callbacks_ms: float
    limit_ms: float
    cores: Cores

    @property
    def late(self) -> bool:
        return max(self.late_ms[1], self.gap_ms) > self.limit_ms

    @property
    def starved(self) -> bool:
        """Whether they are late, every core is busy, and the brain is one of those who take them."""
        return self.late and self.cores.busy and self.cores.taken > _OURS * self.cores.all

    def words(self) -> str:
        """A sentence for people."""
        cores = f"the brain took {self.cores.taken:.1f} of {self.cores.all} cores"
        late = f"joint states came {self.late_ms[1]:.0f} ms late"
        if self.gap_ms > max(self.limit_ms, self.late_ms[1]):
            late = f"joint states were {self.gap_ms:.0f} ms apart"
        if self.starved:
            return f"drivers are starved: {late} while {cores} and {max(0.0, self.cores.idle):.1f} were idle"
        if self.late and self.callbacks_ms > 0.5 * self.late_ms[1]:
            return f"{late}, and the brain's own ticks {self.callbacks_ms:.0f} ms: other processes take the cores"
        if self.late:
            return f"{late}, though {self.cores.idle:.1f} of {self.cores.all} cores were idle: see driver and network"
        return f"joint states come {self.late_ms[1]:.0f} ms after their stamps at most (95 %)"

    def values(self) -> Mapping[str, object]:
        """For diagnostics."""
        p50, p95, largest = self.late_ms
        return {
            "joint_states_hz": self.rate_hz,
            "joint_states_late_ms_p50": p50,
            "joint_states_late_ms_p95": p95,
            "joint_states_late_ms_max": largest,
            "joint_states_gap_ms": self.gap_ms,
            "limit_ms": self.limit_ms,
            "ticks_called_late_ms_p95": self.callbacks_ms,
            "brain_cores": self.cores.taken,
            "idle_cores": self.cores.idle,
            "cores": self.cores.all,
        }


class DriverWatch:
    """Follows joint states between reports.

    Args:
        contract: whose streams of joints are followed. tick_s: how often ticks should be called.
        meter: of cores. clock: s, never steps.
    """

    def __init__(
        self,
        contract: Contract,
        tick_s: float,
        meter: Callable[[], Cores] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._latency_ns = {
            stream.name: contract.latency_ns(stream.name) for stream in contract.interface.of(JointStream)
        }
        ages_s = [contract.source(name).max_age_s for name in self._latency_ns]
        self._limit_ms = LATE * min(ages_s, default=float("inf")) * 1e3
        self._tick_s = tick_s
        self._meter, self._clock = meter or CoreMeter(), clock
        self._late_ms: deque[float] = deque(maxlen=_KEPT)
        self._stamps_ns: dict[str, deque[int]] = {}
        self._called: list[float] = []
        self._begin = clock()

    def arrived(self, stream: str, stamp_ns: int, now_ns: int) -> None:
        """A message came; those of other streams than joints are passed over."""
        if stream in self._latency_ns:
            self._late_ms.append((now_ns - stamp_ns - self._latency_ns[stream]) * 1e-6)
            self._stamps_ns.setdefault(stream, deque(maxlen=_KEPT)).append(stamp_ns)

    def follows(self, stream: str) -> bool:
        """Whether `arrived` wants to hear of a stream."""
        return stream in self._latency_ns

    def called(self) -> None:
        """It was time for a tick."""
        self._called.append(self._clock())

    def forget(self) -> None:
        """What came before says nothing: the clock jumped, or ticks begin only now."""
        self._late_ms.clear()
        self._stamps_ns.clear()
        self._called, self._begin = [], self._clock()
        self._meter()

    def report(self) -> Drivers | None:
        """How they came since the last report; None if no two came."""
        cores, now = self._meter(), self._clock()
        late_ms, called, span_s = list(self._late_ms), self._called, now - self._begin
        gaps_ms = [gap * 1e-6 for each in self._stamps_ns.values() for gap in np.diff(each).tolist()]
        self._called, self._begin = called[-1:], now
        self._late_ms.clear()
        for each in self._stamps_ns.values():
            newest = each[-1]
            each.clear()
            each.append(newest)
        if not gaps_ms:
            return None
        p50, p95, largest = np.percentile(late_ms, [50, 95, 100]).tolist()
        called_ms = (np.diff(called) - self._tick_s) * 1e3
        callbacks_ms = float(max(np.percentile(called_ms, 95), 0.0)) if len(called_ms) else 0.0
        rate_hz = len(late_ms) / max(span_s, 1e-3)
        return Drivers((p50, p95, largest), max(gaps_ms), rate_hz, callbacks_ms, self._limit_ms, cores)


def _idle_s() -> float:
    """Time that this process's cores had nothing to do, s."""
    names = {f"cpu{core}" for core in own_cores()}
    try:
        rows = [line.split() for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()]
    except OSError:
        return float("nan")
    ticks = sum(sum(map(int, row[1:][_IDLE_FIELDS])) for row in rows if row and row[0] in names)
    return ticks / os.sysconf("SC_CLK_TCK")
