"""From a goal to what the planner shall aim at, tick by tick. Positions in m in the base frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import FingertipDisplacement, Target
from world_model_ros.core.errors import UserError
from world_model_ros.core.goal import Goal
from world_model_ros.runtime.decision import Floats, Pursuit
from world_model_ros.runtime.graphs import first_camera

Float = NDArray[np.float64]

REACHED_M = 0.004
REACHED_RAD = 0.01
# An object that a goal image shows farther away than this is to be moved: the arm that hides a part of it leads the
# reader up to 4.7 cm astray (100 pictures of the tabletop arm), which is no reason to push it.
MOVED_M = 0.05
_DONE_M = 0.015  # and until it is as near as this
_FILTER = 0.3  # share of a new reading in the aim of a goal image, a step of the model after the one before
_BLIND_STEPS = 10  # how long an aim outlives the camera
_UPRIGHT = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Aim:
    """What to do in one tick.

    Args:
        status: what a person is told.
        moves: False to hold still.
        target: index of the target that shall get to ``position`` (3,) from ``now`` (3,).
        joints: (J,) to reach instead.
    """

    status: str
    moves: bool = False
    target: int | None = None
    position: Floats | None = None
    now: Floats | None = None
    joints: Floats | None = None

    @property
    def pose(self) -> Floats | None:
        """(7,) with an upright orientation, which is not a cost."""
        return None if self.position is None else np.array([*self.position, *_UPRIGHT], np.float32)


@dataclass(frozen=True)
class Workspace:
    """Where a target may be sent, and how far an action goes.

    Args:
        bound: largest action a tick on each of ``size`` axes, m or rad.
        free, locked: which of x, y, z the action moves, and which not.
        box: (2, 3) legal positions; None where there are none (joint displacements, objects).
        fixes: whether locked axes have a value of their own, as for the fingertip; an object keeps its height.
    """

    bound: float
    size: int
    free: tuple[int, ...] = (0, 1, 2)
    locked: tuple[int, ...] = ()
    box: Float | None = None
    fixes: bool = True

    @classmethod
    def of(cls, contract: Contract) -> Workspace:
        """The workspace of a contract's action."""
        action = contract.interface.action
        if not isinstance(action, FingertipDisplacement):
            return cls(action.bound, action.size)
        free = tuple("xyz".index(axis) for axis in action.axes)
        locked = tuple(axis for axis in range(3) if axis not in free)
        return cls(action.bound_m, action.size, free, locked, np.array(action.workspace_m, np.float64).T)

    def for_target(self, target: Target) -> Workspace:
        """The same for one target."""
        return replace(self, fixes=target.kind == "fingertip")

    def inside(self, position: Floats, now: Floats) -> Floats:
        """A position (3,) with its free axes in the box and its locked ones where the target at ``now`` can be."""
        inside = np.array(position, np.float32)
        if self.box is not None:
            inside = np.minimum(np.maximum(inside, self.box[0]), self.box[1], dtype=np.float32)
            for axis in self.locked:
                inside[axis] = self.box[0, axis] if self.fixes else now[axis]
        return inside

    def bounds(self, horizon: int, tip: Float | None) -> tuple[Floats, Floats]:
        """Lowest and highest action a step, (H, C); the first one keeps a fingertip at ``tip`` (3,) in the box."""
        high = np.full((horizon, self.size), self.bound, np.float32)
        low = -high
        if self.box is not None and tip is not None:
            free = list(self.free)
            low[0] = np.clip(self.box[0, free] - tip[free], -self.bound, self.bound)
            high[0] = np.clip(self.box[1, free] - tip[free], -self.bound, self.bound)
        return low, high


def check_goal(goal: Goal, contract: Contract) -> None:
    """Refuse what cannot be meant: raises `UserError` with the legal values."""
    interface = contract.interface
    if goal.kind == "joints":
        assert goal.joints is not None
        limits = contract.limits()
        for name, value, lower, upper in zip(limits.names, goal.joints, limits.lower, limits.upper):
            if not lower <= value <= upper:
                raise UserError(f"goal: joints[{name}]", float(value), f"a position from {lower} to {upper}")
        return
    names = [target.name for target in interface.targets]
    if goal.target is not None and goal.target not in names:
        raise UserError("goal: target", goal.target, f"one of {names}")
    if goal.kind == "image":
        if first_camera(interface) is None or not names:
            raise UserError("goal", "an image", "a pose or joints: this contract has no camera or no targets")
        return
    assert goal.pose is not None
    if not np.isfinite(goal.pose).all():
        raise UserError("goal: pose", goal.pose.tolist(), "finite numbers")
    if isinstance(interface.action, FingertipDisplacement):
        for axis, (low, high) in zip("xyz", interface.action.workspace_m):
            value = float(goal.pose["xyz".index(axis)])
            if axis in interface.action.axes and not low <= value <= high:
                raise UserError(
                    f"goal: position.{axis}", value, f"from {low} to {high} m (interface.action.workspace_m)"
                )


