"""Reads and checks a pose of a message as (7,): x y z in m, and a normalised quaternion x y z w."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.finite import finite
from world_model_ros.convert.stamps import frame_of
from world_model_ros.core.errors import UserError

_UNIT_TOLERANCE = 0.01


def pose_array(
    message: Any, frame: str | None = None, where: str = "pose", index: int | None = None, any_turn: bool = False
) -> NDArray[np.float64]:
    """geometry_msgs/PoseStamped, or one pose of a PoseArray -> (7,), quaternion normalised.

    Args:
        message: the message.
        frame: the frame it must be in; None takes any.
        where: what stands in front of errors.
        index: of the pose in a PoseArray.
        any_turn: whether a quaternion of zeros is taken, which says nothing of an orientation.

    Raises:
        UserError: another frame, a non-finite number, a quaternion that is not of unit length, or too few poses.
    """
    if frame is not None and frame_of(message) != frame:
        raise UserError(f"{where}: header.frame_id", message.header.frame_id, repr(frame))
    if index is not None and index >= len(message.poses):
        raise UserError(f"{where}: poses", f"{len(message.poses)} poses", f"at least {index + 1}, for index {index}")
    found = message.pose if index is None else message.poses[index]
    return seven_numbers(found.position, found.orientation, where, any_turn)


def seven_numbers(place: Any, turn: Any, where: str, any_turn: bool = False) -> NDArray[np.float64]:
    """A position and a quaternion -> (7,), quaternion normalised; ``any_turn`` and errors as of `pose_array`."""
    pose = np.array([place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w], np.float64)
    finite(pose, where)
    if any_turn and not pose[3:].any():
        return pose
    length = float(np.linalg.norm(pose[3:]))
    if abs(length - 1.0) > _UNIT_TOLERANCE:
        raise UserError(f"{where}: orientation", pose[3:].tolist(), "a quaternion x y z w of length 1")
    pose[3:] /= length
    return pose
