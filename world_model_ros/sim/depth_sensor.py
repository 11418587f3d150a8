"""Simulates how a stereo depth camera measures true distances: noise that grows with their square, and holes."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

_NOISE = 1.5e-3  # m at 1 m; an eighth of a pixel of disparity at a base of 5 cm and 600 px of focal length
_EDGE = 0.04  # share of the distance by which neighbours differ where only one of two eyes sees
_LOST = 0.002  # share of pixels without a match at hand, and at the far end of the range besides
_LOST_FAR = 0.02


def measured_mm(metres: NDArray[np.float32], range_m: tuple[float, float]) -> NDArray[np.uint16]:
    """True distances (height, width), m, as a camera sends them, mm; 0 where it measures nothing.

    The same distances give the same noise.

    Args:
        range_m: that it measures in.
    """
    random = np.random.default_rng(zlib.crc32(metres.tobytes()))
    noise = random.standard_normal(metres.shape, np.float32) * np.float32(_NOISE) * metres**2
    lost = random.random(metres.shape, np.float32) < _LOST + _LOST_FAR * (metres / range_m[1]) ** 2
    lost |= (metres < range_m[0]) | (metres > range_m[1])
    for axis in (0, 1):
        apart = np.abs(np.diff(metres, axis=axis)) > _EDGE * np.minimum(
            np.take(metres, range(1, metres.shape[axis]), axis), np.take(metres, range(metres.shape[axis] - 1), axis)
        )
        lost |= np.insert(apart, 0, False, axis) | np.insert(apart, apart.shape[axis], False, axis)
    seen: NDArray[np.uint16] = np.clip(1e3 * (metres + noise), 1.0, 65535.0).round().astype(np.uint16)
    seen[lost] = 0
    return seen
