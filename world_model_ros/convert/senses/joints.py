"""sensor_msgs/JointState -> (J, fields) float32 of position, velocity or effort; joints are found by name."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.finite import finite
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import OtherMessage, UserError


class OtherJoints(OtherMessage):
    """A message that has none of the joints that were asked for."""


class JointConverter:
    """sensor_msgs/JointState -> (stamp, (J, F)).

    Joints may come in any order and among others that are not asked for.

    Args:
        name: stream name, for errors.
        joints: J names, in the order of the result.
        fields: F of ``position``, ``velocity``, ``effort``.
    """

    def __init__(self, name: str, joints: Sequence[str], fields: Sequence[str] = ("position",)) -> None:
        self.name = name
        self.joints = tuple(joints)
        self.fields = tuple(fields)
        self._names: list[str] | None = None
        self._index = np.zeros(0, np.intp)

    def __call__(self, message: Any) -> tuple[int, NDArray[np.float32]]:
        """Raises `UserError` for a missing or doubled joint, a missing field, or a non-finite value of a joint, and
        `OtherJoints` if the message is of other joints altogether."""
        index = self._order(message.name)
        values = np.empty((len(self.joints), len(self.fields)), np.float32)
        with np.errstate(over="ignore"):  # what is too large is not finite below
            for i, field in enumerate(self.fields):
                values[:, i] = self._column(message, field)[index]
        if not isfinite(np.vdot(values, values)):
            for i, field in enumerate(self.fields):
                finite(values[:, i], f"{self.name}: {field}", self.joints)
        return stamp_ns(message), values

    def _column(self, message: Any, field: str) -> NDArray[np.float64]:
        column = np.asarray(getattr(message, field), np.float64)
        if len(column) != len(message.name):
            raise UserError(f"{self.name}: {field}", f"{len(column)} values", f"{len(message.name)}, one for each name")
        return column

    def _order(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Places of our joints among ``names``; kept while the names stay the same."""
        if names != self._names:
            place = {name: i for i, name in enumerate(names)}
            if len(place) != len(names):
                raise UserError(f"{self.name}: name", list(names), "each joint once")
            missing = [joint for joint in self.joints if joint not in place]
            if place and len(missing) == len(self.joints):
                raise OtherJoints(f"{self.name}: name", list(names), f"a message that also has {missing}")
            if missing:
                raise UserError(f"{self.name}: name", list(names), f"a message that also has {missing}")
            self._index = np.array([place[joint] for joint in self.joints], np.intp)
            self._names = list(names)
        return self._index
