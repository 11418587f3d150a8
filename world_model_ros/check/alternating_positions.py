"""Detects joint positions that alternate between two trajectories, as when two publishers share a topic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SPEED = 10.0  # rad/s or m/s that no arm moves at
_STEP = 0.02  # rad or m; noise jumps less
_FEW = 3
_SHARE = 0.02


@dataclass
class TwoCourses:
    """Collects positions (J,) in rad or m by stamp.

    Attributes:
        jumps: how often they left for another place and were back with the next message. count: of messages.
    """

    jumps: int = 0
    count: int = 0
    _last: tuple[int, NDArray[np.float32]] | None = None
    _before: NDArray[np.float32] | None = None

    def add(self, stamp_ns: int, position: NDArray[np.float32]) -> None:
        """Add the next message."""
        self.count += 1
        if self._last is not None and self._before is not None:
            passed_s = max(abs(stamp_ns - self._last[0]) * 1e-9, 1e-4)
            away = float(np.abs(position - self._last[1]).max())
            back = float(np.abs(position - self._before).max())
            self.jumps += away > max(_STEP, _SPEED * passed_s) and back < 0.25 * away
        self._before = None if self._last is None else self._last[1]
        self._last = stamp_ns, position

    @property
    def two(self) -> bool:
        """Whether jumps between two courses are too frequent to be a glitch."""
        return self.jumps >= max(_FEW, _SHARE * self.count)
