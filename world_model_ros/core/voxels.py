"""Reduces point clouds to occupied voxels, kept as centres with a radius, and coarser where there are too many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import Float, Index


class Seen(NamedTuple):
    """Points (N, 3), m, and the radius within which each is full, m."""

    points: Float
    radius_m: float


def voxels_of(points: Float, voxel_m: float, most: int, radius_m: float = 0.0) -> Seen:
    """The voxels that points (N, 3) are in, as balls around them: each point and what is around it within a radius.

    Where there are more than ``most`` of them, of twice the size, and so on: coarser, and never fewer.
    """
    return coarse(cells_of(points, voxel_m)[0], voxel_m, most, radius_m)


def cells_of(points: Float, voxel_m: float) -> tuple[NDArray[np.int64], Index]:
    """The cells (V, 3) of a grid that points (N, 3) are in, each once, and which of them each point is in, (N,)."""
    cells = np.floor(points / voxel_m).astype(np.int64)
    if not len(cells):
        return cells, np.empty(0, np.intp)
    low = cells.min(axis=0)
    cells -= low
    spans = cells.max(axis=0) + 1
    if np.prod(spans, dtype=np.float64) > 2.0**62:
        found, which = np.unique(cells, axis=0, return_inverse=True)
        return found + low, which.reshape(-1)
    keys, which = np.unique((cells[:, 0] * spans[1] + cells[:, 1]) * spans[2] + cells[:, 2], return_inverse=True)
    rest, last = np.divmod(keys, spans[2])
    return np.column_stack([*np.divmod(rest, spans[1]), last]) + low, which


def coarse(cells: NDArray[np.int64], voxel_m: float, most: int, radius_m: float = 0.0) -> Seen:
    """Cells (V, 3) as balls around them; of twice the size where there are more than ``most``, and so on."""
    while len(cells) > most:
        cells, voxel_m = np.unique(cells // 2, axis=0), 2.0 * voxel_m
    return Seen(np.asarray((cells + 0.5) * voxel_m, np.float64), 0.5 * np.sqrt(3.0) * voxel_m + radius_m)
