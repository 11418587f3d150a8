"""Fingertip displacements to joint trajectories: forward and inverse kinematics of one arm or several (Pinocchio)."""

from __future__ import annotations

from collections import Counter

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import AnyFloat, Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.chain import Chain, require, within
from world_model_ros.kinematics.urdf_model import urdf_model
from world_model_ros.kinematics.waypoints import lead_aside, through


def tool_down(yaw_rad: float = 0.0) -> Float:
    """Rotation (3, 3) of a tool whose z axis points down and whose x axis is ``yaw_rad`` from the base's x axis."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[cos, sin, 0.0], [sin, -cos, 0.0], [0.0, 0.0, -1.0]])


class ArmKinematics:
    """Kinematics of the T fingertips that the contract's action moves; each has joints of its own.

    Holds Pinocchio's scratch memory: use one object a thread.

    Args:
        contract: with an action that displaces fingertips. Its joints are found in the URDF by name;
            other joints of the URDF are held at their neutral position.

    Attributes:
        links: of the fingertips.
        aside: indices of the joints that carry no fingertip.

    Raises:
        UserError: a joint, a link or the base frame is not in the URDF, the frame moves, or a joint carries two
            fingertips.
    """

    def __init__(self, contract: Contract) -> None:
        action = contract.interface.action
        if not action.tips:
            raise UserError("interface.action.kind", action.kind, "one that displaces fingertips")
        self.names = contract.joint_names
        self.limits = contract.limits()
        self._bound = action.bounds[0]
        full = urdf_model(contract)
        require("interface.joints", self.names, [full.names[i] for i in range(1, full.njoints)])
        self._chains = [Chain(contract, full, hand, tool_down()) for hand in contract.interface.hands]
        self.links = tuple(tip.link for tip in action.tips)
        counts = Counter(int(joint) for chain in self._chains for joint in chain.joints)
        shared = [self.names[joint] for joint, count in counts.items() if count > 1]
        if shared:
            raise UserError("interface.joints", shared, f"joints that carry one of {list(self.links)} each")
        self.aside = np.array([i for i in range(len(self.names)) if i not in counts], np.intp)
        self._parts = [hand.columns for hand in contract.interface.hands]

    def tip(self, q: Float, link: str | None = None) -> tuple[Float, Float]:
        """Position (3,) in m and rotation (3, 3) of a fingertip in the base frame, at joint positions (J,).

        The first one, or that of the ``link``.
        """
        chain = self._chains[0 if link is None else self.links.index(link)]
        return chain.pose(np.asarray(q)[chain.joints])

    def tips(self, q: Float) -> Float:
        """Positions (T, 3) of all fingertips in m in the base frame, at joint positions (J,)."""
        return np.array([self.tip(q, link)[0] for link in self.links])

    def solve(self, q0: Float, position: Float, rotation: Float, iterations: int = 100) -> Float | None:
        """Joint positions (J,) inside their limits that bring the fingertips to poses in the base frame.

        See `Chain.solve`. Joints that carry no fingertip stay at ``q0``, inside their limits.

        Args:
            q0: (J,) to start from.
            position: (T, 3) m, or (3,) of the only fingertip.
            rotation: (3, 3) of all.
        """
        q = within(np.asarray(q0, np.float64), self.limits.lower, self.limits.upper)
        for chain, place in zip(self._chains, np.reshape(position, (len(self._chains), 3))):
            found = chain.solve(q[chain.joints], place, rotation, iterations)
            if found is None:
                return None
            q[chain.joints] = found
        return q

    def chunk_trajectory(
        self, q_ref: Float, chunk: Float, stamp_ns: int, tick_s: float, lead: AnyFloat | None = None
    ) -> Trajectory:
        """Joint trajectory of a chunk of fingertip displacements, each taken as in `Chain.step`.

        Args:
            q_ref: (J,) commanded joint positions now.
            chunk: (H, C) displacements in m along the contract's axes, one a tick.
            stamp_ns: time of ``q_ref``.
            lead: (J,) where joints that carry no fingertip go; None and NaN leave them.

        Returns:
            H + 1 points one tick apart, one more if the stop needs it; the last velocity is zero.
        """
        start = within(q_ref, self.limits.lower, self.limits.upper)
        points = np.tile(start, (len(chunk) + 1, 1))
        for chain, part in zip(self._chains, self._parts):
            position, rotation = chain.pose(np.asarray(q_ref)[chain.joints])
            q = start[chain.joints]
            for row, displacement in zip(points[1:], chunk):
                q, position, rotation = chain.step(q, position, rotation, displacement[part], self._bound, tick_s)
                row[chain.joints] = q
        if lead is not None:
            lead_aside(points, self.aside, lead, self.limits, tick_s)
        return through(self.names, points, stamp_ns, tick_s, self.limits)

    def applied_action(self, q_prev: Float, q_now: Float) -> Float:
        """Displacement (C,) in m of the fingertips between two commanded configurations (J,), on the action's axes."""
        moves = self.tips(q_now) - self.tips(q_prev)
        return np.concatenate([move[chain.axes] for move, chain in zip(moves, self._chains)])
