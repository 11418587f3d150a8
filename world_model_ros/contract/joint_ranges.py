"""Where the joints of a contract may be measured, which is how degrees and other robots' joints are noticed."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import MissingError, UserError
from world_model_ros.core.trajectory import LIMIT_TOLERANCE


class JointRanges:
    """Ranges of joint positions: the limits, and on both sides as much more as `gate.tracking_tolerance`.

    Joints that the URDF lets turn for ever, and all of a contract that lacks limits or the URDF, may be anywhere.

    Args:
        contract: of the robot; `UserError` of limits that are there and cannot be used.
    """

    def __init__(self, contract: Contract) -> None:
        self._joints: dict[str, tuple[list[str], Float, Float]] = {}
        if not contract.joint_names:
            return
        try:
            limits = contract.limits()
        except MissingError:
            return
        slack = max(contract.deployment.gate.tracking_tolerance, LIMIT_TOLERANCE)
        for stream in contract.interface.of(JointStream):
            own = [limits.names.index(joint) for joint in stream.joints]
            turns = [joint in _endless(contract) for joint in stream.joints]
            low, high = limits.lower[own] - slack, limits.upper[own] + slack
            self._joints[stream.name] = stream.joints, np.where(turns, -inf, low), np.where(turns, inf, high)

    def check(self, stream: str, value: NDArray[Any], field: str) -> None:
        """`UserError`, which begins with ``field``, of a sample (J, F) of a stream that no joint of it can be at.

        Samples of other streams, and of another shape, are not looked at.
        """
        if stream not in self._joints:
            return
        joints, low, high = self._joints[stream]
        if value.ndim != 2 or len(value) != len(joints):
            return
        at = value[:, 0]
        wrong = (at < low) | (at > high)
        if wrong.any():
            joint = int(wrong.argmax())
            legal = f"a position from {low[joint]:g} to {high[joint]:g}"
            raise UserError(f"{field}: {joints[joint]}", float(at[joint]), legal)


def _endless(contract: Contract) -> list[str]:
    """Joints that turn without an end, where a URDF says so: how many times they have turned is up to their driver."""
    if contract.deployment.urdf is None:
        return []
    return [joint.name for joint in contract.description.joints if joint.kind == "continuous"]
