"""The box that a link of a URDF can reach, from random postures within the joints' limits."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.kinematics.urdf_model import followers, link_frame, urdf_model


def reach_m(contract: Contract, base: str, link: str) -> Float:
    """Box (3, 2) in m around the positions of a link in the base frame, over 2,000 random postures from one seed.

    Joints of the contract go through their ranges; the others stay where they are at 0.

    Raises:
        UserError: Pinocchio cannot read the URDF, a link is not in it, or a joint has no limits.
    """
    model, limits = urdf_model(contract), contract.limits()
    moves, rest = followers(contract, model)
    data, tip, root = model.createData(), link_frame(model, link, "tip"), link_frame(model, base, "base")
    random = np.random.default_rng(0)
    points = np.empty((2000, 3))
    for point in points:
        pin.framesForwardKinematics(model, data, moves @ random.uniform(limits.lower, limits.upper) + rest)
        point[:] = data.oMf[root].actInv(data.oMf[tip]).translation
    return np.stack([points.min(0), points.max(0)], axis=1)
