"""Serialises messages fast: writes numbers and stamps into the CDR bytes of a message that was serialised once.

rclpy makes several Python objects for every pose of a path, and walks through all of them to publish it. For the few
kilobytes that a tick sends, that takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Make = Callable[..., Any]

_HEAD = 4  # bytes of encapsulation; everything is aligned from there (DDS-XTypes 7.4.3.4)
_MAX_LAYOUTS = 32  # shapes that are kept


@dataclass(frozen=True)
class _Layout:
    """Bytes, seen as doubles and as words, and where which number and which stamp belong."""

    data: NDArray[np.uint8]
    doubles: NDArray[np.float64]
    words: NDArray[np.uint32]
    number_at: NDArray[np.intp]
    number: NDArray[np.intp]
    stamp_at: NDArray[np.intp]
    stamp: NDArray[np.intp]


class Template:
    """Makes messages as bytes for ``publish``, equal to those that the middleware would make.

    Args:
        make: ``make(numbers, stamps_ns, *fixed)`` -> a message that has every number of the arrays as a double, and
            every stamp, at least once and unchanged. What is ``fixed`` is hashable.
        serialise: a message -> its bytes in CDR, little endian.
    """

    def __init__(self, make: Make, serialise: Callable[[Any], bytes]) -> None:
        self._make, self._serialise = make, serialise
        self._layouts: dict[Hashable, _Layout] = {}

    def __call__(self, numbers: Sequence[NDArray[Any]], stamps_ns: Sequence[int], *fixed: Hashable) -> bytes:
        """The bytes of a message."""
        key = (tuple(each.shape for each in numbers), len(stamps_ns), fixed)
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= _MAX_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[key] = self._learned([each.shape for each in numbers], len(stamps_ns), fixed)
        values = np.concatenate([each.reshape(-1) for each in numbers], dtype=np.float64)
        layout.doubles[layout.number_at] = values[layout.number]
        times = np.array([divmod(each, 10**9) for each in stamps_ns], np.uint32)[layout.stamp]
        layout.words[layout.stamp_at], layout.words[layout.stamp_at + 1] = times[:, 0], times[:, 1]
        return layout.data.tobytes()

    def _learned(self, shapes: Sequence[tuple[int, ...]], stamps: int, fixed: tuple[Hashable, ...]) -> _Layout:
        """Make one message of marks that are found again in its bytes."""
        random = np.random.default_rng(0)
        marks = [1.0 + random.random(shape) for shape in shapes]
        times = [(1_234_567_890 + i, 123_456_789 + 7 * i) for i in range(stamps)]
        message = self._make(marks, [s * 10**9 + ns for s, ns in times], *fixed)
        data = np.frombuffer(self._serialise(message), np.uint8).copy()
        assert data[1] == 1, "little endian"
        doubles = np.frombuffer(data, "<f8", (len(data) - _HEAD) // 8, _HEAD)
        words = np.frombuffer(data, "<u4", (len(data) - _HEAD) // 4, _HEAD)
        numbers = [np.flatnonzero(doubles == mark) for mark in np.concatenate([each.reshape(-1) for each in marks])]
        seen = [np.flatnonzero((words[:-1] == s) & (words[1:] == ns)) for s, ns in times]
        assert all(len(each) for each in (*numbers, *seen)), "each mark is in the message, as it is"
        return _Layout(data, doubles, words, *_places(numbers), *_places(seen))


def _places(found: Sequence[NDArray[np.intp]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of all, and which one each is of."""
    which = [np.full(len(each), i, np.intp) for i, each in enumerate(found)]
    return np.concatenate(found), np.concatenate(which)
