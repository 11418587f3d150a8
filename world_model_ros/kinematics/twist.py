"""Computes the twist (velocity, angular velocity) of a link in the base frame from joint positions and velocities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.urdf_model import followers, link_frame, urdf_model


class LinkTwist:
    """Twist of a link, of J joints in contract order. Holds scratch memory: use one object a thread.

    Args:
        contract: with a URDF.
        link: whose origin moves.
        joints: the only ones that may move it.

    Raises:
        UserError: the link is not in the URDF, or the joints named are not exactly those that move it.
    """

    def __init__(self, contract: Contract, link: str, joints: Sequence[str]) -> None:
        self._model = urdf_model(contract)
        self._data = self._model.createData()
        self._link = link_frame(self._model, link, "deployment.command.link")
        base = link_frame(self._model, contract.interface.base_frame, "interface.base_frame")
        pin.framesForwardKinematics(self._model, self._data, pin.neutral(self._model))
        self._turn = self._data.oMf[base].rotation.T.copy()
        self._moves, self._rest = followers(contract, self._model)
        joints_of = [joint for joint in self._model.joints if joint.nq == 1]
        self._speeds = np.zeros((self._model.nv, len(contract.joint_names)))
        self._speeds[[joint.idx_v for joint in joints_of]] = self._moves[[joint.idx_q for joint in joints_of]]
        movers = self._model.supports[self._model.frames[self._link].parentJoint]
        rows = [joint.idx_q for joint in joints_of if joint.id in list(movers)]
        moving = [name for name, moves in zip(contract.joint_names, self._moves[rows].T) if moves.any()]
        if set(moving) != set(joints):
            raise UserError("deployment.command.joints", list(joints), f"those that move {link}: {moving}")

    def at(self, position: Float, velocity: Float) -> Float:
        """Velocity m/s and angular velocity rad/s, (6,), in the base frame, at joint positions and velocities (J,)."""
        q = self._moves @ position + self._rest
        jacobian = pin.computeFrameJacobian(self._model, self._data, q, self._link, pin.LOCAL_WORLD_ALIGNED)
        world = jacobian @ (self._speeds @ velocity)
        return np.concatenate([self._turn @ world[:3], self._turn @ world[3:]])
