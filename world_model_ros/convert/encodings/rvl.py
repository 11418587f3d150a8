"""Reads depth images in the RVL compression: runs of zeros, and numbers of variable length.

Wilson, "Fast lossless depth image compression", 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.errors import UserError

_MOST_PIXELS = 2**26
_LONGEST = 11  # nibbles of a number of 32 bits


def decompressed(data: NDArray[np.uint8], where: str) -> NDArray[np.uint16]:
    """The pixels (rows, cols) of what compressed_depth_image_transport sends as RVL: cols, rows, and the code.

    Args:
        data: bytes. where: what stands in front of errors.

    Raises:
        UserError: it is cut off, or does not have as many pixels as it says.
    """
    cols, rows = (int(each) for each in np.frombuffer(data[:8].tobytes().ljust(8, b"\0"), "<u4"))
    if not 0 < rows * cols <= _MOST_PIXELS:
        raise UserError(f"{where}: RVL image (height, width)", (rows, cols), f"1 to {_MOST_PIXELS} pixels")
    numbers, pixels = _numbers(data[8:]), np.zeros(rows * cols, np.uint16)
    filled, at, runs = 0, 0, []
    while filled < len(pixels) and at + 1 < len(numbers):  # zeros, how many are none, and these as differences
        begin, count = filled + int(numbers[at]), int(numbers[at + 1])
        runs.append((begin, at + 2, count))
        filled, at = begin + count, at + 2 + count
    if filled != len(pixels) or at > len(numbers):
        raise UserError(f"{where}: RVL data", f"{len(data)} bytes", f"the code of {rows} x {cols} pixels, not cut off")
    codes = np.concatenate([numbers[at : at + count] for _, at, count in runs])
    values = np.cumsum((codes >> 1) ^ -(codes & 1)).astype(np.uint16)
    taken = 0
    for begin, _, count in runs:
        pixels[begin : begin + count] = values[taken : taken + count]
        taken += count
    return pixels.reshape(rows, cols)


def _numbers(code: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Numbers of three bits a nibble, low ones first; the fourth says that more follow. Words are little endian, their
    high nibble first."""
    words = np.frombuffer(code[: len(code) // 4 * 4].tobytes(), "<u4")
    nibbles = np.empty((len(words), 8), np.uint8)
    for place in range(8):
        nibbles[:, place] = words >> (28 - 4 * place) & 15
    flat = nibbles.reshape(-1)
    ends = np.flatnonzero(flat < 8)
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    numbers: NDArray[np.int64] = (flat[starts] & 7).astype(np.int64)
    longer = np.flatnonzero(ends > starts)
    for place in range(1, _LONGEST):
        numbers[longer] |= (flat[starts[longer] + place] & 7).astype(np.int64) << (3 * place)
        longer = longer[ends[longer] > starts[longer] + place]
    return numbers
