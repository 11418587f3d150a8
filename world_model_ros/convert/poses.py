"""Poses <-> (7,) arrays: x y z in m, quaternion x y z w."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.stamps import finite, frame_of
from world_model_ros.core.errors import UserError

_UNIT_TOLERANCE = 0.01


def pose_array(message: Any, frame: str | None = None, where: str = "pose") -> NDArray[np.float64]:
    """geometry_msgs/PoseStamped -> (7,), quaternion normalised.

    Args:
        message: the message.
        frame: the frame it must be in; None takes any.
        where: what stands in front of errors.

    Raises:
        UserError: another frame, a non-finite number, or a quaternion that is not of unit length.
    """
    if frame is not None and frame_of(message) != frame:
        raise UserError(f"{where}: header.frame_id", message.header.frame_id, repr(frame))
    place, turn = message.pose.position, message.pose.orientation
    pose = np.array([place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w], np.float64)
    finite(pose, where)
    length = float(np.linalg.norm(pose[3:]))
    if abs(length - 1.0) > _UNIT_TOLERANCE:
        raise UserError(f"{where}: orientation", pose[3:].tolist(), "a quaternion x y z w of length 1")
    pose[3:] /= length
    return pose
