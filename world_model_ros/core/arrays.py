"""Aliases of NumPy's array types by dtype, with shapes given where an array is used; and percentiles of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Float = NDArray[np.float64]
Floats = NDArray[np.float32]  # what models read and write
AnyFloat = NDArray[np.floating[Any]]
Int = NDArray[np.int64]
Index = NDArray[np.intp]
Frame = NDArray[np.uint8]  # a picture, (height, width, 3)
Bytes = NDArray[np.uint8]


def percentiles(values: ArrayLike, shares: tuple[float, ...] = (50, 99), digits: int | None = None) -> dict[str, float]:
    """``p50, p99`` of numbers, or other ``shares`` in per cent; rounded to ``digits`` after the point if given."""
    found = np.percentile(np.asarray(values), shares).tolist()
    return {f"p{share:g}": value if digits is None else round(value, digits) for share, value in zip(shares, found)}
