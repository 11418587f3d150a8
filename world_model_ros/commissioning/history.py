"""What was heard of joints and of the gate's reference, by time."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from world_model_ros.core.arrays import Float

_LEAST = 3  # samples


class Window(NamedTuple):
    """Samples of one joint: stamps (N,) in s from a given time on, and positions (N,)."""

    times_s: Float
    positions: Float


@dataclass
class JointHistory:
    """Positions of one joint with their stamps.

    Attributes:
        changes: how often a position was another one than that before.
        noise: standard deviation of single positions at rest; see `rest`.
    """

    stamps_ns: list[int] = field(default_factory=list)
    positions: list[float] = field(default_factory=list)
    changes: int = 0
    noise: float = 0.0

    def add(self, stamp_ns: int, position: float) -> None:
        """Take the next one."""
        self.changes += bool(self.positions) and position != self.positions[-1]
        self.stamps_ns.append(stamp_ns)
        self.positions.append(position)

    def between(self, from_ns: int, to_ns: int) -> Window:
        """Those that are stamped in a span of time; times count from its beginning."""
        stamps = np.array(self.stamps_ns, np.int64)
        inside = (stamps >= from_ns) & (stamps <= to_ns)
        return Window(np.asarray((stamps[inside] - from_ns) * 1e-9, np.float64), np.array(self.positions)[inside])

    def mean(self, from_ns: int, to_ns: int) -> float:
        """Mean position in a span of time; the newest one if there is none."""
        found = self.between(from_ns, to_ns).positions
        return float(found.mean()) if len(found) else self.positions[-1]

    def still(self, now_ns: int, span_s: float, tolerance: float) -> bool:
        """Whether it has stayed within a tolerance for a span of time up to now, as far as it was heard of."""
        newest = zip(reversed(self.stamps_ns), reversed(self.positions))
        tail = [position for _, position in takewhile(lambda each: each[0] >= now_ns - span_s * 1e9, newest)]
        return len(tail) >= _LEAST and max(tail) - min(tail) <= tolerance

    def rest(self) -> None:
        """Take the noise of what was heard so far, from the differences of neighbours: a drift is none."""
        steps = np.diff(np.array(self.positions))
        self.noise = float(steps.std() / np.sqrt(2.0)) if len(steps) >= _LEAST else 0.0


@dataclass
class ReferenceHistory:
    """Where the gate led the joints: stamps and positions (J,)."""

    stamps_ns: list[int] = field(default_factory=list)
    positions: list[Float] = field(default_factory=list)

    def add(self, stamp_ns: int, position: Float) -> None:
        """Take the next one; what is older than the last is left out."""
        if not self.stamps_ns or stamp_ns > self.stamps_ns[-1]:
            self.stamps_ns.append(stamp_ns)
            self.positions.append(position)

    def at(self, joint: int, stamps_ns: Float) -> Float:
        """Positions (N,) of a joint at times (N,), straight between two that were heard."""
        since = self.stamps_ns[0]
        known = (np.array(self.stamps_ns, np.int64) - since) * 1e-9
        return np.interp((stamps_ns - since) * 1e-9, known, np.array(self.positions)[:, joint])


def slope(window: Window) -> float:
    """Velocity over a window, by least squares; 0 of fewer than three samples."""
    if len(window.times_s) < _LEAST:
        return 0.0
    times = window.times_s - window.times_s.mean()
    spread = float(times @ times)
    return float(times @ window.positions) / spread if spread > 0.0 else 0.0
