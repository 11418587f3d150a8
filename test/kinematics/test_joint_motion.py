"""Joint displacements add up, inside limits where there are any."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.rules import judge
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.joints import JointMotion
from world_model_ros.kinematics.motion import motion_for

ARM = load_contract("tabletop_arm")
TICK_S = 0.1


def joint_contract(bound: float | list[float] = 0.1, limits: bool = True) -> Contract:
    """The tabletop arm, acting by elbow and pan displacements."""
    head, rest = ARM.text.split("  action:\n")
    tail = rest[rest.index("  targets:") :].replace("    - {name: fingertip, kind: fingertip, link: fingertip}\n", "")
    action = "kind: joint_displacement, joints: [elbow_joint, shoulder_pan_joint]"
    text = f"{head}  action: {{{action}, bound: {bound}}}\n{tail}"
    if not limits:
        text = text[: text.index("  limits:")]
    return contract_from_text(text, folder=ARM.folder)


def test_each_displacement_moves_its_joint_by_name() -> None:
    motion = JointMotion(joint_contract())
    trajectory = motion.chunk_trajectory(np.zeros(6), np.array([[0.01, -0.02], [0.01, 0.0]]), 7, TICK_S)
    assert trajectory.positions[1] == pytest.approx([-0.02, 0, 0.01, 0, 0, 0])
    assert trajectory.positions[-1] == pytest.approx([-0.02, 0, 0.02, 0, 0, 0])
    assert np.all(trajectory.velocities[-1] == 0)
    assert motion.applied_action(trajectory.positions[0], trajectory.positions[1]) == pytest.approx([0.01, -0.02])


def test_bound_position_and_velocity_limits_clip() -> None:
    near = np.array([3.0, 0, 2.89, 0, 0, 0])
    trajectory = JointMotion(joint_contract(bound=5.0)).chunk_trajectory(near, np.array([[1.0, -9.0]]), 0, TICK_S)
    assert trajectory.positions[-1][2] == pytest.approx(2.9)  # upper limit of the elbow
    assert trajectory.positions[-1][0] == pytest.approx(2.8)  # 2 rad/s for a tick
    bounded = JointMotion(joint_contract(bound=0.1)).chunk_trajectory(near, np.array([[0.0, -9.0]]), 0, TICK_S)
    assert bounded.positions[-1][0] == pytest.approx(2.9)


def test_each_joint_has_a_bound_of_its_own_where_there_is_a_list() -> None:
    contract = joint_contract(bound=[0.02, 0.1])
    assert contract.interface.action.bounds == (0.02, 0.1)
    moved = JointMotion(contract).chunk_trajectory(np.zeros(6), np.array([[1.0, -1.0]]), 0, TICK_S).positions[-1]
    assert moved == pytest.approx([-0.1, 0, 0.02, 0, 0, 0])


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ([0.1], "has 1 numbers; legal: one number, or 2, one for each of .'elbow_joint', 'shoulder_pan_joint'"),
        ([0.1, -0.1], r"got \[0.1, -0.1\]; expected a number above 0 for all joints, or a list with one for each"),
        ([], r"got \[\]; expected a number above 0 for all joints, or a list with one for each"),
        (0, "got 0; expected a number above 0"),
        ("wide", "got 'wide'; expected a number above 0"),
    ],
)
def test_a_bound_that_cannot_be_meant_is_refused_by_name(bound: object, words: str) -> None:
    with pytest.raises(UserError, match=f"bound: {words}"):
        joint_contract(bound=bound)  # type: ignore[arg-type]


def test_a_robot_that_is_only_watched_needs_no_limits() -> None:
    motion = JointMotion(joint_contract(bound=5.0, limits=False))
    assert motion.chunk_trajectory(np.zeros(6), np.array([[4.0, 0.0]]), 0, TICK_S).positions[-1][2] == 4.0


def test_the_motion_is_chosen_by_the_kind_of_action() -> None:
    assert isinstance(motion_for(joint_contract()), JointMotion)
    assert isinstance(motion_for(ARM), ArmKinematics)


def test_joints_without_an_action_are_led_within_their_limits_or_stay() -> None:
    motion, goal = JointMotion(joint_contract()), np.array([np.nan, 1.0, np.nan, 0.1, 9.0, np.nan])
    assert motion.aside.tolist() == [1, 3, 4, 5]
    begin = np.array([0.0, -1.0, 0.5, 0.0, 2.9, 0.7])
    trajectory = motion.chunk_trajectory(begin, np.zeros((4, 2)), 0, TICK_S, goal)
    np.testing.assert_allclose(trajectory.positions[1], [0.0, -0.9, 0.5, 0.1, 3.0, 0.7])  # half of 2 rad/s; equal steps
    np.testing.assert_allclose(trajectory.positions[-1], [0.0, -0.6, 0.5, 0.1, 3.1, 0.7])  # up to a position limit
    assert np.abs(np.diff(trajectory.positions[:4, 4])).max() <= 0.15  # half of 3 rad/s
    np.testing.assert_array_equal(trajectory.velocities[-1], 0.0)
    way = [trajectory.sample(round(ms * 1e6))[0] for ms in range(400)]
    assert np.max(way, axis=0)[4] <= 3.1 + 1e-9  # nor does the spline between the ticks pass by its end
    assert np.max(way, axis=0)[3] <= 0.1 + 1e-9
    stays = motion.chunk_trajectory(begin, np.zeros((4, 2)), 0, TICK_S)
    np.testing.assert_array_equal(stays.positions[-1], begin)


def test_a_led_joint_never_swings_past_its_goal_however_short_the_last_step() -> None:
    motion = JointMotion(joint_contract())
    for away in np.linspace(0.001, 0.65, 60):
        goal = np.array([np.nan] * 4 + [3.1, np.nan])
        begin = np.array([0.0, -1.0, 0.5, 0.0, 3.1 - away, 0.7])
        way = motion.chunk_trajectory(begin, np.zeros((6, 2)), 0, TICK_S, goal)
        highest = max(way.sample(round(ms * 1e6))[0][4] for ms in range(0, 700, 5))
        assert highest <= 3.1 + 1e-9, away


@pytest.mark.parametrize("end", [0, 1])
def test_a_joint_that_comes_to_its_limit_is_commanded_within_it(end: int) -> None:
    contract = joint_contract(bound=0.1)
    limits = contract.limits()
    elbow = limits.names.index("elbow_joint")
    sign, limit = (-1.0, limits.lower[elbow]) if end == 0 else (1.0, limits.upper[elbow])
    for rest in np.linspace(0.005, 0.095, 10):
        q = np.array(contract.rest)
        q[elbow] = limit - sign * (0.2 + rest)  # two whole steps, and a short one
        way = JointMotion(contract).chunk_trajectory(q, np.tile([sign * 0.1, 0.0], (5, 1)), 0, TICK_S)
        assert way.positions[-1, elbow] == limit
        assert isinstance(judge(way, limits, 0, 1.0), Trajectory), judge(way, limits, 0, 1.0)
