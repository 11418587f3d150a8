"""Unit quaternions x y z w: canonical sign, matrix, yaw, z axis, and the angle between two (full, yaw or axis)."""

from __future__ import annotations

from math import atan2, pi
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.core.arrays import Float

Counts = Literal["free", "yaw", "axis", "full"]


def unique(quaternion: ArrayLike) -> NDArray[Any]:
    """Canonical sign of a quaternion: w > 0; where w is 0, the last other part that is not 0 is above 0."""
    found = np.asarray(quaternion)
    ahead = next((float(part) for part in found[::-1] if part), 1.0)
    return (found if ahead > 0.0 else -found) + 0.0  # of -0.0 and 0.0 one


def rotation(quaternion: ArrayLike) -> Float:
    """The matrix (3, 3) that turns a vector."""
    x, y, z, w = np.asarray(quaternion, np.float64).tolist()
    return np.array(
        [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
            [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
            [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
        ]
    )


def yaw(quaternion: ArrayLike) -> float:
    """Turn about the z axis, rad in -pi to pi: the part of an orientation that is left without roll and pitch."""
    x, y, z, w = np.asarray(quaternion, np.float64).tolist()
    return atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def x_axis_yaw(rotation: Float) -> float:
    """Where the x axis of a rotation (3, 3) points, seen from above, rad in -pi to pi; of a tool that points down."""
    return atan2(rotation[1, 0], rotation[0, 0])


def axis(quaternion: ArrayLike) -> Float:
    """Where an orientation's own z axis points, (3,)."""
    x, y, z, w = np.asarray(quaternion, np.float64).tolist()
    return np.array([2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)])


def apart_rad(wanted: ArrayLike, now: ArrayLike, counts: Counts, symmetry: int = 1) -> float:
    """How far ``now`` is from ``wanted``, rad.

    Args:
        counts: what of it counts: nothing, the yaw, where the z axis points, or all.
        symmetry: how many turns about the z axis look the same.
    """
    if counts == "free":
        return 0.0
    if counts == "yaw":
        step = 2.0 * pi / symmetry
        return abs((yaw(wanted) - yaw(now) + 0.5 * step) % step - 0.5 * step)
    if counts == "axis":
        return float(np.arccos(np.clip(axis(wanted) @ axis(now), -1.0, 1.0)))
    likeness = max(abs(float(_turned(wanted, 2.0 * pi * n / symmetry) @ _numbers(now))) for n in range(symmetry))
    return 2.0 * float(np.arccos(min(1.0, likeness)))


def _turned(quaternion: ArrayLike, angle_rad: float) -> Float:
    """An orientation after a turn about its own z axis."""
    x, y, z, w = _numbers(quaternion)
    s, c = np.sin(0.5 * angle_rad), np.cos(0.5 * angle_rad)
    return np.array([x * c + y * s, y * c - x * s, z * c + w * s, w * c - z * s])


def _numbers(quaternion: ArrayLike) -> Float:
    return np.asarray(quaternion, np.float64)
