"""Plays skills of a gripper that goes exactly where it is told, and checks that each move keeps the box."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from world_model_ros.core.arrays import Float


def played(act: Callable[[Float, float, float], Float], box: Float, ticks: int) -> Float:
    """Moves (T, 5) of a skill that sees tip (3,), yaw and opening; the tip stays in ``box`` (2, 3)."""
    tip, yaw, opening, moves = np.array([0.45, 0, 0.15]), 0.0, 1.0, []
    for _ in range(ticks):
        move = act(tip, yaw, opening)
        tip, yaw, opening = tip + move[:3], yaw + move[3], float(np.clip(opening + move[4], 0.0, 1.0))
        assert (tip >= box[0] - 1e-9).all()
        assert (tip <= box[1] + 1e-9).all()
        moves.append(move)
    return np.array(moves)
