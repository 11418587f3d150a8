"""std_msgs/Float32 or Float64 -> one finite number, (1,) float32; the stamp is 0, as these messages have none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.finite import finite


def scalar(message: Any, where: str) -> float:
    """The number of a message; `UserError` if it is not finite."""
    finite(np.array([message.data], np.float64), where)
    return float(message.data)


@dataclass(frozen=True)
class ValueConverter:
    """std_msgs/Float32 or Float64 -> (0, (1,)): a message without a stamp counts from when it arrives."""

    name: str

    def __call__(self, message: Any) -> tuple[int, NDArray[np.float32]]:
        """Raises `UserError` for a value that is not finite."""
        return 0, np.array([scalar(message, self.name)], np.float32)
