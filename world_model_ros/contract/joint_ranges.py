"""Plausible ranges of measured and commanded joint positions; rejects degrees and joints of another robot."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.urdf.description import UrdfJoint
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import MissingError, UserError
from world_model_ros.core.trajectory import LIMIT_TOLERANCE

_WIDEST = {"rad": 4 * pi, "m": 10.0}  # a URDF that lets a joint go farther does not say where it ends


class JointRanges:
    """Ranges of joint positions, on both sides as much wider as `gate.tracking_tolerance`.

    A joint may be commanded within the limits. It may be measured as far as the URDF lets it go, where the limits of
    the contract are tighter: a person may guide it there, and so may what drives it in shadow mode. The gate arms
    nowhere but within the limits. Joints that the URDF lets turn for ever may be measured anywhere, and so may all of a
    contract that lacks limits or the URDF, of which nothing can be commanded.

    Args:
        contract: of the robot; `UserError` of limits that are there and cannot be used.
    """

    def __init__(self, contract: Contract) -> None:
        self._measured: dict[str, tuple[Sequence[str], Float, Float]] = {}
        self._commanded: tuple[Sequence[str], Float, Float] | None = None
        if not contract.joint_names:
            return
        try:
            limits = contract.limits()
        except MissingError:
            return
        tolerance = contract.deployment.gate.tracking_tolerance
        self._commanded = limits.names, limits.lower - tolerance, limits.upper + tolerance
        slack, ends = max(tolerance, LIMIT_TOLERANCE), _ends(contract)
        low = np.array([min(at, ends[name][0]) for name, at in zip(limits.names, limits.lower)]) - slack
        high = np.array([max(at, ends[name][1]) for name, at in zip(limits.names, limits.upper)]) + slack
        for stream in contract.interface.of(JointStream):
            own = [limits.names.index(joint) for joint in stream.joints]
            self._measured[stream.name] = stream.joints, low[own], high[own]

    def check(self, stream: str, value: NDArray[Any], field: str) -> None:
        """`UserError`, which begins with ``field``, of a sample (J, F) of a stream that no joint of it can be at.

        Samples of other streams, and of another shape, are not looked at.
        """
        known = self._measured.get(stream)
        if known is not None and value.ndim == 2 and len(value) == len(known[0]):
            _check(value[:, 0], *known, field)

    def check_commanded(self, reference: Float, field: str) -> None:
        """`UserError`, which begins with ``field``, of commanded positions (J,) that no gate has sent."""
        if self._commanded is not None:
            _check(np.asarray(reference, np.float64), *self._commanded, field)


def _check(at: NDArray[Any], joints: Sequence[str], low: Float, high: Float, field: str) -> None:
    wrong = ~((at >= low) & (at <= high))
    if wrong.any():
        joint = int(wrong.argmax())
        legal = f"a position from {low[joint]:g} to {high[joint]:g}"
        raise UserError(f"{field}: {joints[joint]}", float(at[joint]), legal)


def _ends(contract: Contract) -> dict[str, tuple[float, float]]:
    """How far the URDF lets each joint go; nowhere, as an empty range, where it does not say so."""
    units = {joint.name: joint.unit for joint in contract.interface.joints}
    known = {} if contract.deployment.urdf is None else {joint.name: joint for joint in contract.description.joints}
    return {name: _end(known.get(name), unit) for name, unit in units.items()}


def _end(joint: UrdfJoint | None, unit: str) -> tuple[float, float]:
    if joint is not None and joint.kind == "continuous":  # how many times it has turned is up to its driver
        return -inf, inf
    stated = None if joint is None or joint.unit != unit else joint.limit.position
    if stated is None or stated[1] - stated[0] > _WIDEST[unit]:
        return inf, -inf
    return stated
