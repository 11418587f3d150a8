"""Coordinates several fingertips in the plane: which one reaches, pushes or helps, and how they keep apart."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from world_model_ros.contract.hands import Hand, sides
from world_model_ros.core.arrays import Float

STANDOFF_M = 0.05  # of a fingertip from the middle of the object that it pushes
STOP_M = 0.06  # of a fingertip that stops an object, from the middle of where it is to come to rest
APART_M = 0.05  # that hands keep to their sides
_ASIDE = 0.5  # cosine of the widest angle between a push and the direction from the pushing hand to the helping one
_OUTSIDE = 4.0  # what a metre outside of a workspace counts compared with one of way


@dataclass(frozen=True)
class Hands:
    """Workspaces of T fingertips in the plane.

    Args:
        boxes: (T, 2, 2), of each low and high of x and y.
    """

    boxes: Float

    @classmethod
    def of(cls, hands: Sequence[Hand]) -> Hands:
        """Make them of the fingertips that an action moves."""
        return cls(np.array([hand.box[:, :2] for hand in hands]).reshape(-1, 2, 2))

    def __len__(self) -> int:
        return len(self.boxes)

    def outside(self, hand: int, place: Float) -> float:
        """How far x, y of a place is outside of a hand's workspace."""
        low, high = self.boxes[hand]
        return float(np.linalg.norm(np.maximum(np.maximum(low - place[:2], place[:2] - high), 0.0)))

    def reaches(self, hand: int, item: Float, goal: Float) -> bool:
        """Whether a hand can be behind an object at ``item`` (2,) all the way to ``goal`` (2,)."""
        return self._beyond(hand, item, goal) == 0.0

    def helper(self, pusher: int, item: Float, goal: Float) -> int | None:
        """The hand that can stand by on the far side of the goal, on a side of its own; None if there is none."""
        way = goal[:2] - item[:2]
        way = way / max(float(np.hypot(*way)), 1e-9)
        able = [
            hand
            for first, second, side in self.pairs()
            for hand, mate, out in ((first, second, side), (second, first, -side))
            if mate == pusher and way @ out > _ASIDE and self.outside(hand, goal[:2] + STOP_M * way) == 0.0
        ]
        return max(able, key=lambda hand: float((self.boxes[hand].mean(0) - goal[:2]) @ way), default=None)

    def pusher(self, tips: Float, item: Float, goal: Float, busy: Collection[int] = ()) -> int:
        """The hand that should push an object at ``item`` (2,) to ``goal`` (2,): it can get behind it there and all
        the way, and has the shortest way to there, round the object.

        Args:
            tips: (T, 2) where they are. busy: hands that have something else to do.
        """
        free = [hand for hand in range(len(self)) if hand not in busy] or list(range(len(self)))
        return min(free, key=lambda hand: self._trouble(hand, tips[hand], item, goal))

    def _trouble(self, hand: int, tip: Float, item: Float, goal: Float) -> float:
        ahead, away = goal[:2] - item[:2], tip[:2] - item[:2]
        radius = float(np.hypot(*away))
        turned = 1.0 + float(ahead @ away) / max(float(np.hypot(*ahead)) * radius, 1e-9)  # 0 is right behind, 2 before
        way = abs(radius - STANDOFF_M) + 0.5 * np.pi * STANDOFF_M * turned
        return way + _OUTSIDE * self._beyond(hand, item, goal)

    def _beyond(self, hand: int, item: Float, goal: Float) -> float:
        """How far the places behind the object, at first and in the end, are outside of a hand's workspace."""
        ahead = goal[:2] - item[:2]
        back = STANDOFF_M * ahead / max(float(np.hypot(*ahead)), 1e-9)
        return self.outside(hand, item[:2] - back) + self.outside(hand, goal[:2] - back)

    def pairs(self) -> Iterator[tuple[int, int, Float]]:
        """Yield two hands each, and the direction (2,) from the second's to the first's side, as `sides` does."""
        return sides(self.boxes)

    def kept_apart(self, tips: Float, moves: Float) -> Float:
        """Moves (T, 2) from places (T, 2), without what would bring two hands to the other's side."""
        kept = np.array(moves, np.float64)
        for first, second, side in self.pairs():
            room = max(float((tips[first] - tips[second]) @ side) - APART_M, 0.0)
            excess = float((kept[second] - kept[first]) @ side) - room
            if excess > 0:
                kept[first] += 0.5 * excess * side
                kept[second] -= 0.5 * excess * side
        return kept