def target_index(goal: Goal, contract: Contract) -> int:
    """Index of the goal's target; without one, of the first fingertip, else of the first target."""
    targets = contract.interface.targets
    if goal.target is not None:
        return [target.name for target in targets].index(goal.target)
    return next((i for i, target in enumerate(targets) if target.kind == "fingertip"), 0)


def aim_at_pose(goal: Goal, target: int, now: Floats, workspace: Workspace) -> Aim:
    """Aim at a pose goal.

    Args:
        goal: kind pose, checked.
        target: its index; ``now`` (3,) is where that target is.
        workspace: of that target.
    """
    assert goal.pose is not None
    return _toward(target, workspace.inside(goal.pose[:3], now), now, workspace)


def aim_at_joints(goal: Goal, measured: Float) -> Aim:
    """Aim at joint positions (J,)."""
    assert goal.joints is not None
    if np.abs(goal.joints - measured).max() < REACHED_RAD:
        return Aim("reached")
    return Aim("pursuing", moves=True, joints=np.asarray(goal.joints, np.float32))


def choose_target(
    pursuit: Pursuit, seen: Floats | None, believed: Floats | None, named: int | None, contract: Contract
) -> Pursuit:
    """Which target a goal image is about: the named one, else an object that it shows elsewhere, else the fingertip.

    Args:
        pursuit: what was read from the goal image.
        seen: (K, 3) read from the camera now; None if it is not fresh, and then nothing changes.
        believed: (K, 3) where the targets are, which an arm in the camera's way does not shake.
        named: index of the target that the goal names, if it does.
    """
    targets = contract.interface.targets
    tip = next((i for i, target in enumerate(targets) if target.kind == "fingertip"), 0)
    chosen = pursuit.target
    if named is not None:
        chosen = named
    elif seen is not None and believed is not None:
        left = np.linalg.norm((pursuit.seen - seen)[:, :2], axis=1)
        surely = np.minimum(left, np.linalg.norm((pursuit.seen - believed)[:, :2], axis=1))
        far = [left[i] > _DONE_M if i == chosen else surely[i] > MOVED_M for i in range(len(targets))]
        moved = [i for i, target in enumerate(targets) if target.kind == "object" and far[i]]
        chosen = chosen if chosen in moved else moved[0] if moved else tip
    if chosen is None:
        chosen = tip
    return pursuit if chosen == pursuit.target else replace(pursuit, target=chosen, aim=None, blind_steps=0.0)


def aim_at_image(
    pursuit: Pursuit, camera: str, now: Floats, seen: Floats | None, workspace: Workspace, since: float = 1.0
) -> tuple[Aim, Pursuit]:
    """Visual servoing: the pursuit's target shall move by as much as it is seen elsewhere in the goal image than now.

    Both readings come from the same head, so what it is wrong by at that place cancels (Hutchinson et al. 1996).

    Args:
        pursuit: what was read from the goal image, its target chosen, and the aim so far.
        camera: name of the camera, for the status.
        now: (3,) where the target is.
        seen: (K, 3) read from the camera now; None if it is not fresh, and then the aim is kept for ten steps.
        workspace: of that target.
        since: steps of the model since the last tick.
    """
    target = pursuit.target
    assert target is not None
    if seen is None:
        pursuit = replace(pursuit, blind_steps=pursuit.blind_steps + since)
    else:
        there = now + (pursuit.seen[target] - seen[target])
        if pursuit.aim is not None:
            there = pursuit.aim + _FILTER * since * (there - pursuit.aim)
        pursuit = replace(pursuit, aim=workspace.inside(there, now), blind_steps=0.0)
    if pursuit.aim is None or pursuit.blind_steps > _BLIND_STEPS:
        return Aim(f"image goal needs camera {camera}"), pursuit
    return _toward(target, pursuit.aim, now, workspace), pursuit


def _toward(target: int, position: Floats, now: Floats, workspace: Workspace) -> Aim:
    """Within `REACHED_M` hold still: smaller steps only make the arm chatter."""
    reached = hypot(*(float(position[axis] - now[axis]) for axis in workspace.free)) < REACHED_M
    return Aim("reached" if reached else "pursuing", not reached, target, position, now)
