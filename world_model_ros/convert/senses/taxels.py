"""Tactile sensor arrays (``sensor_msgs/Image``, 32FC3) -> (rows, cols, 3) float32: force x y z in N of each taxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.encodings.image_rows import image_rows
from world_model_ros.convert.finite import finite
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError


@dataclass(frozen=True)
class TaxelConverter:
    """sensor_msgs/Image ``32FC3`` (height = rows, width = cols, channels = force x y z in N) -> (stamp, array)."""

    name: str
    rows: int
    cols: int

    def __call__(self, message: Any) -> tuple[int, NDArray[np.float32]]:
        """Raises `UserError` for another encoding or grid, truncated data or a non-finite force."""
        if message.encoding != "32FC3":
            raise UserError(f"{self.name}: encoding", message.encoding, "'32FC3' (force x y z, N)")
        shape = (int(message.height), int(message.width))
        if shape != (self.rows, self.cols):
            raise UserError(f"{self.name}: grid (rows, cols)", shape, str((self.rows, self.cols)))
        forces = np.array(image_rows(message, np.float32, 3, self.name), np.float32)
        finite(forces, self.name)
        return stamp_ns(message), forces
