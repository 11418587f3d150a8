"""The twist of a link, against how its pose changes."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.twist import LinkTwist


def test_it_is_how_the_pose_changes(contract: Contract) -> None:
    link = contract.interface.action.link
    arm, twist, random = (
        ArmKinematics(contract),
        LinkTwist(contract, link, contract.joint_names),
        np.random.default_rng(0),
    )
    limits, step_s = contract.limits(), 1e-6
    for _ in range(20):
        q, v = random.uniform(limits.lower, limits.upper), random.normal(size=len(limits.names))
        (before, turned), (after, turned_after) = arm.tip(q - step_s * v), arm.tip(q + step_s * v)
        spin = (turned_after - turned) / (2 * step_s) @ arm.tip(q)[1].T
        found = twist.at(q, v)
        assert found[:3] == pytest.approx((after - before) / (2 * step_s), abs=1e-6)
        assert found[3:] == pytest.approx([spin[2, 1], spin[0, 2], spin[1, 0]], abs=1e-6)


def test_it_says_which_joints_move_a_link_and_which_links_there_are(contract: Contract) -> None:
    link = contract.interface.action.link
    with pytest.raises(UserError, match=contract.joint_names[-1]):
        LinkTwist(contract, link, contract.joint_names[:-1])
    with pytest.raises(UserError, match=link):
        LinkTwist(contract, "nowhere", contract.joint_names)
