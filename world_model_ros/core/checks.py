"""Checks of numbers and times that a program hands in, of whatever type."""

from __future__ import annotations

from math import isfinite
from numbers import Integral

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

_MOST_NS = 2**63


def numbers(value: object) -> Float | None:
    """An array of float64 of whatever is handed in; None where it is ragged or holds anything but real numbers.

    NumPy itself reads numbers out of texts, and drops what is imaginary.
    """
    try:
        found = np.array(value)
    except Exception:  # of an object of a user any
        return None
    return found.astype(np.float64, copy=False) if found.dtype.kind in "iuf" else None


def finite(field: str, value: object, *shape: int) -> Float:
    """The numbers of an array of this shape; `UserError` of anything else, and of one that is not finite."""
    found = numbers(value)
    if found is None or found.shape != shape or not isfinite(found.sum()):
        shown = value if found is None or found.shape == shape else f"an array of shape {found.shape}"
        size = " x ".join(map(str, shape))
        raise UserError(field, shown.tolist() if isinstance(shown, np.ndarray) else shown, f"{size} finite numbers")
    return found


def whole_ns(field: str, time_ns: object) -> int:
    """A time in whole nanoseconds that arithmetic can be done with; `UserError` of any other thing."""
    if isinstance(time_ns, bool) or not isinstance(time_ns, Integral) or abs(int(time_ns)) > _MOST_NS:
        raise UserError(field, time_ns, "whole nanoseconds")
    return int(time_ns)
