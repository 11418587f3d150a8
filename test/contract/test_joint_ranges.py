"""Joints are measured within their limits or a little beyond, which positions in degrees are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.contract.joint_ranges import JointRanges
from world_model_ros.core.arrays import Floats
from world_model_ros.core.errors import UserError

LAST = '<joint name="wrist_3_joint" type="{}">'
URDF = "urdf: tabletop_arm.urdf"


def sample(last: float, other: float = 0.1) -> Floats:
    """Positions and velocities of six joints, as a stream of both has them."""
    return np.array([[other, 0.0]] * 5 + [[last, 99.0]], np.float32)


def test_a_little_beyond_a_limit_is_legal_and_more_is_named(contract: Contract) -> None:
    ranges, beyond = JointRanges(contract), 3.1 + contract.deployment.gate.tracking_tolerance
    for last in (0.0, 3.1, beyond - 0.001, -beyond + 0.001):
        ranges.check("arm", sample(last), "arm: position")
    for last in (beyond + 0.001, -beyond - 0.001, 60.0):
        with pytest.raises(UserError, match=r"^arm: position: wrist_3_joint: got .*a position from -3\.\d+ to 3\.\d+$"):
            ranges.check("arm", sample(last), "arm: position")
    ranges.check("front", sample(60.0), "front")


@pytest.fixture
def turning(contract: Contract, tmp_path: Path) -> str:
    """Text of the contract, with a URDF whose last joint turns for ever."""
    assert LAST.format("revolute") in contract.urdf_text
    urdf = tmp_path / "turns.urdf"
    urdf.write_text(contract.urdf_text.replace(LAST.format("revolute"), LAST.format("continuous")))
    return contract.text.replace(URDF, f"urdf: {urdf}")


def test_a_joint_that_turns_for_ever_may_have_turned_often(turning: str) -> None:
    ranges = JointRanges(contract_from_text(turning))
    ranges.check("arm", sample(60.0), "arm")
    with pytest.raises(UserError, match=r"^arm: shoulder_pan_joint: got 60\.0"):
        ranges.check("arm", sample(60.0, 60.0), "arm")


def test_of_a_robot_that_lacks_limits_joints_may_be_anywhere(turning: str) -> None:
    stated = "{name: wrist_3_joint, position: [-3.1, 3.1], "
    contract = contract_from_text(turning.replace(stated, "{name: wrist_3_joint, "))
    with pytest.raises(UserError, match="position"):
        contract.limits()
    JointRanges(contract).check("arm", sample(60.0, 60.0), "arm")
