"""Remembers the last second of commanded motion, so that the gate can go back along it after a contact."""

from __future__ import annotations

from collections import deque

import numpy as np

from world_model_ros.core.arrays import Float

RETREAT = 0.03  # rad (m for slides) of the joint that goes back farthest
TRAIL_S = 1.0


class Trail:
    """Where the commanded joints were in the last second.

    Args:
        cycle_s: time between two positions.
    """

    def __init__(self, cycle_s: float) -> None:
        self._positions: deque[Float] = deque(maxlen=round(TRAIL_S / cycle_s))
        self._ended = False

    def begin(self) -> None:
        """Forget, and take positions again."""
        self._positions.clear()
        self._ended = False

    def add(self, position: Float) -> None:
        if not self._ended:
            self._positions.append(position)

    def back(self) -> Float | None:
        """The farthest position (J,) back along the trail that is within `RETREAT` of its end, and ends the trail.

        None if there is none, so also when asked again: one goes back once.
        """
        positions = list(self._positions)
        self._positions.clear()
        self._ended = True
        found = None
        for position in reversed(positions):
            if np.abs(position - positions[-1]).max() > RETREAT:
                break
            found = position
        return None if found is None or np.array_equal(found, positions[-1]) else found
