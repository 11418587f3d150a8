"""geometry_msgs/PoseStamped, or one pose of a PoseArray -> (7,) float32: x y z in m, quaternion x y z w."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.orientation import unique


@dataclass(frozen=True)
class PoseConverter:
    """geometry_msgs/PoseStamped in ``frame``, or the pose ``index`` of a PoseArray -> (stamp, (7,)).

    The quaternion is of unit length, and of q and -q, which are the same, always the same one.
    """

    name: str
    frame: str
    index: int | None = None

    def __call__(self, message: Any) -> tuple[int, NDArray[np.float32]]:
        """Raises `UserError` as `pose_array`."""
        pose = pose_array(message, self.frame, self.name, self.index)
        pose[3:] = unique(pose[3:])
        return stamp_ns(message), pose.astype(np.float32)
