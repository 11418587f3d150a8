"""trajectory_msgs/JointTrajectory -> `core.trajectory.Trajectory`, with joints, times and numbers checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from world_model_ros.convert.finite import finite
from world_model_ros.convert.stamps import stamp_ns, time_ns
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory


def trajectory_from(message: Any, joints: Sequence[str] | None = None, where: str = "trajectory") -> Trajectory:
    """A JointTrajectory as arrays.

    Args:
        message: the message. Points without velocities get finite differences, and rest at the last one.
        joints: the joints it must name, in the order of the result; None takes the message's own.
        where: what stands in front of errors.

    Raises:
        UserError: no joints or points, a joint missing, unknown or doubled, rows of another length, times that do not
            increase, or a non-finite number.
    """
    names = list(message.joint_names)
    joints = tuple(names if joints is None else joints)
    if not names or sorted(names) != sorted(set(joints)):
        raise UserError(f"{where}: joint_names", names, f"each of {list(joints)} once")
    if not len(message.points):
        raise UserError(f"{where}: points", [], "at least one")
    times_s = np.array([time_ns(point.time_from_start) for point in message.points], np.float64) * 1e-9
    if times_s[0] < 0 or np.any(np.diff(times_s) <= 0):
        raise UserError(f"{where}: time_from_start", times_s.tolist(), "not negative and strictly increasing")
    positions = _rows(message.points, "positions", len(names), where)
    if any(len(point.velocities) for point in message.points):
        velocities = _rows(message.points, "velocities", len(names), where)
    elif len(times_s) > 1:
        velocities = np.gradient(positions, times_s, axis=0)
        velocities[-1] = 0.0
    else:
        velocities = np.zeros_like(positions)
    order = [names.index(joint) for joint in joints]
    return Trajectory(joints, times_s, positions[:, order], velocities[:, order], stamp_ns(message))


def _rows(
    points: Sequence[Any], field: str, size: int, where: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    lengths = {len(getattr(point, field)) for point in points}
    if lengths != {size}:
        raise UserError(f"{where}: length of {field}", sorted(lengths), f"{size} at every point, one for each joint")
    rows = np.array([getattr(point, field) for point in points], np.float64)
    finite(rows, f"{where}: {field}")
    return rows
