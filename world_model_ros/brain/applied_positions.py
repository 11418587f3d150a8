"""Buffer of the commanded joint positions that the gate reports; interpolates, and extrapolates for a short time."""

from __future__ import annotations

import threading
from collections import deque

from world_model_ros.core.arrays import Float, between

_AHEAD_NS = 60_000_000  # three reports at 50 Hz: how far the newest one is carried on with its velocity
_STALE_NS = 300_000_000


class AppliedReference:
    """Reports of what the gate commanded; callbacks push, the tick reads."""

    def __init__(self, capacity: int = 256) -> None:
        self._samples: deque[tuple[int, Float, Float]] = deque(maxlen=capacity)
        self._lock = threading.Lock()

    def push(self, stamp_ns: int, position: Float, velocity: Float) -> bool:
        """Store positions and velocities, (J,) each. Returns False if out of order and dropped."""
        with self._lock:
            if self._samples and stamp_ns <= self._samples[-1][0]:
                return False
            self._samples.append((stamp_ns, position, velocity))
        return True

    def flush(self) -> None:
        """Forget everything; called when the clock jumps back."""
        with self._lock:
            self._samples.clear()

    def at(self, now_ns: int) -> Float | None:
        """Commanded positions (J,) at a time: linear between reports, carried on with the velocity for up to 60 ms
        after the newest, held from there. None before the first report or 0.3 s after the newest."""
        with self._lock:
            samples = list(self._samples)
        if not samples or now_ns < samples[0][0]:
            return None
        stamp_ns, position, velocity = samples[-1]
        if now_ns < stamp_ns:
            return between([(at_ns, there) for at_ns, there, _ in samples], now_ns)
        if now_ns - stamp_ns > _STALE_NS:
            return None
        return position + velocity * (min(now_ns - stamp_ns, _AHEAD_NS) * 1e-9)
