"""Converts std_msgs/Float64MultiArray to the action (C,) of a robot without kinematics, clipped to its bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.finite import finite
from world_model_ros.core.errors import UserError


def action_array(message: Any, contract: Contract, where: str) -> NDArray[np.float32]:
    """An action (C,), held to the bounds of its columns.

    Raises:
        UserError: another number of columns, or a number that is not finite.
    """
    action = contract.interface.action
    told = np.asarray(message.data, np.float64)
    if len(told) != action.size:
        raise UserError(f"{where}: data", f"{len(told)} numbers", f"{action.size}, for {list(action.components)}")
    finite(told, where, action.components)
    most = np.array(action.bounds)
    return np.clip(told, -most, most).astype(np.float32)
