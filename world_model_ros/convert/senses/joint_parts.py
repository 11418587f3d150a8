"""Merges JointState messages that each have some of the joints into the newest position and velocity of all joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.finite import finite
from world_model_ros.convert.senses.joints import OtherJoints
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

_SLOPE_NS = 100_000_000
_JUMP_NS = 500_000_000


class JointParts:
    """The newest state of each joint, whichever message of whichever publisher it came in.

    Args:
        joints: J names, in the order of all arrays.
        max_age_s: (J,) how old each may be.
        ageless: stamps do not matter, the order of messages does.

    Attributes:
        max_age_s: the largest.
    """

    def __init__(self, joints: Sequence[str], max_age_s: Sequence[float], ageless: bool = False) -> None:
        self._ageless = ageless
        self._joints = tuple(joints)
        self._place = {joint: i for i, joint in enumerate(joints)}
        ages = np.asarray(max_age_s, np.float64)
        self.max_age_s = float(ages.max())
        self._spare_ns = np.round((self.max_age_s - ages) * 1e9).astype(np.int64)
        self._stamps: dict[int, int] = {}
        self._position: Float = np.full(len(joints), np.nan)
        self._velocity: Float = np.full(len(joints), np.nan)
        self._past: dict[int, list[tuple[int, float]]] = {}

    @property
    def unheard(self) -> list[str]:
        """Joints of which nothing has come."""
        return [joint for i, joint in enumerate(self._joints) if i not in self._stamps]

    def take(self, message: Any, stream: str, joints: Sequence[str], velocities: bool) -> None:
        """A JointState with some of the joints of a stream, and perhaps others.

        Args:
            stream: for errors. joints: of the stream.
            velocities: messages have them; else the slope of the positions over a tenth of a second stands for them.

        Raises:
            OtherJoints: it has none of them.
            UserError: a joint twice, a missing field, or a number that is none; nothing of the message is taken.
        """
        names = list(message.name)
        if len(set(names)) != len(names):
            raise UserError(f"{stream}: name", names, "each joint once")
        found = [(self._place[name], i) for i, name in enumerate(names) if name in joints]
        if not found:
            raise OtherJoints(f"{stream}: name", names, f"some of {list(joints)}")
        ours, theirs = (np.array(each, np.intp) for each in zip(*found))
        position = _column(message, "position", theirs, stream)
        velocity = _column(message, "velocity", theirs, stream) if velocities else None
        stamp = 0 if self._ageless else stamp_ns(message)
        if any(self._stamps.get(joint, stamp) - stamp > _JUMP_NS for joint in ours.tolist()):
            self.forget()  # the clock was turned back, and joints that do not come any more would stay young for long
        self._position[ours] = position
        if velocity is not None:
            self._velocity[ours] = velocity
        for joint, place in zip(ours.tolist(), position.tolist()):
            self._stamps[joint] = stamp
            if velocity is None:
                self._velocity[joint] = self._slope(joint, stamp, place)

    def whole(self) -> tuple[int, Float, Float] | None:
        """Stamp, positions (J,) and velocities (J,); None while a joint has never come.

        The stamp is that of the joint which becomes too old first: it is ``max_age_s`` old when that joint is as old as
        it may be.
        """
        if len(self._stamps) < len(self._joints):
            return None
        stamp = min(at - int(self._spare_ns[joint]) for joint, at in self._stamps.items())
        return stamp, self._position.copy(), self._velocity.copy()

    def forget(self) -> None:
        """Discard all stored joint states."""
        self._stamps.clear()
        self._past.clear()

    def _slope(self, joint: int, stamp: int, position: float) -> float:
        """Velocity of a joint whose messages have none."""
        past = [(at, was) for at, was in self._past.get(joint, []) if 0 <= stamp - at <= _SLOPE_NS]
        past.append((stamp, position))
        self._past[joint] = past
        before_ns, before = past[0]
        return (position - before) / max((stamp - before_ns) * 1e-9, 1e-3)


def _column(message: Any, field: str, index: NDArray[np.intp], stream: str) -> Float:
    column = np.asarray(getattr(message, field), np.float64)
    if len(column) != len(message.name):
        raise UserError(f"{stream}: {field}", f"{len(column)} values", f"{len(message.name)}, one for each name")
    values: Float = column[index]
    finite(values, f"{stream}: {field}", tuple(message.name[i] for i in index.tolist()))
    return values
