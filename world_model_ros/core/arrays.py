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
