"""Checks that numbers of a message are finite, also as float32; raises a UserError that names the first bad one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.errors import UserError

_LARGEST = float(np.finfo(np.float32).max)
_SURELY_FINITE = 1e37  # of a sum of squares


def finite(values: NDArray[Any], where: str, names: tuple[str, ...] | None = None) -> None:
    """Raise `UserError` if a value is NaN, infinite, or would be in single precision, which models and data sets have.

    ``names`` are the names of the first axis.
    """
    if np.vdot(values, values) < _SURELY_FINITE:  # a third of the time of looking at each, and rarely wrong
        return
    good = np.abs(values) <= _LARGEST
    if good.all():
        return
    index = tuple(int(i) for i in np.argwhere(~good)[0])
    spot = f"[{names[index[0]]}]" if names else str(list(index))
    raise UserError(f"{where}{spot}", float(values[index]), "a finite number")
