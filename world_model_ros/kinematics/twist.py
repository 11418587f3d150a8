"""How a link moves when joints do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.urdf_model import link_frame, urdf_model


class LinkTwist:
    """Twist of a link, of J joints in contract order. Holds scratch memory: use one object a thread.

    Args:
        contract: with a URDF.
        link: whose origin moves.
        joints: the only ones that may move it.

    Raises:
        UserError: the link is not in the URDF, or another joint of the contract moves it too.
    """

    def __init__(self, contract: Contract, link: str, joints: Sequence[str]) -> None:
        self._model = urdf_model(contract)
        self._data = self._model.createData()
        self._link = link_frame(self._model, link, "deployment.command.link")
        base = link_frame(self._model, contract.interface.base_frame, "interface.base_frame")
        pin.framesForwardKinematics(self._model, self._data, pin.neutral(self._model))
        self._turn = self._data.oMf[base].rotation.T.copy()
        ids = [self._model.getJointId(name) for name in contract.joint_names]
        self._places = np.array([self._model.joints[i].idx_q for i in ids])
        self._columns = np.array([self._model.joints[i].idx_v for i in ids])
        movers = set(self._model.supports[self._model.frames[self._link].parentJoint])
        moving = [name for i, name in zip(ids, contract.joint_names) if i in movers]
        if set(moving) != set(joints):
            raise UserError("deployment.command.joints", list(joints), f"those that move {link}: {moving}")
        self._neutral = pin.neutral(self._model)

    def at(self, position: Float, velocity: Float) -> Float:
        """Velocity m/s and angular velocity rad/s, (6,), in the base frame, at joint positions and velocities (J,)."""
        q = self._neutral.copy()
        q[self._places] = position
        jacobian = pin.computeFrameJacobian(self._model, self._data, q, self._link, pin.LOCAL_WORLD_ALIGNED)
        world = jacobian[:, self._columns] @ velocity
        return np.concatenate([self._turn @ world[:3], self._turn @ world[3:]])
