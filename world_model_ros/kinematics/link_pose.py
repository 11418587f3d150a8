"""The pose of any link of a robot in its base frame, at joint positions of its contract."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.kinematics.urdf_model import followers, link_frame, urdf_model


class LinkPose:
    """Where a link is. Holds scratch memory: use one object a thread.

    Args:
        contract: with a URDF. link: of it.

    Raises:
        UserError: the link, or the base frame, is not in the URDF.
    """

    def __init__(self, contract: Contract, link: str) -> None:
        self._model = urdf_model(contract)
        self._data = self._model.createData()
        self._link = link_frame(self._model, link, "link")
        self._base = link_frame(self._model, contract.interface.base_frame, "interface.base_frame")
        self._moves, self._rest = followers(contract, self._model)

    def at(self, position: Float) -> Float:
        """(4, 4) at joint positions (J,); joints that are not the contract's stay where they are at 0."""
        q = self._moves @ np.asarray(position, np.float64) + self._rest
        pin.framesForwardKinematics(self._model, self._data, q)
        return np.asarray(self._data.oMf[self._base].actInv(self._data.oMf[self._link]).homogeneous)
