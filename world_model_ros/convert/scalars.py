"""std_msgs/Float32 and Float64 -> a number. They have no header, and count from when they arrived."""

from __future__ import annotations

from typing import Any

import numpy as np

from world_model_ros.convert.stamps import finite


def scalar(message: Any, where: str) -> float:
    """The number of a message; `UserError` if it is not finite."""
    finite(np.array([message.data], np.float64), where)
    return float(message.data)
