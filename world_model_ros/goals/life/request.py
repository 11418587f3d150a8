"""Parses goal requests in JSON strictly (id, steps, time limits, mode); errors name field, value, what is legal.

    {"id": "6ba7b810-...", "steps": [...], "timeout_s": 20, "stuck_s": 5, "mode": "replace"}

All but ``steps`` may be left out. A step has ``poses``, ``values`` or both, or else ``joints``:

    {"poses": {"fingertip": [x, y, z], "object_0": [x, y, z, qx, qy, qz, qw]}, "values": {"drawer": 0.2}}
    {"joints": {"shoulder_pan_joint": 0.3}}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any
from uuid import UUID

import numpy as np

from world_model_ros.bundle.manifest import Manifest
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import GOAL_REQUEST
from world_model_ros.core.arrays import Floats
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal
from world_model_ros.core.json_text import read_json
from world_model_ros.goals.life.asked_types import Request
from world_model_ros.goals.subgoal import check_goal

STEPS = 64  # of a request, at most
_KEYS = ("id", "steps", "timeout_s", "stuck_s", "mode")
_STEP_KEYS = ("poses", "values", "joints")
_MODES = ("replace", "queue")
_UNIT_TOLERANCE = 0.01
_UUID = "a UUID, such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8"


def goal_id(text: Any, field: str = "id") -> str:
    """A UUID in its usual writing; `UserError` for what is none."""
    try:
        return str(UUID(text.strip()))
    except (ValueError, AttributeError):
        raise UserError(field, text, _UUID) from None


def id_of(text: str) -> str | None:
    """The id in what may be a request; None if there is none that can be read."""
    try:
        return goal_id(_object(text, GOAL_REQUEST).get("id"))
    except UserError:
        return None


def read_request(text: str, contract: Contract, manifest: Manifest | None, otherwise: str) -> Request:
    """A request whose steps the contract and the model take.

    Args:
        manifest: of the model that is to pursue it; None looks at the contract alone.
        otherwise: its id if it has none of its own.

    Raises:
        UserError: it is none; the field is its place in the JSON.
    """
    told = _known(_object(text, GOAL_REQUEST), GOAL_REQUEST, _KEYS)
    id = goal_id(told["id"]) if told.get("id") is not None else otherwise
    steps = told.get("steps")
    if not isinstance(steps, list) or not 0 < len(steps) <= STEPS:
        raise UserError("steps", "nothing" if steps is None else steps, f"a list of 1 to {STEPS} steps")
    mode = told.get("mode", "replace")
    if mode not in _MODES:
        raise UserError("mode", mode, f"one of {list(_MODES)}")
    limits = {key: None if told.get(key) is None else _number(told[key], key, 0.0) for key in ("timeout_s", "stuck_s")}
    reader = _Reader(contract, manifest)
    goals = tuple(reader.step(step, f"steps[{i}]") for i, step in enumerate(steps))
    return Request(id, goals, mode == "queue", **limits)


@dataclass(frozen=True)
class _Reader:
    """Reads steps for a robot and a model."""

    contract: Contract
    manifest: Manifest | None

    def step(self, told: Any, field: str) -> Goal:
        step = _known(told, field, _STEP_KEYS)
        if ("joints" in step) == bool({"poses", "values"} & step.keys()):
            raise UserError(field, sorted(step), "poses, values or both; or else joints")
        goal = self._joints(step["joints"], f"{field}.joints") if "joints" in step else self._wishes(step, field)
        try:
            return check_goal(goal, self.contract, self.manifest)
        except UserError as error:
            raise UserError(f"{field}: {error.field}", error.value, error.legal) from None

    def _wishes(self, step: dict[str, Any], field: str) -> Goal:
        named = {each.name: each.kind == "articulated" for each in self.contract.interface.targets}
        poses, values = (_known(step.get(key, {}), f"{field}.{key}") for key in ("poses", "values"))
        for key, told, articulated in (("poses", poses, False), ("values", values, True)):
            legal = [name for name, scalar in named.items() if scalar == articulated]
            for name in told:
                if name not in legal:
                    raise UserError(f"{field}.{key}", name, f"one of {legal}")
        wishes: list[PoseGoal | ValueGoal] = [
            PoseGoal(name, _pose(pose, f"{field}.poses.{name}")) for name, pose in poses.items()
        ]
        wishes += [ValueGoal(name, _number(value, f"{field}.values.{name}")) for name, value in values.items()]
        if not wishes:
            raise UserError(field, step, f"a pose or a value of one of {list(named)}")
        return Goal.of(wishes, 0)

    def _joints(self, told: Any, field: str) -> Goal:
        names = self.contract.joint_names
        positions = _known(told, field, names)
        if not positions:
            raise UserError(field, told, f"positions of some of {list(names)}")
        joints = np.full(len(names), np.nan, np.float32)
        with np.errstate(over="ignore"):  # what is too large is infinite, and refused as that
            for name, position in positions.items():
                joints[names.index(name)] = _number(position, f"{field}.{name}")
        return Goal("joints", 0, joints=joints)


def _object(text: str, field: str) -> dict[str, Any]:
    told = read_json(text, field, finite=True)
    if not isinstance(told, dict):
        raise UserError(field, told, f"an object with the keys {list(_KEYS)}")
    return told


def _known(told: Any, field: str, legal: Sequence[str] | None = None) -> dict[str, Any]:
    """An object, with none but legal keys."""
    if not isinstance(told, dict):
        raise UserError(field, told, "an object" if legal is None else f"an object with the keys {list(legal)}")
    for key in told:
        if legal is not None and key not in legal:
            raise UserError(field, key, f"one of the keys {list(legal)}")
    return told


def _number(told: Any, field: str, above: float = -inf) -> float:
    legal = "a finite number" if above == -inf else f"a finite number over {above:g}"
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        raise UserError(field, told, legal)
    try:
        value = float(told)
    except OverflowError:
        value = inf
    if not isfinite(value) or not value > above:
        raise UserError(field, told, legal)
    return value


def _pose(told: Any, field: str) -> Floats:
    """(7,) of 7 numbers, or of 3, which ask for no orientation."""
    if not isinstance(told, list) or len(told) not in (3, 7):
        raise UserError(field, told, "a list: x y z in m, and a quaternion x y z w if its orientation counts")
    pose = np.zeros(7)
    pose[: len(told)] = [_number(value, f"{field}[{i}]") for i, value in enumerate(told)]
    length = float(np.linalg.norm(pose[3:]))
    if length and abs(length - 1.0) > _UNIT_TOLERANCE:
        raise UserError(field, told, "a quaternion x y z w of length 1, or of zeros")
    pose[3:] /= length or 1.0
    with np.errstate(over="ignore"):  # what is too large is infinite, and refused as that
        return pose.astype(np.float32)
