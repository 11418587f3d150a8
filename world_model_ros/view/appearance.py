"""Colours (0 to 1) and sizes for drawing imagined futures, shared by markers, pictures and web pages.

One ramp holds everywhere: near futures are yellow and solid, far ones violet and faint.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.core.arrays import Floats

GOAL = (0.15, 0.85, 0.35)
CANDIDATE = (0.62, 0.66, 0.72)
OBJECT = (0.2, 0.75, 0.95)
CONTACT = (1.0, 0.25, 0.15)
TABLE = (0.42, 0.40, 0.37)
FAR = (0.60, 0.36, 0.96)
_NEAR = np.array([1.00, 0.84, 0.15, 0.95], dtype=np.float32)
_MIDDLE = np.array([0.94, 0.33, 0.39, 0.80], dtype=np.float32)
_FARTHEST = np.array([*FAR, 0.60], dtype=np.float32)
_FELT_N = 1.0  # from here on a contact is drawn; taxels at rest add up to half of it
_NEWTON_M = 0.004  # radius of a contact's ball a newton
_LARGEST_M = 0.03


def ramp(steps: int) -> Floats:
    """(steps, 4) colours from near to far, red green blue alpha in 0 to 1."""
    return ramp_at(np.arange(1, steps + 1) / max(steps, 1))


def ramp_at(shares: ArrayLike) -> Floats:
    """(n, 4) colours at shares (n,) of the horizon: 0 is now, 1 its end."""
    at = 2.0 * np.asarray(shares, dtype=np.float32)[:, None]
    near, far = _NEAR + at * (_MIDDLE - _NEAR), _MIDDLE + (at - 1) * (_FARTHEST - _MIDDLE)
    colours: Floats = np.where(at <= 1, near, far).astype(np.float32)
    return colours


def ghost_alpha(step: int, horizon: int) -> float:
    """How solid the ghost of a step is, counted from 1: less the farther ahead."""
    return 0.34 - 0.24 * (step - 1) / max(1, horizon - 1)


def contact_radius(force_n: float) -> float:
    """Radius in m of the ball that stands for a contact force; 0 where it is too little to be drawn."""
    return 0.0 if not force_n >= _FELT_N else min(_LARGEST_M, _NEWTON_M * float(np.sqrt(force_n)) * 2)
