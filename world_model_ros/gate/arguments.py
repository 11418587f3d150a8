"""Validates the arguments of a `Gate`: times, parts, arrays of joints; raises a UserError that names the field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.deployment.gate import GateSettings
from world_model_ros.core.arrays import Float
from world_model_ros.core.checks import numbers, within
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import JointLimits
from world_model_ros.gate.conditions.driver_state import DriverState
from world_model_ros.gate.conditions.ownership import Ownership
from world_model_ros.gate.gripper.squeeze import Squeeze
from world_model_ros.gate.motion.collision import Collision

_TICK_S = 0.001, 10.0
_RATE_HZ = 1.0, 10_000.0
_JOINTS_AGE_S = 0.001, 60.0


def check_times(tick_s: float, rate_hz: float, joints_max_age_s: float) -> None:
    """`UserError` of times by which a gate would see no silence, or could not step."""
    within("tick_s", tick_s, *_TICK_S)
    within("rate_hz", rate_hz, *_RATE_HZ)
    within("joints_max_age_s", joints_max_age_s, *_JOINTS_AGE_S)


def check_parts(
    limits: JointLimits,
    settings: GateSettings,
    collision: Collision | None,
    streaming: bool,
    driver: DriverState | None,
    squeeze: Squeeze | None,
    ownership: Ownership | None,
) -> None:
    """`UserError` of a part that is of another type."""
    _require("limits", limits, JointLimits)
    _require("settings", settings, GateSettings)
    parts: dict[str, tuple[object, type]] = {
        "collision": (collision, Collision),
        "driver": (driver, DriverState),
        "squeeze": (squeeze, Squeeze),
        "ownership": (ownership, Ownership),
    }
    for field, (part, kind) in parts.items():
        if part is not None:
            _require(field, part, kind)
    if not isinstance(streaming, bool):
        raise UserError("streaming", streaming, "True or False")


def _require(field: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise UserError(field, value, f"a {kind.__name__}")


def arm_tolerances(given: Float | None, usual: float, joints: int) -> Float:
    """Of each joint (J,), rad or m; ``usual`` where none is given. `UserError` of anything else."""
    if given is None:
        return np.full(joints, usual)
    found = numbers(given)
    if found is None or found.shape != (joints,) or not (np.isfinite(found) & (found >= 0.0)).all():
        raise UserError("arm_tolerance", given, f"{joints} finite numbers, none under 0")
    return found


def watched_joints(given: NDArray[np.bool_] | None, joints: int) -> NDArray[np.bool_]:
    """Whether each joint (J,) is watched; all of them where nothing is given. `UserError` of anything else."""
    if given is None:
        return np.full(joints, True)
    try:
        found = np.array(given)
    except Exception:  # of an object of a user any
        found = np.array(None)
    if found.dtype != bool or found.shape != (joints,):
        raise UserError("watched", given, f"{joints} of True and False, one a joint")
    return found
