"""Computes what the planner aims at in a tick for pose, value, image or joint goals; refuses impossible goals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, inf

import numpy as np

from world_model_ros.bundle.manifest import Manifest
from world_model_ros.bundle.signatures import first_camera, goals_read
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import Target
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.orientation import apart_rad
from world_model_ros.goals.errors import GoalError
from world_model_ros.goals.form import well_formed
from world_model_ros.goals.pursuit import Pursuit
from world_model_ros.goals.workspace import Reach, Workspace

REACHED_M = 0.004
REACHED_RAD = 0.05
REACHED_JOINT = {"rad": 0.01, "m": 0.001, "normalised": 0.01}
REACHED_VALUE = {"rad": REACHED_RAD, "m": REACHED_M, "normalised": 0.02}
# An object that a goal image shows farther away than this is to be moved: the arm that hides a part of it leads the
# reader up to 4.7 cm astray (100 pictures of the tabletop arm), which is no reason to push it.
MOVED_M = 0.05
_DONE_M = 0.015  # and until it is as near as this
_FILTER = 0.3  # share of a new reading in the aim of a goal image, a step of the model after the one before
_BLIND_STEPS = 10  # how long an aim outlives the camera
TOLERANCE_JOINT = 1e-5  # a joint goal may be so far outside, rad or m; float32, in which it comes, rounds
_POSES, _JOINTS = ("goal_poses", "goal_position_weights"), ("goal_joints", "goal_joints_weight")
_VALUES = ("goal_values", "goal_value_weights")
_NEEDED = {"pose": _POSES, "value": _VALUES, "image": _POSES, "joints": _JOINTS}  # of plan's inputs, by kind of goal
_UNTAUGHT = "in what the model learned from, nothing said where {} are"
_UPRIGHT = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class TargetError:
    """What one target has to cover: its index, to ``position`` (3,) from ``now`` (3,); how much it counts.

    Args:
        turn: (4,) quaternion to reach; None where no orientation is asked. apart_rad: how far it is away.
    """

    target: int
    position: Floats
    now: Floats
    weight: float = 1.0
    turn: Floats | None = None
    apart_rad: float = 0.0


@dataclass(frozen=True)
class ValueGap:
    """What something articulated has to cover: its index, to ``value`` from ``now``, which may not be known.

    Args:
        near: from how near it is where it should be.
    """

    target: int
    value: float
    now: float | None
    near: float


@dataclass(frozen=True)
class Subgoal:
    """What the planner aims at in one tick.

    Args:
        status: what a person reads.
        moves: False to hold still.
        ways: of the targets that have to get somewhere; the first is what the goal is about.
        gaps: of those that are articulated.
        joints: (J,) to reach instead.
        hands: (T,) weight of each fingertip as the one that pushes; None where nothing is pushed.
        errors: what is left of each part of the goal.
    """

    status: str
    moves: bool = False
    ways: tuple[TargetError, ...] = ()
    gaps: tuple[ValueGap, ...] = ()
    joints: Floats | None = None
    hands: Floats | None = None
    errors: tuple[GoalError, ...] = ()

    @property
    def target(self) -> int | None:
        """Index of the first target."""
        targets = [way.target for way in self.ways] + [gap.target for gap in self.gaps]
        return targets[0] if targets else None

    @property
    def pose(self) -> Floats | None:
        """Pose (7,) that the first target is to have; upright where no orientation is asked."""
        if not self.ways:
            return None
        first = self.ways[0]
        return np.array([*first.position, *(_UPRIGHT if first.turn is None else first.turn)], np.float32)


def check_goal(goal: Goal, contract: Contract, manifest: Manifest | None = None) -> Goal:
    """The goal, inside its limits to the last digit; refuses what cannot be meant, and what the model cannot do.

    Args:
        manifest: of the bundle that is to pursue it; None looks at the contract alone.

    Raises:
        UserError: with the legal values. A target that the model was never given the place of is no target.
    """
    goal = well_formed(goal, contract)
    interface = contract.interface
    if manifest is not None:
        if not hasattr(manifest, "graphs"):
            raise UserError("manifest", manifest, "a Manifest, of a bundle")
        _check_model(goal, manifest)
    if goal.kind == "joints":
        return _within_limits(goal, contract)
    names = [target.name for target in interface.targets]
    unknown = [] if manifest is None else manifest.unlabelled
    if goal.kind == "image":
        if first_camera(interface) is None or not names:
            raise UserError("goal", "an image", "a pose or joints: this contract has no camera or no targets")
        if unknown:
            raise UserError("goal", "an image", f"a pose or joints: {_UNTAUGHT.format(unknown)}, which it has to see")
        return goal
    wished = wished_targets(goal, contract)
    for index in wished:
        if wished.count(index) > 1:
            legal_once = f"each target once: another pose or value of {names[index]} is there already"
            raise UserError("goal: also", names[index], legal_once)
        if names[index] in unknown:
            legal = [name for name in names if name not in unknown]
            raise UserError("goal: target", names[index], f"one of {legal}: {_UNTAUGHT.format(unknown)}")
    _check_wishes(goal, contract)
    if manifest is not None:
        _check_taken(goal, contract, manifest)
    return goal


def _check_wishes(goal: Goal, contract: Contract) -> None:
    """`UserError` if a pose is of something articulated or a value is not, or one of them is beyond where it may be."""
    targets, workspace = contract.interface.targets, Workspace.of(contract)
    scalars = [target.name for target in targets if target.kind == "articulated"]
    for index, pose in pose_goals(goal, contract):
        if targets[index].name in scalars:
            raise UserError(f"goal: {targets[index].name}", "a pose", "a value: it is articulated")
        workspace.for_target(targets[index]).check(pose)
    for each in goal.values:
        if each.target not in scalars:
            raise UserError(f"goal: {each.target}", "a value", f"a pose; values are of what is articulated: {scalars}")
        workspace.check_value(targets[[target.name for target in targets].index(each.target)], each.value)


def goals_taken(contract: Contract, manifest: Manifest) -> Mapping[str, Collection[str]]:
    """What a bundle that plans may be asked of each target, as its manifest says, or else as its plan reads it."""
    plan = manifest.graphs.get("plan")
    read = {} if plan is None else goals_read(contract.interface, plan.inputs, manifest.unlabelled)
    return manifest.goals or read


def turned_targets(contract: Contract, manifest: Manifest) -> list[int]:
    """Indices of the targets whose orientation may be asked of the model."""
    taken = goals_taken(contract, manifest)
    return [k for k, target in enumerate(contract.interface.targets) if "orientation" in taken.get(target.name, ())]


def unread_orientations(contract: Contract, manifest: Manifest) -> list[str]:
    """Targets whose orientation counts by the contract, and may not be asked of the model."""
    taken = goals_taken(contract, manifest)
    targets = [target for target in contract.interface.targets if target.orientation != "free"]
    return [each.name for each in targets if {*taken.get(each.name, ())} == {"position"}]


def _check_taken(goal: Goal, contract: Contract, manifest: Manifest) -> None:
    """`UserError` if the model takes no such goal for one of the targets; of those whose orientation it
    does not read, upright or a quaternion of zeros."""
    taken, targets = goals_taken(contract, manifest), contract.interface.targets
    asked = [(targets[index].name, "position") for index, _ in pose_goals(goal, contract)]
    for name, kind in [*asked, *((each.target, "value") for each in goal.values)]:
        if kind not in taken.get(name, ()):
            legal = [each for each, kinds in taken.items() if kind in kinds]
            raise UserError(f"goal: {name}", f"a {kind}", f"what {manifest.name} takes; a {kind} of {legal}")
    for index, pose in pose_goals(goal, contract):
        about = targets[index]
        if not pose[3:].any():  # says nothing of an orientation
            continue
        turned = apart_rad(pose[3:], _UPRIGHT, about.orientation, about.symmetry)
        if turned >= REACHED_RAD and "orientation" not in taken[about.name]:
            upright = f"0 0 0 1, or what looks the same: {manifest.name} takes the position of {about.name} alone"
            raise UserError(f"goal: {about.name}: orientation", [round(float(each), 3) for each in pose[3:]], upright)


def _check_model(goal: Goal, manifest: Manifest) -> None:
    """`UserError` if the model plans nothing, or its plan graph does not read goals of this kind."""
    if manifest.kind != "act":
        raise UserError("goal", goal.kind, f"none: the model {manifest.name} only watches")
    read = manifest.graphs["plan"].inputs
    legal = [kind for kind, needed in _NEEDED.items() if set(needed) <= set(read)]
    asked = [goal.kind, *(["pose"] if goal.poses else []), *(["value"] if goal.values else [])]
    for kind in asked:
        if kind not in legal:
            raise UserError("goal", kind, f"one of {legal}, which is what the plan of {manifest.name} reads")


def _within_limits(goal: Goal, contract: Contract) -> Goal:
    """A goal of joints with every position inside its limits; `UserError` for one that is farther out than rounding."""
    assert goal.joints is not None
    if not contract.joint_names:
        raise UserError("goal", "joints", "a pose or a value: this robot has no joints")
    limits = contract.limits()
    if np.isnan(goal.joints).all():
        raise UserError("goal: joints", "none", f"some of {list(limits.names)}")
    for name, value, lower, upper in zip(limits.names, goal.joints, limits.lower, limits.upper):
        if not (np.isnan(value) or lower - TOLERANCE_JOINT <= value <= upper + TOLERANCE_JOINT):
            raise UserError(f"goal: joints[{name}]", float(value), f"a position from {lower} to {upper}")
    return replace(goal, joints=np.clip(goal.joints, limits.lower, limits.upper, dtype=np.float32))


def pose_goals(goal: Goal, contract: Contract) -> list[tuple[int, Floats]]:
    """Index of each target that a goal has a pose for, and its pose (7,), the one that the goal names first."""
    names = [target.name for target in contract.interface.targets]
    return [
        (names.index(each.target) if each.target else target_index(goal, contract), each.pose) for each in goal.poses
    ]


def wished_targets(goal: Goal | None, contract: Contract) -> list[int]:
    """Index of each target that a goal has a pose or a value for."""
    if goal is None:
        return []
    names = [target.name for target in contract.interface.targets]
    return [index for index, _ in pose_goals(goal, contract)] + [names.index(each.target) for each in goal.values]


def target_index(goal: Goal, contract: Contract) -> int:
    """Index of the goal's target; without one, of the first fingertip, else of the first target."""
    targets = contract.interface.targets
    if goal.target is not None:
        return [target.name for target in targets].index(goal.target)
    return next(iter(contract.interface.fingertips), 0)


