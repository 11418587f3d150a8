"""A joint trajectory as the bytes that DDS sends (CDR, little endian), in one go.

The gate sends one a cycle. Through message objects, 35 points of 29 joints take 0.7 ms; this takes 0.03 ms.
"""

from __future__ import annotations

import struct

import numpy as np

from world_model_ros.core.trajectory import Trajectory

_LITTLE_ENDIAN = b"\x00\x01\x00\x00"


def trajectory_cdr(trajectory: Trajectory) -> bytes:
    """trajectory_msgs/JointTrajectory without a frame: positions, velocities, and accelerations.

    Raises:
        ValueError: the trajectory has no accelerations.
    """
    if trajectory.accelerations is None:
        raise ValueError("a trajectory without accelerations")
    head = _head(trajectory)
    count, joints = trajectory.positions.shape
    # All is words of 4 bytes, and doubles begin at even ones. A point is 6 J + 8 words, and begins at an odd one.
    points = np.zeros((count, 6 * joints + 8), "<u4")
    nanoseconds = np.round(trajectory.times_s * 1e9).astype(np.int64)
    at = 0
    for rows in (trajectory.positions, trajectory.velocities, trajectory.accelerations):
        points[:, at] = joints
        at += 1 + (at > 0)
        points[:, at : at + 2 * joints] = np.ascontiguousarray(rows, "<f8").view("<u4")
        at += 2 * joints
    points[:, at + 1] = nanoseconds // 10**9  # after an empty sequence of efforts
    points[:, at + 2] = nanoseconds % 10**9
    words = points.tobytes()
    if len(head) % 8 == 0:  # the first point does not: one word of padding after its first number
        words = words[:4] + bytes(4) + words[4:]
    return _LITTLE_ENDIAN + head + words


def _head(trajectory: Trajectory) -> bytes:
    """Everything before the first point."""
    head = struct.pack("<iI", trajectory.stamp_ns // 10**9, trajectory.stamp_ns % 10**9) + _string("")
    head += struct.pack("<I", len(trajectory.names)) + b"".join(_string(name) for name in trajectory.names)
    return head + struct.pack("<I", len(trajectory.times_s))


def _string(text: str) -> bytes:
    """Length, characters and a zero, up to a whole number of words."""
    data = text.encode() + b"\x00"
    return struct.pack("<I", len(data)) + data + bytes(-len(data) % 4)
