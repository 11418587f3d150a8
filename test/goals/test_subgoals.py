"""What a goal asks of two hands."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.brain.graph_inputs import goal_inputs
from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, PoseGoal
from world_model_ros.goals.subgoal import check_goal
from world_model_ros.goals.subgoals import Aiming
from world_model_ros.goals.workspace import Workspace
from world_model_ros.kinematics.arm import ArmKinematics

CONTRACT = load_contract("humanoid_upper_body")
ARMS = ArmKinematics(CONTRACT)
AIMING = Aiming(CONTRACT, ARMS, Workspace.of(CONTRACT), None)
BELIEF = np.zeros((3, 7), np.float32)
BELIEF[:2, :3] = ARMS.tips(CONTRACT.rest)
BELIEF[2, :3] = (0.43, 0.05, 0.08)


def pose(x: float, y: float) -> np.ndarray:
    return np.array([x, y, 0.08, 0, 0, 0, 1], np.float32)


def wants(goal: Goal) -> dict[str, np.ndarray]:
    aim, _ = AIMING.aim(goal, np.array(CONTRACT.rest), BELIEF, None, None)
    assert aim.status == "pursuing"
    return goal_inputs(aim, BELIEF, 3)


def test_both_hands_are_sent_to_their_places_at_once():
    also = (PoseGoal("right_fingertip", pose(0.5, -0.1)),)
    found = wants(Goal("pose", 1, "left_fingertip", pose(0.5, 0.1), also=also))
    assert found["goal_position_weights"].tolist() == [1.0, 1.0, 0.0]
    np.testing.assert_allclose(found["goal_poses"][:2, :2], [[0.5, 0.1], [0.5, -0.1]], atol=1e-5)
    assert "goal_hands" not in found


def test_one_hand_pushes_and_the_other_goes_to_rest():
    found = wants(Goal("pose", 1, "object_0", pose(0.43, -0.07)))
    assert found["goal_hands"].tolist() == [1.0, 0.0]
    assert found["goal_position_weights"][[0, 2]].tolist() == [0.0, 1.0]
    assert 0 < found["goal_position_weights"][1] < 0.5
    np.testing.assert_allclose(found["goal_poses"][1, :3], BELIEF[1, :3], atol=1e-5)


def test_a_hand_that_has_a_place_of_its_own_does_not_push():
    also = (PoseGoal("left_fingertip", pose(0.43, 0.2)),)
    found = wants(Goal("pose", 1, "object_0", pose(0.43, -0.07), also=also))
    assert found["goal_hands"].tolist() == [0.0, 1.0]
    assert found["goal_position_weights"].tolist() == [1.0, 0.0, 1.0]


def test_a_part_of_a_goal_outside_of_its_workspace_is_refused():
    check_goal(Goal("pose", 1, "object_0", pose(0.43, 0.24)), CONTRACT)
    with pytest.raises(UserError, match=r"position\.y.*-0.3 to 0.08"):
        check_goal(
            Goal("pose", 1, "object_0", pose(0.43, 0.0), also=(PoseGoal("right_fingertip", pose(0.43, 0.2)),)), CONTRACT
        )