def aim_at_poses(
    ways: Sequence[TargetError], workspaces: Sequence[Reach], targets: Sequence[Target], gaps: Sequence[ValueGap] = ()
) -> Subgoal:
    """Aim at poses of several targets at once, each in the workspace of its target, and at values of others."""
    inside = [replace(way, position=reach.inside(way.position, way.now)) for way, reach in zip(ways, workspaces)]
    return _toward(inside, workspaces, targets, gaps)


def aim_at_joints(goal: Goal, measured: Float, contract: Contract, aside: Sequence[int] = ()) -> Subgoal:
    """Aim at joint positions (J,); NaN are to stay as they are. Nothing is planned for those ``aside`` alone."""
    assert goal.joints is not None
    wanted = np.where(np.isnan(goal.joints), measured, goal.joints)
    near = np.array([REACHED_JOINT[joint.unit] for joint in contract.interface.joints])
    left = np.abs(wanted - measured)
    errors = tuple(
        GoalError(each.name, "joint", float(left[i]), each.unit, float(near[i]), i, (float(wanted[i]),))
        for i, each in enumerate(contract.interface.joints)
        if not np.isnan(goal.joints[i])
    )
    away = left >= near
    if not away.any():
        return Subgoal("reached", errors=errors)
    planned = [i for i in range(len(away)) if i not in aside]
    moves = bool(away[planned].any())
    return Subgoal("pursuing", moves=moves, joints=np.asarray(wanted, np.float32), errors=errors)


