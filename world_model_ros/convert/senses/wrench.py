"""Wrenches -> (6,) float32: force x y z in N, torque x y z in N m."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.finite import finite
from world_model_ros.convert.stamps import frame_of, stamp_ns
from world_model_ros.core.errors import UserError


@dataclass(frozen=True)
class WrenchConverter:
    """geometry_msgs/WrenchStamped in ``frame`` -> (stamp, (6,)); an empty frame_id is taken as ``frame``."""

    name: str
    frame: str

    def __call__(self, message: Any) -> tuple[int, NDArray[np.float32]]:
        """Raises `UserError` for another frame or a non-finite value."""
        if frame_of(message) not in ("", self.frame):
            raise UserError(f"{self.name}: header.frame_id", message.header.frame_id, repr(self.frame))
        force, torque = message.wrench.force, message.wrench.torque
        values = np.array([force.x, force.y, force.z, torque.x, torque.y, torque.z], np.float32)
        finite(values, self.name)
        return stamp_ns(message), values
