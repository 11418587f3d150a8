"""Merges joint limits of the contract and the URDF, the tighter of both; acceleration and jerk have defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from world_model_ros.contract.deployment.gate import JointLimit
from world_model_ros.contract.urdf.numbers import UrdfLimit
from world_model_ros.core.errors import MissingError, UserError
from world_model_ros.core.trajectory import JointLimits

FULL_SPEED_S = 0.5  # default acceleration: the velocity limit is reached in this time
FULL_ACCELERATION_S = 0.1  # default jerk: the acceleration limit is reached in this time
_SILENT = UrdfLimit(None, None, None)


def joint_limits(
    names: Sequence[str], stated: Sequence[JointLimit], urdf: Mapping[str, UrdfLimit] | None
) -> JointLimits:
    """Limits of the joints ``names``, in that order.

    Args:
        stated: the contract's.
        urdf: the URDF's, by joint name; None if there is no URDF.

    Raises:
        UserError: the URDF lacks a joint, a joint lacks a limit in both, or they leave it no range.
    """
    lost = [name for name in names if urdf is not None and name not in urdf]
    if lost:
        raise UserError("interface.joints", lost, f"joints of the URDF: {sorted(urdf or {})}")
    by_name = {limit.name: limit for limit in stated}
    rows = [_joint(name, by_name.get(name, JointLimit(name=name)), (urdf or {}).get(name, _SILENT)) for name in names]
    lower, upper, velocity, acceleration, jerk, effort = np.array(rows).T
    return JointLimits(tuple(names), lower, upper, velocity, acceleration, jerk, effort)


def _joint(name: str, stated: JointLimit, urdf: UrdfLimit) -> tuple[float, float, float, float, float, float]:
    ranges = [each for each in (stated.position, urdf.position) if each is not None]
    if not ranges:
        raise _missing(name, "position", "position: [lower, upper]", urdf)
    lower, upper = max(low for low, _ in ranges), min(high for _, high in ranges)
    if not lower < upper:
        raise UserError(f"deployment.limits: {name}: position", stated.position, f"a range that meets {urdf.position}")
    velocity = _tighter(name, "velocity", stated.velocity, urdf)
    acceleration = stated.acceleration or velocity / FULL_SPEED_S
    jerk = stated.jerk or acceleration / FULL_ACCELERATION_S
    return lower, upper, velocity, acceleration, jerk, _tighter(name, "effort", stated.effort, urdf)


def _tighter(name: str, what: str, stated: float | None, urdf: UrdfLimit) -> float:
    found = [limit for limit in (stated, getattr(urdf, what)) if limit is not None]
    if not found:
        raise _missing(name, what, what, urdf)
    return min(found)


def _missing(name: str, what: str, key: str, urdf: UrdfLimit) -> MissingError:
    why = "says 0, which is no limit" if what in urdf.zeros else "does not say it"
    return MissingError(f"deployment.limits: {name}", None, f"{key}, because the URDF {why}")
