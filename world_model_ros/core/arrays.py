"""Aliases of NumPy's array types by dtype; shapes are given where an array is used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Float = NDArray[np.float64]
Floats = NDArray[np.float32]  # what models read and write
AnyFloat = NDArray[np.floating[Any]]
Int = NDArray[np.int64]
Index = NDArray[np.intp]
Frame = NDArray[np.uint8]  # a picture, (height, width, 3)
Bytes = NDArray[np.uint8]

_NUMBERS = "iuf"  # kinds of dtype


def numbers(value: object) -> Float | None:
    """An array of float64 of whatever is handed in; None where it is ragged or holds anything but real numbers.

    NumPy itself reads numbers out of texts, and drops what is imaginary.
    """
    try:
        found = np.asarray(value)
    except Exception:  # of an object of a user any
        return None
    return np.array(found, np.float64) if found.dtype.kind in _NUMBERS else None
