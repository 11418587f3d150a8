"""Joint states put together from messages that each have some of the joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.joints import OtherJoints
from world_model_ros.convert.stamps import finite, stamp_ns
from world_model_ros.core.errors import UserError

Floats = NDArray[np.float64]
_NEVER = -1
_SLOPE_NS = 100_000_000


class JointParts:
    """The newest of each joint, whichever message of whichever publisher it came in.

    Args:
        joints: J names, in the order of all arrays.
        max_age_s: (J,) how old each may be; all as young as the youngest must be without it.
        velocities: messages have velocities; else they are the slope of the positions over a tenth of a second.
        name: of the topic, for errors.
    """

    def __init__(
        self,
        joints: Sequence[str],
        max_age_s: Sequence[float] | None = None,
        velocities: bool = False,
        name: str = "joint_states",
    ) -> None:
        self._joints, self._name, self._velocities = tuple(joints), name, velocities
        self._place = {joint: i for i, joint in enumerate(joints)}
        count = len(self._joints)
        ages = np.zeros(count) if max_age_s is None else np.asarray(max_age_s, np.float64)
        self.max_age_s = float(ages.max(initial=0.0))
        self._spare_ns = np.round((self.max_age_s - ages) * 1e9).astype(np.int64)
        self._stamps = np.full(count, _NEVER, np.int64)
        self._position: Floats = np.full(count, np.nan)
        self._velocity: Floats = np.full(count, np.nan)
        self._past: dict[int, list[tuple[int, float]]] = {}

    def take(self, message: Any) -> None:
        """A JointState with some of the joints, and perhaps others. Joints of which newer ones are known stay.

        Raises:
            OtherJoints: it has none of them.
            UserError: a joint twice, a missing field, or a number that is none; nothing of the message is taken.
        """
        names = list(message.name)
        if len(set(names)) != len(names):
            raise UserError(f"{self._name}: name", names, "each joint once")
        found = [(self._place[name], i) for i, name in enumerate(names) if name in self._place]
        if not found:
            raise OtherJoints(f"{self._name}: name", names, f"some of {list(self._joints)}")
        ours, theirs = (np.array(each, np.intp) for each in zip(*found))
        stamp = stamp_ns(message)
        position = self._column(message, "position", theirs)
        velocity = self._column(message, "velocity", theirs) if self._velocities else None
        newer = stamp >= self._stamps[ours]
        ours, position = ours[newer], position[newer]
        self._position[ours], self._stamps[ours] = position, stamp
        if velocity is not None:
            self._velocity[ours] = velocity[newer]
        else:
            for joint, place in zip(ours.tolist(), position.tolist()):
                self._velocity[joint] = self._slope(joint, stamp, place)

    def whole(self) -> tuple[int, Floats, Floats] | None:
        """Stamp, positions (J,) and velocities (J,); None while a joint has never come.

        The stamp is that of the joint which becomes too old first: it is ``max_age_s`` old when that joint is as old as
        it may be.
        """
        if (self._stamps == _NEVER).any():
            return None
        return int((self._stamps - self._spare_ns).min()), self._position.copy(), self._velocity.copy()

    def forget(self) -> None:
        """As if nothing had come."""
        self._stamps[:] = _NEVER
        self._position[:] = self._velocity[:] = np.nan
        self._past.clear()

    def _column(self, message: Any, field: str, index: NDArray[np.intp]) -> Floats:
        column = np.asarray(getattr(message, field), np.float64)
        if len(column) != len(message.name):
            raise UserError(
                f"{self._name}: {field}", f"{len(column)} values", f"{len(message.name)}, one for each name"
            )
        values: Floats = column[index]
        finite(values, f"{self._name}: {field}", tuple(message.name[i] for i in index.tolist()))
        return values

    def _slope(self, joint: int, stamp: int, position: float) -> float:
        """Velocity of a joint whose messages have none."""
        past = [(at, was) for at, was in self._past.get(joint, []) if 0 <= stamp - at <= _SLOPE_NS]
        past.append((stamp, position))
        self._past[joint] = past
        before_ns, before = past[0]
        return (position - before) / max((stamp - before_ns) * 1e-9, 1e-3)
