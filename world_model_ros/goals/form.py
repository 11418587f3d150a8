"""Validates the form of a goal against the contract: its fields, names of targets, array shapes, and numbers."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import get_args

import numpy as np

from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract, require_contract
from world_model_ros.core.arrays import Floats
from world_model_ros.core.checks import finite, numbers, whole_ns
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, GoalKind, PoseGoal, ValueGoal


def well_formed(goal: Goal, contract: Contract) -> Goal:
    """The goal with its arrays as float32; `UserError` if it is none, or lacks what its kind needs."""
    require_contract(contract)
    if not isinstance(goal, Goal):
        raise UserError("goal", goal, "a Goal")
    if goal.kind not in get_args(GoalKind):
        raise UserError("goal: kind", goal.kind, f"one of {list(get_args(GoalKind))}")
    whole_ns("goal: stamp_ns", goal.stamp_ns)
    if not isinstance(goal.also, tuple | list):
        raise UserError("goal: also", goal.also, "poses and values of other targets")
    _check_others(goal)
    _check_target(goal.target, contract, optional=goal.kind != "value")
    also = tuple(_wish(each, contract) for each in goal.also)
    if goal.kind == "pose":
        return replace(goal, pose=_pose(goal.pose), also=also)
    if goal.kind == "value":
        _check_value(goal.value)
        return replace(goal, also=also)
    if also:
        raise UserError("goal: also", [each.target for each in also], f"nothing, for a goal of {goal.kind}")
    if goal.kind == "image":
        _check_image(goal.image, contract)
        return goal
    return replace(goal, joints=_joints(goal.joints, contract))


def _check_others(goal: Goal) -> None:
    """`UserError` of a field that is of another kind of goal, which would be dropped."""
    for field in get_args(GoalKind):
        if field != goal.kind and getattr(goal, field) is not None:
            raise UserError(f"goal: {field}", getattr(goal, field), f"nothing, for a goal of {goal.kind}")


def _check_target(target: object, contract: Contract, optional: bool = False) -> None:
    names = [each.name for each in contract.interface.targets]
    if target not in names and not (optional and target is None):
        raise UserError("goal: target", target, f"one of {names}")


def _wish(wish: object, contract: Contract) -> PoseGoal | ValueGoal:
    if not isinstance(wish, PoseGoal | ValueGoal):
        raise UserError("goal: also", wish, "a PoseGoal or a ValueGoal each")
    _check_target(wish.target, contract)
    if isinstance(wish, PoseGoal):
        return replace(wish, pose=_pose(wish.pose))
    _check_value(wish.value)
    return wish


def _pose(pose: object) -> Floats:
    finite("goal: pose", pose, 7)
    with np.errstate(over="ignore"):
        single = np.asarray(pose, np.float32)
    finite("goal: pose", single, 7)  # what float32 cannot hold is infinite now
    return single


def _check_value(value: object) -> None:
    if not isinstance(value, Real):
        raise UserError("goal: value", value, "a number")


def _check_image(image: object, contract: Contract) -> None:
    camera = first_camera(contract.interface)
    if camera is None:
        return
    found = (image.shape, str(image.dtype)) if isinstance(image, np.ndarray) else image
    if found != (camera.shape, "uint8"):
        raise UserError("goal: image", found, f"an array {camera.shape} of uint8, as {camera.name} would see the goal")


def _joints(joints: object, contract: Contract) -> Floats:
    """NaN stays as it is."""
    found, count = numbers(joints), len(contract.joint_names)
    if found is None or (count and found.shape != (count,)):
        shown = joints if found is None else f"an array of shape {found.shape}"
        raise UserError("goal: joints", shown, f"{count} numbers, NaN for joints that stay as they are")
    return np.asarray(joints, np.float32)
