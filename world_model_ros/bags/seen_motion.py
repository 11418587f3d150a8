"""Measures how much motion camera frames show after a moment, and keeps the few moments in which most moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.core.arrays import Frame

_ENOUGH = 2  # real frames, from which a picture tells how the motion goes on
_DULL = 0.25  # of the largest motion; less tells little next to it
_NEAR = 4  # parts of that time: what is nearer shows the same
_POOL = 8  # moments that are remembered for each that is asked for

Item = TypeVar("Item")


@dataclass(frozen=True, order=True)
class Motion:
    """How much is seen to happen in a horizon; more is greater, and motion that was not meant counts less than any
    that was. What pushes something tells more than the largest motion in the air.

    Args:
        enough: whether real frames came of two steps at least, or of all.
        meant: whether the robot was let move.
        pushed: how far a target was moved that is none of the robot's own, in whole hundredths of its unit (cm).
        grey_levels: mean over the steps of the mean absolute difference to the first frame; 0 where no frame came.
    """

    enough: bool
    meant: bool
    pushed: int
    grey_levels: float


def mean_error(a: Frame, b: Frame) -> float:
    """Mean absolute difference of two frames in grey levels, 0 to 255."""
    return float(np.mean(cv2.absdiff(a, b)))


def seen_motion(now: Frame, real: Sequence[Frame | None], meant: bool = True, pushed: int = 0) -> Motion | None:
    """What is seen to happen after ``now``, of the frames that came at some steps; None if none came."""
    frames = [frame for frame in real if frame is not None]
    if not frames:
        return None
    shown = sum(mean_error(now, frame) for frame in frames) / len(real)
    return Motion(len(frames) >= min(_ENOUGH, len(real)), meant, pushed, shown)


def pushed_by(ways: Iterable[Sequence[ArrayLike]]) -> int:
    """`Motion.pushed` of targets, each with its places (D,) in the horizon, in order; fewer than two tell nothing."""
    known = [np.asarray(way, np.float64) for way in ways if len(way) > 1]
    return max((round(100 * float(np.linalg.norm(way - way[0], axis=1).max())) for way in known), default=0)


class MostMoving(Generic[Item]):
    """Keeps a few moments of many in which most moves, apart from each other where there is room.

    Args:
        count: how many `items` gives at most; 0 keeps none.
        apart_ns: moments closer than this show much the same.
    """

    def __init__(self, count: int, apart_ns: int) -> None:
        self._count, self._apart_ns = count, apart_ns
        self._kept: list[tuple[int, Motion, Item]] = []  # by time

    def add(self, at_ns: int, motion: Motion, item: Item) -> None:
        """The next moment, later than those before it."""
        if self._count:
            self._kept.append((at_ns, motion, item))
        if len(self._kept) <= _POOL * self._count:
            return
        gaps_ns = [after[0] - before[0] for before, after in pairwise(self._kept)]
        closest = int(np.argmin(gaps_ns))
        if gaps_ns[closest] < self._apart_ns / _NEAR:  # they show much the same: the lesser one goes
            del self._kept[closest + (self._kept[closest][1] >= self._kept[closest + 1][1])]
        else:  # of equal ones that which leaves the smallest gap, so that they stay spread
            left_ns = [np.inf, *(before + after for before, after in pairwise(gaps_ns)), np.inf]
            del self._kept[min(range(len(left_ns)), key=lambda i: (self._kept[i][1], left_ns[i]))]

    def items(self) -> list[Item]:
        """The moments, in order of time; rather two of one motion than one in which hardly anything moves."""
        picked: list[int] = []
        apart_ns, times_ns = self._apart_ns, np.array([at_ns for at_ns, _, _ in self._kept], np.int64)
        dull = _DULL * max((motion.grey_levels for _, motion, _ in self._kept), default=0.0)
        telling = np.array([motion.pushed > 0 or motion.grey_levels >= dull for _, motion, _ in self._kept])
        away_ns = np.full(len(self._kept), np.iinfo(np.int64).max)
        while len(picked) < min(self._count, len(self._kept)):
            left = np.flatnonzero((away_ns >= max(1, apart_ns)) & (telling | (apart_ns < self._apart_ns / _NEAR)))
            if len(left):
                picked.append(max(left.tolist(), key=lambda i: (self._kept[i][1], away_ns[i])))
                away_ns = np.minimum(away_ns, np.abs(times_ns - times_ns[picked[-1]]))
            else:
                apart_ns //= 2
        return [self._kept[i][2] for i in sorted(picked)]
