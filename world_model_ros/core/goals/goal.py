"""The goal types: poses and values of targets, a goal image, or joint positions; and a digest of goal images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import ByValue
from world_model_ros.core.errors import UserError

GoalKind = Literal["pose", "value", "image", "joints"]


@dataclass(frozen=True, eq=False)
class PoseGoal(ByValue):
    """Where one target has to be: its name, and (7,) x y z in m and quaternion x y z w in the base frame."""

    target: str
    pose: NDArray[np.float32]


@dataclass(frozen=True)
class ValueGoal:
    """How far something articulated has to be: the name of the target, and the value in its unit."""

    target: str
    value: float


def image_digest(image: NDArray[np.uint8]) -> str:
    """What tells goal images apart, however often they are sent and recorded: of (H, W, 3) uint8 RGB, 16 hex digits."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Goal(ByValue):
    """One goal; exactly the field of its kind is set.

    Args:
        kind: ``pose``, ``value``, ``image`` or ``joints``.
        stamp_ns: when it was given, by any clock; a new stamp is a new goal.
        target: name of the target that has to reach the pose or the value (``fingertip``, ``object_0``). None of a pose
            is the first fingertip that is a target, else the first target.
        pose: (7,) x y z in m and quaternion x y z w in the base frame. Of the orientation counts what the target says,
            and nothing of a quaternion of zeros.
        value: of something articulated, in its unit.
        image: (H, W, 3) uint8 RGB, as the first camera of the contract would see the goal.
        joints: (J,) positions in contract order, rad or m; NaN for those that stay as they are.
        also: of a pose or a value goal, other targets that have to be at poses or values of their own at the same time.
    """

    kind: GoalKind
    stamp_ns: int
    target: str | None = None
    pose: NDArray[np.float32] | None = None
    image: NDArray[np.uint8] | None = None
    joints: NDArray[np.float32] | None = None
    also: tuple[PoseGoal | ValueGoal, ...] = ()
    value: float | None = None

    @classmethod
    def of(cls, wishes: Sequence[PoseGoal | ValueGoal], stamp_ns: int) -> Goal:
        """Goal made of several poses and values, one at least, at the same time; `UserError` of anything else."""
        if not isinstance(wishes, list | tuple) or not wishes:
            raise UserError("goal: wishes", wishes, "poses and values, one at least")
        for wish in wishes:
            if not isinstance(wish, PoseGoal | ValueGoal):
                raise UserError("goal: wishes", wish, "a PoseGoal or a ValueGoal each")
        named = [wish.target for wish in wishes if isinstance(wish.target, str)]
        for target in named:
            if named.count(target) > 1:
                raise UserError("goal: wishes", target, "each target once")
        first, *also = wishes
        if isinstance(first, PoseGoal):
            return cls("pose", stamp_ns, first.target or None, first.pose, also=tuple(also))
        return cls("value", stamp_ns, first.target, value=first.value, also=tuple(also))

    @property
    def poses(self) -> tuple[PoseGoal, ...]:
        """All poses of it, in order; the first may name no target."""
        return tuple(each for each in self.wishes if isinstance(each, PoseGoal))

    @property
    def values(self) -> tuple[ValueGoal, ...]:
        """All values of it, in order."""
        return tuple(each for each in self.wishes if isinstance(each, ValueGoal))

    @property
    def wishes(self) -> tuple[PoseGoal | ValueGoal, ...]:
        """Poses and values, the first one first; none of another kind of goal. `UserError` without that of its kind."""
        if self.kind == "pose":
            if self.pose is None:
                raise UserError("goal: pose", None, "7 finite numbers")
            return (PoseGoal(self.target or "", self.pose), *self.also)
        if self.kind == "value":
            if self.target is None:
                raise UserError("goal: target", None, "the name of a target")
            if self.value is None:
                raise UserError("goal: value", None, "a number")
            return (ValueGoal(self.target, self.value), *self.also)
        return ()

    def with_wish(self, wish: PoseGoal | ValueGoal, stamp_ns: int) -> Goal:
        """The same goal with one more pose or value, in the place of what it had for that target."""
        own = self.wishes
        there = [each.target for each in own]
        wishes = [wish if each.target == wish.target else each for each in own]
        return Goal.of(wishes if wish.target in there else [*wishes, wish], stamp_ns)

    def same_as(self, other: Goal | None) -> bool:
        """Whether it is the same goal, which may be known since to be about another target of its picture."""
        if other is None or (self.kind, self.stamp_ns) != (other.kind, other.stamp_ns):
            return False
        poses = [(a.target, b.target, a.pose, b.pose) for a, b in zip(self.poses, other.poses)]
        return (
            len(self.poses) == len(other.poses)
            and self.values == other.values
            and all(name == named and np.array_equal(pose, posed) for name, named, pose, posed in poses)
        )
