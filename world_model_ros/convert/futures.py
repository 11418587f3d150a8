"""Converts imagined futures to messages: nav_msgs/Path of poses, JointTrajectory of joints; also stamps of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.trajectory import Trajectory


def placed_targets(contract: Contract) -> dict[str, int]:
    """Targets that have paths and regions, with the place of each among all: what is articulated has values instead."""
    targets = contract.interface.targets
    return {target.name: place for place, target in enumerate(targets) if target.kind != "articulated"}


def path_message(make: MessageMaker, contract: Contract, poses: NDArray[Any], now_ns: int) -> Any:
    """nav_msgs/Path of poses (T, 7), the first one a tick after ``now_ns``, in the base frame."""
    return make.path(poses, stamps_ahead(contract, len(poses), now_ns), contract.interface.base_frame)


def stamps_ahead(contract: Contract, count: int, now_ns: int, first: int = 1) -> list[int]:
    """Times of steps, the first one ``first`` steps after ``now_ns``."""
    return [now_ns + (first + step) * contract.tick_ns for step in range(count)]


def joints_message(make: MessageMaker, contract: Contract, joints: NDArray[Any], now_ns: int) -> Any:
    """trajectory_msgs/JointTrajectory of positions (T, J), a step apart, velocities by differences."""
    return make.trajectory(joints_ahead(contract, joints, now_ns))


def joints_ahead(contract: Contract, joints: NDArray[Any], now_ns: int) -> Trajectory:
    """Joint trajectory through imagined positions (T, J), a step apart, velocities by differences."""
    positions, tick_s = joints.astype(np.float64), contract.tick_s
    times_s = tick_s * np.arange(1.0, len(positions) + 1)
    velocities = np.zeros_like(positions)
    if len(positions) > 1:
        velocities[:] = np.gradient(positions, tick_s, axis=0)
    return Trajectory(contract.joint_names, times_s, positions, velocities, now_ns)
