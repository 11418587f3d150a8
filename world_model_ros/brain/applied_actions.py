"""Buffer of the actions sent to a robot without kinematics; gives each tick the newest one since the tick before."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from world_model_ros.core.arrays import Floats

_KEPT = 256


class AppliedActions:
    """Actions by when they arrived; callbacks push, the tick reads.

    Args:
        size: C.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._actions: deque[tuple[int, Floats]] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def push(self, now_ns: int, action: Floats) -> None:
        """Store an action (C,) that arrived now."""
        with self._lock:
            self._actions.append((now_ns, action))

    def flush(self) -> None:
        """Forget everything; called when the clock jumps back."""
        with self._lock:
            self._actions.clear()

    def between(self, before_ns: int, now_ns: int) -> Floats:
        """The newest action (C,) that arrived after ``before_ns`` and not after ``now_ns``; zeros where none did."""
        with self._lock:
            actions = list(self._actions)
        for stamp_ns, action in reversed(actions):
            if before_ns < stamp_ns <= now_ns:
                return action
        return np.zeros(self._size, np.float32)
