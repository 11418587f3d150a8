"""Validates values that a caller passes in: numbers, arrays, times in ns, settings; raises UserError for bad ones."""

from __future__ import annotations

from math import inf, isfinite
from numbers import Integral, Real

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
        legal = f"{' x '.join(map(str, shape))} finite numbers" if shape else "a finite number"
        raise UserError(field, shown.tolist() if isinstance(shown, np.ndarray) else shown, legal)
    return found


def whole(field: str, value: object, least: int = 0) -> int:
    """A whole number that is not too small; `UserError` of anything else."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise UserError(field, value, f"a whole number, {least} or more")
    return int(value)


def positive(field: str, value: object) -> float:
    """A finite number over zero; `UserError` of anything else."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < float(value) < inf:
        raise UserError(field, value, "a number, more than zero")
    return float(value)


def within(field: str, value: object, least: float, most: float) -> float:
    """A number of a range, ends included; `UserError` of anything else."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not least <= float(value) <= most:
        raise UserError(field, value, f"a number from {least:g} to {most:g}")
    return float(value)


def like(field: str, value: object, usual: object) -> None:
    """`UserError` of a setting that is of another kind than its usual value: a number, some numbers, or a text."""
    if isinstance(usual, bool | str):
        if not isinstance(value, type(usual)):
            raise UserError(field, value, f"{type(usual).__name__}, as {usual!r}")
    elif isinstance(usual, int):
        whole(field, value, min(0, usual))
    elif isinstance(usual, float):
        finite(field, value)
    elif isinstance(usual, tuple) and usual and isinstance(usual[0], float | int):
        if not isinstance(value, tuple | list) or len(value) != len(usual):
            raise UserError(field, value, f"{len(usual)} numbers, as {usual}")
        for each, kind in zip(value, usual):
            like(field, each, kind)


def whole_ns(field: str, time_ns: object) -> int:
    """A time in whole nanoseconds that arithmetic can be done with; `UserError` of any other thing."""
    if isinstance(time_ns, bool) or not isinstance(time_ns, Integral) or abs(int(time_ns)) > _MOST_NS:
        raise UserError(field, time_ns, "whole nanoseconds")
    return int(time_ns)
