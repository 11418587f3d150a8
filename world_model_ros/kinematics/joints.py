"""Converts actions that are joint displacements to joint trajectories and back, within limits; needs no URDF."""

from __future__ import annotations

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import AnyFloat, Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.waypoints import lead_aside, through


class JointMotion:
    """Motion of a robot whose action is a displacement of its commanded joints, in the joints' own units.

    Args:
        contract: with action kind ``joint_displacement``. Limits are kept where it has them.

    Attributes:
        aside: indices of the joints that have no action.
    """

    def __init__(self, contract: Contract) -> None:
        action = contract.interface.action
        if action.kind != "joint_displacement":
            raise UserError("interface.action.kind", action.kind, "joint_displacement")
        self.names = contract.joint_names
        stated = contract.deployment.limits or contract.deployment.command is not None
        self.limits = contract.limits() if stated else None
        self._bounds = np.array(action.bounds)
        self._moved = [self.names.index(name) for name in action.joints]
        self.aside = np.array([i for i in range(len(self.names)) if i not in self._moved], np.intp)

    def chunk_trajectory(
        self, q_ref: Float, chunk: Float, stamp_ns: int, tick_s: float, lead: AnyFloat | None = None
    ) -> Trajectory:
        """Joint trajectory of a chunk (H, C) of displacements from ``q_ref`` (J,); joints without an action go to
        ``lead`` (J,), if it is given and they have limits, else they stay.

        Displacements are clipped to the bound, the position limits and the velocity limits.
        Returns H + 1 points one tick apart, one more if the stop needs it; the last velocity is zero.
        """
        limits = self.limits
        points = [np.array(q_ref, dtype=np.float64)]
        for displacement in chunk:
            move = np.zeros(len(self.names))
            move[self._moved] = np.clip(displacement, -self._bounds, self._bounds)
            if limits is not None:
                move = np.clip(move, -limits.velocity * tick_s, limits.velocity * tick_s)
            q = points[-1] + move
            points.append(q if limits is None else np.clip(q, limits.lower, limits.upper))
        way = np.array(points)
        if lead is not None and limits is not None:
            lead_aside(way, self.aside, lead, limits, tick_s)
        return through(self.names, way, stamp_ns, tick_s, limits)

    def applied_action(self, q_prev: Float, q_now: Float) -> Float:
        """Displacement (C,) of the action's joints between two commanded configurations (J,)."""
        return np.asarray(q_now, dtype=np.float64)[self._moved] - np.asarray(q_prev, dtype=np.float64)[self._moved]
