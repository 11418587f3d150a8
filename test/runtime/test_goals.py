"""Goals that cannot be meant are refused when they arrive, with what would be legal."""

import dataclasses

import numpy as np
import pytest

from world_model_ros.core.errors import UserError
from world_model_ros.core.goal import Goal
from world_model_ros.runtime.decision import Pursuit
from world_model_ros.runtime.goals import Workspace, check_goal, choose_target


def pose(x, y, z=0.03, target="fingertip"):
    return Goal("pose", 1, target=target, pose=np.array([x, y, z, 0, 0, 0, 1], np.float32))


@pytest.mark.parametrize("target", ["fingertip", "object_0"])
def test_a_goal_in_the_workspace_is_taken_at_any_height(contract, target):
    check_goal(pose(0.5, 0.1, z=0.9, target=target), contract)


@pytest.mark.parametrize(
    ("x", "y", "axis"), [(0.9, 0.0, "x"), (0.1, 0.0, "x"), (0.5, -0.4, "y"), (np.inf, 0.0, "pose")]
)
def test_a_goal_outside_of_the_workspace_is_refused_with_the_box(contract, x, y, axis):
    with pytest.raises(UserError, match=axis) as refusal:
        check_goal(pose(x, y), contract)
    if axis != "pose":
        assert "workspace_m" in refusal.value.legal


def test_an_unknown_target_is_refused_with_the_legal_ones(contract):
    with pytest.raises(UserError, match=r"'cup'.*fingertip.*object_0"):
        check_goal(pose(0.5, 0.0, target="cup"), contract)


def test_joints_beyond_their_limits_are_refused(contract):
    with pytest.raises(UserError, match=r"joints\[elbow_joint\]"):
        check_goal(Goal("joints", 1, joints=np.array([0, 0, 3.0, 0, 0, 0], np.float32)), contract)


def test_the_first_step_may_not_leave_the_box_and_leads_back_into_it(contract):
    workspace = Workspace.of(contract)
    low, high = workspace.bounds(12, np.array([0.71, 0.0, 0.03]))
    np.testing.assert_allclose([low[0], high[0]], [[-0.03, -0.03], [0.01, 0.03]], atol=1e-6)
    np.testing.assert_allclose(high[1:], 0.03)
    low, high = workspace.bounds(12, np.array([0.80, 0.0, 0.03]))
    assert low[0, 0] == high[0, 0] == np.float32(-0.03)


def test_a_goal_image_is_about_the_object_that_it_shows_elsewhere_and_then_about_the_fingertip(contract):
    tip, thing = [0.4, 0.1, 0.03], [0.5, 0.0, 0.03]
    goal = np.array([[0.45, 0.1, 0.03], [0.6, 0.0, 0.03]], np.float32)
    pursuit = Pursuit(1, goal, np.zeros(4, np.float32))
    dark = choose_target(pursuit, None, None, contract)
    assert dark.target == 0
    chosen = choose_target(pursuit, np.array([tip, thing], np.float32), None, contract)
    assert chosen.target == 1
    near = np.array([tip, [0.58, 0.0, 0.03]], np.float32)  # 2 cm: too little to begin with, too much to stop at
    assert choose_target(chosen, near, None, contract).target == 1
    assert choose_target(pursuit, near, None, contract).target == 0
    there = np.array([tip, [0.59, 0.0, 0.03]], np.float32)
    assert choose_target(chosen, there, None, contract).target == 0
    assert choose_target(pursuit, there, 1, contract).target == 1  # a goal that names its target
    aimed = dataclasses.replace(chosen, aim=np.zeros(3, np.float32))
    assert choose_target(aimed, there, None, contract).aim is None
