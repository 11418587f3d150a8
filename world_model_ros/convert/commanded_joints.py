"""Tracks the commanded joint positions at any time, from the JointTrajectory messages sent to controllers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from world_model_ros.convert.trajectory import trajectory_from
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory


class CommandedJoints:
    """What one controller was sent for a robot's joints.

    Joints are found by name: a trajectory may be of some of ours, and of others besides. One whose first point lies
    ahead begins where the one before it leads to then, as joint_trajectory_controller interpolates.

    Args:
        joints: J names, contract order.
        topic: of the controller, for errors.

    Attributes:
        newest: what was taken last, of our joints only; None before the first.
    """

    def __init__(self, joints: Sequence[str], topic: str) -> None:
        self._joints, self._topic = tuple(joints), topic
        self.newest: Trajectory | None = None

    def take(self, message: Any, stamp_ns: int) -> None:
        """A JointTrajectory that counts from ``stamp_ns``; `UserError` if it is none, or has none of our joints."""
        if self.newest is not None and self.newest.stamp_ns == stamp_ns:
            return
        sent = trajectory_from(message, None, self._topic)
        ours = tuple(name for name in self._joints if name in sent.names)
        if not ours:
            raise UserError(f"{self._topic}: joint_names", list(sent.names), f"one of {list(self._joints)} at least")
        columns = [sent.names.index(name) for name in ours]
        positions, velocities = sent.positions[:, columns], sent.velocities[:, columns]
        told = replace(sent, names=ours, positions=positions, velocities=velocities, stamp_ns=stamp_ns)
        self.newest = told if self.newest is None else _joined_on(self.newest, told)

    def at(self, now_ns: int) -> Float:
        """Positions (J,) at a time; NaN where nothing was said."""
        positions = np.full(len(self._joints), np.nan)
        if self.newest is not None:
            positions[[self._joints.index(name) for name in self.newest.names]] = self.newest.sample(now_ns)[0]
        return positions


def together(parts: Sequence[Float], measured: Float | None) -> Float | None:
    """Commanded positions (J,) out of those of several controllers, each with NaN for the joints of the others.

    A joint without any command is where it was ``measured`` (J,). None if there is no command at all,
    or if a joint is neither commanded nor measured.
    """
    positions = np.full(len(parts[0]), np.nan) if len(parts) else np.zeros(0)
    for part in parts:
        positions = np.where(np.isnan(part), positions, part)
    unknown = np.isnan(positions)
    if unknown.all() or (unknown.any() and measured is None):
        return None
    return np.where(unknown, measured, positions) if measured is not None else positions


def _joined_on(before: Trajectory, told: Trajectory) -> Trajectory:
    """``told``, from where ``before`` leads to."""
    if told.times_s[0] <= 0 or before.names != told.names:
        return told
    position, velocity = before.sample(told.stamp_ns)
    return replace(
        told,
        times_s=np.concatenate([[0.0], told.times_s]),
        positions=np.vstack([position, told.positions]),
        velocities=np.vstack([velocity, told.velocities]),
    )
