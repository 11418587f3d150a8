"""Picks the kinematics for a contract's kind of action, which converts actions to joint trajectories and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import AnyFloat, Float
from world_model_ros.core.errors import MissingError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.joints import JointMotion
from world_model_ros.kinematics.parts import PartsKinematics


class Motion(Protocol):
    """Actions to joint trajectories and back, for C action dimensions, J joints and H ticks.

    Attributes:
        aside: indices of the joints that no action moves, as a gripper's.
    """

    aside: NDArray[np.intp]

    def chunk_trajectory(
        self, q_ref: Float, chunk: Float, stamp_ns: int, tick_s: float, lead: AnyFloat | None = None
    ) -> Trajectory:
        """Trajectory of a chunk (H, C) that starts at the commanded positions ``q_ref`` (J,) at ``stamp_ns``.

        Joints that no action moves go to ``lead`` (J,); where that is not given, or NaN, they stay.
        """

    def applied_action(self, q_prev: Float, q_now: Float) -> Float:
        """Action (C,) that leads from one commanded configuration (J,) to another."""


_KINDS: dict[str, Callable[[Contract], Motion]] = {
    "fingertip_displacement": ArmKinematics,
    "fingertips_displacement": ArmKinematics,
    "joint_displacement": JointMotion,
    "parts": PartsKinematics,
}


def motion_for(contract: Contract) -> Motion:
    """The motion of a contract's action; `UserError` where URDF or limits are missing, or its parts are all free."""
    action = contract.interface.action
    if action.free:
        raise MissingError("interface.action", "free parts, which the robot itself reads", "parts with kinematics")
    return _KINDS[action.kind](contract)


def motion_if_any(contract: Contract) -> Motion | None:
    """As `motion_for`; None where URDF or limits are missing, as for a robot that is only watched.

    `UserError` of those that are there and cannot be used.
    """
    try:
        return motion_for(contract)
    except MissingError:
        return None
