"""Lines from link to link of a robot at given joint positions, to draw how it will stand."""

from __future__ import annotations

import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Floats
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.urdf_model import link_frame, urdf_model

_SHORTEST_M = 1e-3


class Skeleton:
    """Where the link origins are at given joint positions. Holds scratch memory: use one object a thread.

    Args:
        contract: with a URDF that has its joints (one degree of freedom each) and base frame.

    Raises:
        UserError: no URDF, or a joint or the base frame is not in it.
    """

    def __init__(self, contract: Contract) -> None:
        self._model = urdf_model(contract)
        self._data = self._model.createData()
        self._names = contract.joint_names
        known = list(self._model.names)
        for name in self._names:
            if name not in known or self._model.joints[self._model.getJointId(name)].nq != 1:
                raise UserError(
                    "interface.joints", name, f"a joint of the URDF with one degree of freedom: {known[1:]}"
                )
        base = contract.interface.base_frame
        self._base = link_frame(self._model, base, "interface.base_frame")
        moved = {self._model.getJointId(name) for name in self._names}
        self._links = [
            (frame.parentFrame, i)
            for i, frame in enumerate(self._model.frames)
            if frame.parentJoint in moved and i != self._base
        ]

    def lines(self, names: tuple[str, ...], positions: ArrayLike) -> Floats:
        """(2 L, 3) m in the base frame: origins of links that hang on each other and lie apart, pair after pair.

        Args:
            names: joints in the order of ``positions``; those of the contract must be among them.
            positions: rad or m.

        Raises:
            UserError: a joint of the contract is missing, or the two are not equally many.
        """
        missing = sorted(set(self._names) - set(names))
        if missing or len(names) != len(np.asarray(positions)):
            raise UserError("joint names", list(names), f"a position for each of {list(self._names)}")
        by_name = dict(zip(names, np.asarray(positions, dtype=np.float64)))
        q = pin.neutral(self._model)
        for name in self._names:
            q[self._model.joints[self._model.getJointId(name)].idx_q] = by_name[name]
        pin.framesForwardKinematics(self._model, self._data, q)
        base = self._data.oMf[self._base]
        ends = [[base.actInv(self._data.oMf[i].translation) for i in pair] for pair in self._links]
        pairs = np.array(ends, dtype=np.float32).reshape(-1, 2, 3)
        long = np.linalg.norm(pairs[:, 1] - pairs[:, 0], axis=1) > _SHORTEST_M
        lines: Floats = pairs[long].reshape(-1, 3)
        return lines
