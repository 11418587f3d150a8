"""Keeps a few of a replay's many items for drawing: evenly spread ones, or those of the largest value (surprise)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from world_model_ros.core.arrays import Frame

_APART_NS = 1_000_000_000

Item = TypeVar("Item")


@dataclass(frozen=True)
class Moment:
    """One imagination and what came of it, to be drawn.

    Args:
        now: (H, W, 3) uint8 RGB, the frame it started from. stamp_ns: of that tick. at_s: s after the first tick.
        seconds: T times ahead. imagined: T frames. real: T frames, None where the camera was not fresh.
        surprise: of the tick it started from; of a worst moment that of the tick it leads to; None of a first tick.
    """

    now: Frame
    stamp_ns: int
    at_s: float
    seconds: tuple[float, ...]
    imagined: tuple[Frame, ...]
    real: tuple[Frame | None, ...]
    surprise: float | None


class EvenSample(Generic[Item]):
    """Keeps few of many items, evenly spread, without knowing how many will come.

    Args:
        count: how many `items` gives at most; 0 keeps none.
    """

    def __init__(self, count: int) -> None:
        self._count, self._stride, self._seen = count, 1, 0
        self._kept: list[Item] = []

    def wants(self) -> bool:
        """Whether the next item is one to keep; asked once an item."""
        self._seen += 1
        return self._count > 0 and (self._seen - 1) % self._stride == 0

    def add(self, item: Item) -> None:
        """Keep what was wanted."""
        self._kept.append(item)
        if len(self._kept) > 8 * self._count:
            del self._kept[1::2]
            self._stride *= 2

    def items(self) -> list[Item]:
        """First and last of those that were kept, and some between."""
        picked = np.linspace(0, len(self._kept) - 1, min(self._count, len(self._kept)))
        return [self._kept[round(i)] for i in picked]


class Worst(Generic[Item]):
    """The items with the largest values, those within a second of a larger one left out.

    Args:
        count: how many to keep.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: list[tuple[float, int, Item]] = []

    def wants(self, value: float, at_ns: int) -> bool:
        """Whether a value is among the largest so far."""
        if not self._count or not np.isfinite(value):
            return False
        near = [each for each in self._kept if abs(each[1] - at_ns) < _APART_NS]
        if near:
            return value > max(each[0] for each in near)
        return len(self._kept) < self._count or value > min(each[0] for each in self._kept)

    def add(self, value: float, at_ns: int, item: Item) -> None:
        """Keep what was wanted, in place of those it is larger than."""
        kept = [each for each in self._kept if abs(each[1] - at_ns) >= _APART_NS]
        kept.append((value, at_ns, item))
        self._kept = sorted(kept, key=lambda each: -each[0])[: self._count]

    def items(self) -> list[tuple[float, int, Item]]:
        """(value, time, item), largest first."""
        return list(self._kept)
