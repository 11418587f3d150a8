"""The ghost of the robot stands where its kinematics say."""

import numpy as np
import pytest

from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.view.pictures.skeleton import Skeleton

CONTRACT = load_contract("tabletop_arm")
POSTURE = np.array([0.3, -1.4, 1.8, -1.9, -1.5, 0.4])


def test_the_last_line_ends_at_the_fingertip_whatever_the_order_of_the_joints():
    skeleton = Skeleton(CONTRACT)
    tip, _ = ArmKinematics(CONTRACT).tip(POSTURE)
    lines = skeleton.lines(CONTRACT.joint_names, POSTURE)
    assert np.linalg.norm(lines - tip, axis=1).min() < 1e-5
    np.testing.assert_allclose(skeleton.lines(CONTRACT.joint_names[::-1], POSTURE[::-1]), lines)


def test_the_lines_hang_together_from_the_base():
    lines = Skeleton(CONTRACT).lines(CONTRACT.joint_names, POSTURE).reshape(-1, 2, 3)
    np.testing.assert_allclose(lines[0, 0], 0, atol=1e-6)
    for start, _ in lines[1:]:
        assert np.linalg.norm(lines[:, 1] - start, axis=1).min() < 1e-3


def test_a_missing_joint_is_named():
    with pytest.raises(UserError, match="wrist_3_joint"):
        Skeleton(CONTRACT).lines(CONTRACT.joint_names[:5], POSTURE[:5])
