"""Estimates a link's largest velocity and angular velocity, from random postures and the joints' velocity limits."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.kinematics.urdf_model import followers, link_frame, urdf_model

_POSTURES = 500


def fastest(contract: Contract, base: str, link: str) -> Float:
    """(6,): m/s along x, y, z of the base frame, and rad/s about them, the most of each over postures from one seed.

    Raises:
        UserError: Pinocchio cannot read the URDF, a link is not in it, or a joint has no limits.
    """
    model, limits = urdf_model(contract), contract.limits()
    moves, rest = followers(contract, model)
    data, tip, root = model.createData(), link_frame(model, link, "tip"), link_frame(model, base, "base")
    speeds = np.zeros((model.nv, len(limits.names)))
    for joint in model.joints:
        if joint.nq == 1:
            speeds[joint.idx_v] = moves[joint.idx_q]
    random, most = np.random.default_rng(0), np.zeros(6)
    for _ in range(_POSTURES):
        pin.computeJointJacobians(model, data, moves @ random.uniform(limits.lower, limits.upper) + rest)
        pin.updateFramePlacements(model, data)
        way, turn = (pin.getFrameJacobian(model, data, each, pin.LOCAL_WORLD_ALIGNED) @ speeds for each in (tip, root))
        apart = data.oMf[tip].translation - data.oMf[root].translation
        moved = way[:3] - turn[:3] - np.cross(turn[3:].T, apart).T
        seen = data.oMf[root].rotation.T
        rows = np.vstack([seen @ moved, seen @ (way[3:] - turn[3:])])
        most = np.maximum(most, np.abs(rows) @ limits.velocity)
    return most
