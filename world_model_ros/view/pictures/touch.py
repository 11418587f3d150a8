"""Picks the fingertip on whose path an imagined contact is drawn, and sums forces on taxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def touching_way(tips: Sequence[ArrayLike], things: Sequence[ArrayLike]) -> NDArray[np.float32] | None:
    """At each step the place of the fingertip that is nearest to an object, (H, 3) m; None without fingertips.

    Args:
        tips: way (H, 3) of each fingertip; of the first one if nothing can be touched.
        things: way (H, 3) of each object.
    """
    ways = [np.asarray(tip, np.float32).reshape(-1, 3) for tip in tips]
    if not ways:
        return None
    steps = min(len(way) for way in [*ways, *(np.reshape(thing, (-1, 3)) for thing in things)])
    if len(ways) == 1 or not things:
        return ways[0]
    places = np.array([way[:steps] for way in ways])  # (T, H, 3)
    objects = np.array([np.asarray(thing, np.float32).reshape(-1, 3)[:steps] for thing in things])
    far = np.linalg.norm(places[:, None] - objects[None], axis=-1).min(1)  # (T, H)
    nearest: NDArray[np.float32] = places[far.argmin(0), np.arange(steps)]
    return nearest


def total_force(taxels: ArrayLike) -> float:
    """Sum of the lengths of the forces on taxels (rows, cols, 3), N; what a model imagines as contact force."""
    return float(np.linalg.norm(np.asarray(taxels, np.float64), axis=-1).sum())