def choose_target(
    pursuit: Pursuit, seen: Floats | None, believed: Floats | None, named: int | None, contract: Contract
) -> Pursuit:
    """Which target a goal image is about: the named one, else an object that it shows elsewhere, else a fingertip.

    Args:
        pursuit: what was read from the goal image.
        seen: (K, 3) read from the camera now; None if it is not fresh, and then nothing changes.
        believed: (K, 3) where the targets are, which an arm in the camera's way does not shake.
        named: index of the target that the goal names, if it does.
    """
    targets = contract.interface.targets
    tips = list(contract.interface.fingertips) or [0]
    chosen = pursuit.target
    if named is not None:
        chosen = named
    elif seen is not None and believed is not None:
        left = np.linalg.norm((pursuit.seen - seen)[:, :2], axis=1)
        surely = np.minimum(left, np.linalg.norm((pursuit.seen - believed)[:, :2], axis=1))
        far = [left[i] > _DONE_M if i == chosen else surely[i] > MOVED_M for i in range(len(targets))]
        moved = [i for i, target in enumerate(targets) if target.kind == "object" and far[i]]
        # One fingertip after the other: another one when this one is there.
        away = [i for i in tips if left[i] > _DONE_M]
        stays = chosen in tips and (chosen in away or not away)
        tip = chosen if stays else max(tips, key=lambda i: float(left[i]))
        chosen = chosen if chosen in moved else moved[0] if moved else tip
    if chosen is None:
        chosen = tips[0]
    return pursuit if chosen == pursuit.target else replace(pursuit, target=chosen, aim=None, blind_steps=0.0)


