"""Imagined futures as messages; the first step is a tick after now unless said otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.outgoing import MessageMaker
from world_model_ros.core.trajectory import Trajectory


def path_message(make: MessageMaker, contract: Contract, poses: NDArray[Any], now_ns: int, first: int = 1) -> Any:
    """nav_msgs/Path of poses (T, 7), the first one ``first`` ticks after ``now_ns``, in the base frame."""
    stamps_ns = [now_ns + (first + step) * contract.tick_ns for step in range(len(poses))]
    return make.path(poses, stamps_ns, contract.interface.base_frame)


def joints_message(make: MessageMaker, contract: Contract, joints: NDArray[Any], now_ns: int) -> Any:
    """trajectory_msgs/JointTrajectory of positions (T, J), a tick apart, velocities by differences."""
    positions, tick_s = joints.astype(np.float64), contract.tick_ns * 1e-9
    times_s = tick_s * np.arange(1.0, len(positions) + 1)
    velocities = np.zeros_like(positions)
    if len(positions) > 1:
        velocities[:] = np.gradient(positions, tick_s, axis=0)
    return make.trajectory(Trajectory(contract.joint_names, times_s, positions, velocities, now_ns))
