"""Joints are measured within their limits or a little beyond, which positions in degrees are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.contract.joint_ranges import JointRanges
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.arrays import Floats
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.factory import gate_for

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


STATED = "{name: wrist_3_joint, position: [-3.1, 3.1], "


def tighter(contract: Contract, urdf: str = "tabletop_arm.urdf") -> Contract:
    """The contract, with a last joint that it keeps within a radian, where the URDF lets it go to 3.1."""
    assert STATED in contract.text
    text = contract.text.replace(STATED, STATED.replace("[-3.1, 3.1]", "[-1.0, 1.0]"))
    return contract_from_text(text.replace(URDF, f"urdf: {urdf}"), folder=contract.folder)


def test_a_joint_may_be_guided_out_of_the_contract_as_far_as_the_urdf_goes(contract: Contract) -> None:
    tight = tighter(contract)
    ranges, beyond = JointRanges(tight), 3.1 + contract.deployment.gate.tracking_tolerance
    for last in (1.5, -3.1, beyond - 0.001):
        ranges.check("arm", sample(last), "arm")
    for last in (beyond + 0.001, -60.0):
        with pytest.raises(UserError, match=r"^arm: wrist_3_joint: got .*from -3\.25 to 3\.25$"):
            ranges.check("arm", sample(last), "arm")


def test_the_gate_neither_arms_nor_goes_where_a_joint_was_guided_out_of_the_contract(contract: Contract) -> None:
    tight, still = tighter(contract), np.zeros(6)
    for last, rule in ((1.5, "position"), (1.002, "position"), (0.9, None)):
        gate, now_ns, at = gate_for(tight), 10**9, np.array([0.1] * 5 + [last])
        for _ in range(40):
            now_ns += 10**7
            gate.joint_state(now_ns, at, still)
            gate.step(now_ns)
        refusal = gate.arm(now_ns)
        assert (None if refusal is None else refusal.rule) == rule
    way = np.array([[0.1] * 5 + [end] for end in (0.9, 1.5)])
    refusal = gate.command(now_ns, Trajectory(tight.joint_names, np.array([0.0, 1.0]), way, np.zeros((2, 6)), now_ns))
    assert (refusal.rule, refusal.joint) == ("position", "wrist_3_joint")


def test_what_is_commanded_stays_within_the_contract_whatever_the_urdf_allows(contract: Contract) -> None:
    ranges, beyond = JointRanges(tighter(contract)), 1.0 + contract.deployment.gate.tracking_tolerance
    for last in (0.0, beyond - 0.001):
        ranges.check_commanded(np.array([0.1] * 5 + [last]), "reference")
    for last in (beyond + 0.001, -2.0, np.nan):
        with pytest.raises(UserError, match=r"^reference: wrist_3_joint: got .*from -1\.15 to 1\.15$"):
            ranges.check_commanded(np.array([0.1] * 5 + [last]), "reference")


@pytest.mark.parametrize("range_rad", ["0", "1000"])
def test_a_urdf_that_does_not_say_where_a_joint_ends_widens_nothing(
    contract: Contract, tmp_path: Path, range_rad: str
) -> None:
    head, last, tail = contract.urdf_text.partition(LAST.format("revolute"))
    tail = tail.replace('lower="-3.1" upper="3.1"', f'lower="-{range_rad}" upper="{range_rad}"', 1)
    (tmp_path / "wide.urdf").write_text(head + last + tail)
    assert f'upper="{range_rad}"' in tail
    ranges = JointRanges(tighter(contract, str(tmp_path / "wide.urdf")))
    ranges.check("arm", sample(1.1), "arm")
    with pytest.raises(UserError, match=r"from -1\.15 to 1\.15$"):
        ranges.check("arm", sample(1.2), "arm")


def test_degrees_of_the_poses_that_an_arm_rests_in_are_noticed(contract: Contract) -> None:
    for robot in ("tabletop_arm", "gripper_arm", "humanoid_upper_body"):
        known = load_contract(robot)
        ranges, rest = JointRanges(known), known.rest
        for stream in known.interface.of(JointStream):
            own = [known.joint_names.index(joint) for joint in stream.joints]
            ranges.check(stream.name, rest[own][:, None], "arm")
            with pytest.raises(UserError, match="a position from"):
                ranges.check(stream.name, np.degrees(rest[own])[:, None], "arm")


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
