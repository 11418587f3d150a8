"""Errors of a goal by part (place, turn, value, joint), in tolerances, and the steps until imagined to be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from world_model_ros.core.arrays import Float, Floats


@dataclass(frozen=True)
class GoalError:
    """How far one part of a goal, a place, a turn, a value or a joint, is from being reached.

    Args:
        name: of the target, or of the joint.
        kind: what of it: its place, its orientation, its value, or a joint's position.
        size: how far it is away, in ``unit``; infinite where that is not known.
        near: from how near it is reached.
        index: of the target in the contract, or of the joint.
        left: way to go of a place along ``axes``, m; what an orientation, a value or a joint is to be.
        axes: those of a place that count.
    """

    name: str
    kind: Literal["place", "turn", "value", "joint"]
    size: float
    unit: str
    near: float
    index: int
    left: tuple[float, ...]
    axes: tuple[int, ...] = ()

    @property
    def tolerances(self) -> float:
        """How many times as far away it is as counts as reached."""
        return self.size / self.near

    def ahead(self, imagined: Imagination) -> Float | None:
        """How far (H,) it is imagined to be away; None where that is not imagined."""
        if self.kind == "place" and imagined.poses is not None and imagined.now is not None:
            moved = imagined.poses[:, self.index, :3] - imagined.now[self.index, :3]
            return np.asarray(np.linalg.norm(np.array(self.left) - moved[:, list(self.axes)], axis=1), np.float64)
        row = {"value": imagined.values, "joint": imagined.joints}.get(self.kind)
        return None if row is None else np.abs(np.asarray(row[:, self.index], np.float64) - self.left[0])


@dataclass(frozen=True)
class Imagination:
    """What is imagined H steps ahead: poses (H, K, 7) from ``now`` (K, 7), values (H, K), joints (H, J)."""

    poses: Floats | None
    now: Floats | None
    values: Floats | None
    joints: Floats | None


def steps_to_go(errors: Sequence[GoalError], imagined: Imagination) -> int | None:
    """In how many steps all parts are imagined to be reached; None if that is not within what is imagined."""
    ways = [(each.near, each.ahead(imagined)) for each in errors]
    if not ways or any(way is None for _, way in ways):
        return None
    there = np.all([way < near for near, way in ways if way is not None], axis=0)
    return int(there.argmax()) + 1 if there.any() else None
