"""Where a link of a URDF can get to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pinocchio as pin

from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Float


def reach_m(urdf: Path, joints: Sequence[str], lower: Float, upper: Float, base: str, link: str) -> Float:
    """Box (3, 2) in m around the positions of a link in the base frame, over 2,000 random postures from one seed.

    Args:
        joints: J that move, from ``lower`` to ``upper`` (J,); the others stay where they are at 0.

    Raises:
        UserError: Pinocchio cannot read the URDF.
    """
    try:
        model = pin.buildModelFromUrdf(str(urdf))
    except (ValueError, RuntimeError) as error:
        raise UserError("urdf", f"{urdf}: {error}", "a URDF that Pinocchio can read") from error
    data, q = model.createData(), pin.neutral(model)
    tip, root = model.getFrameId(link), model.getFrameId(base)
    moved = [model.joints[model.getJointId(name)] for name in joints]
    random = np.random.default_rng(0)
    points = np.empty((2000, 3))
    for point in points:
        for joint, value in zip(moved, random.uniform(lower, upper)):
            q[joint.idx_q : joint.idx_q + joint.nq] = value if joint.nq == 1 else (np.cos(value), np.sin(value))
        pin.framesForwardKinematics(model, data, q)
        point[:] = data.oMf[root].actInv(data.oMf[tip]).translation
    return np.stack([points.min(0), points.max(0)], axis=1)