def aim_at_image(
    pursuit: Pursuit,
    camera: str,
    now: Floats,
    seen: Floats | None,
    workspace: Reach,
    targets: Sequence[Target],
    since: float = 1.0,
) -> tuple[Subgoal, Pursuit]:
    """Visual servoing: the pursuit's target moves by as much as it is seen elsewhere in the goal image than now.

    Both readings come from the same head, so what it is wrong by at that place cancels (Hutchinson et al. 1996).

    Args:
        pursuit: what was read from the goal image, its target chosen, and the aim so far.
        camera: name of the camera, for the status.
        now: (3,) where the target is.
        seen: (K, 3) read from the camera now; None if it is not fresh, and then the aim is kept for ten steps.
        workspace: of that target.
        targets: of the contract.
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
        return Subgoal(f"image goal needs camera {camera}"), pursuit
    return _toward([TargetError(target, pursuit.aim, now)], [workspace], targets), pursuit


def _toward(
    ways: Sequence[TargetError], workspaces: Sequence[Reach], targets: Sequence[Target], gaps: Sequence[ValueGap] = ()
) -> Subgoal:
    """Within `REACHED_M` hold still: smaller steps only make the arm chatter."""
    errors: list[GoalError] = []
    for way, reach in zip(ways, workspaces):
        name, axes = targets[way.target].name, tuple(reach.free)
        left = tuple((way.position - way.now)[list(axes)].tolist())
        errors.append(GoalError(name, "place", hypot(*left), "m", REACHED_M, way.target, left, axes))
        if way.turn is not None:
            errors.append(
                GoalError(name, "turn", way.apart_rad, "rad", REACHED_RAD, way.target, tuple(way.turn.tolist()))
            )
    for gap in gaps:
        about, to = targets[gap.target], (gap.value,)
        away = inf if gap.now is None else abs(gap.value - gap.now)
        errors.append(GoalError(about.name, "value", away, about.unit, gap.near, gap.target, to))
    reached = all(each.size < each.near for each in errors)
    return Subgoal("reached" if reached else "pursuing", not reached, tuple(ways), tuple(gaps), errors=tuple(errors))
