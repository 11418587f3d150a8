"""NumPy array types by dtype, and helpers: percentiles, interpolation between stamps, equality of what holds arrays.

`ByValue` and `same` compare what holds arrays.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from operator import itemgetter
from typing import Any, ClassVar

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


def between(past: Sequence[tuple[int, Float]], at: int) -> Float:
    """What samples (stamp, value) by rising stamps say of a time: straight between the two around it.

    Before all of them it is the first one's value, after all the last one's; there must be one.
    """
    index = bisect_left(past, at, key=itemgetter(0))
    if index == len(past):
        return past[-1][1]
    end_ns, end = past[index]
    if index == 0 or end_ns == at:
        return end
    begin_ns, begin = past[index - 1]
    return np.asarray(begin + (at - begin_ns) / (end_ns - begin_ns) * (end - begin))


def same(first: object, second: object) -> bool:
    """Whether two values are equal, with arrays in them by shape and numbers (NaN is equal to NaN)."""
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        floats = first.dtype.kind in "fc" and second.dtype.kind in "fc"
        return bool(np.array_equal(first, second, equal_nan=floats))
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return False
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(same(value, second[key]) for key, value in first.items())
    if isinstance(first, tuple | list) and isinstance(second, tuple | list):
        return type(first) is type(second) and len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


class ByValue:
    """A dataclass (``eq=False``) that is equal to another one of its class whose fields are the `same`.

    What `dataclass` writes cannot compare arrays: it raises, before Python 3.13 only where they are not one object.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(same(getattr(self, each.name), getattr(other, each.name)) for each in fields(self) if each.compare)

    __hash__ = None  # type: ignore[assignment]
