"""How far a goal is away is said part by part, and when it is imagined to be reached."""

from __future__ import annotations

import numpy as np

from world_model_ros.contract.contract import load_contract
from world_model_ros.core.goals.goal import Goal
from world_model_ros.goals.errors import GoalError, Imagination, steps_to_go
from world_model_ros.goals.subgoal import (
    REACHED_M,
    REACHED_RAD,
    TargetError,
    ValueGap,
    aim_at_joints,
    aim_at_poses,
)
from world_model_ros.goals.workspace import Workspace

ARM = load_contract("tabletop_arm")
TARGETS = ARM.interface.targets
NOTHING = Imagination(None, None, None, None)


def poses(*xs: float) -> np.ndarray:
    """(H, 1, 7) of one target along x."""
    found = np.zeros((len(xs), 1, 7), np.float32)
    found[:, 0, 0] = xs
    return found


def place(left: float, near: float = 0.01) -> GoalError:
    return GoalError("fingertip", "place", left, "m", near, 0, (left, 0.0), (0, 1))


def test_errors_are_along_the_axes_that_move_and_of_the_turn_that_is_asked():
    reach = Workspace.of(ARM).for_target(TARGETS[0])
    to, now = np.array([0.5, 0.1, 0.9], np.float32), np.array([0.47, 0.06, 0.03], np.float32)
    upright = np.array([0, 0, 0, 1], np.float32)
    aim = aim_at_poses([TargetError(0, to, now, turn=upright, apart_rad=0.2)], [reach], TARGETS)
    first, second = aim.errors
    assert (first.name, first.kind, first.unit, first.near) == ("fingertip", "place", "m", REACHED_M)
    np.testing.assert_allclose([first.size, *first.left], [0.05, 0.03, 0.04], atol=1e-6)
    assert (second.kind, second.size, second.unit, second.near) == ("turn", 0.2, "rad", REACHED_RAD)


def test_a_value_that_is_not_known_is_infinitely_far_away():
    aim = aim_at_poses([], [], TARGETS, [ValueGap(1, 0.2, None, 0.02), ValueGap(1, 0.2, 0.5, 0.02)])
    assert [each.size for each in aim.errors] == [np.inf, 0.3]
    assert aim.moves


def test_errors_of_joints_are_of_those_that_are_asked_even_when_they_are_there():
    measured = np.zeros(6)
    asked = np.array([np.nan, 0.5, np.nan, 0.0, np.nan, np.nan], np.float32)
    errors = aim_at_joints(Goal("joints", 1, joints=asked), measured, ARM).errors
    assert [(each.name, each.size) for each in errors] == [("shoulder_lift_joint", 0.5), ("wrist_1_joint", 0.0)]
    there = aim_at_joints(Goal("joints", 1, joints=asked), np.nan_to_num(asked), ARM)
    assert (there.status, [each.size for each in there.errors]) == ("reached", [0.0, 0.0])


def test_it_is_reached_at_the_first_step_at_which_all_parts_are_imagined_near():
    now = poses(1.0)[0]  # what is believed is elsewhere than what is measured; the way counts
    ahead = Imagination(poses(1.02, 1.05, 1.095, 1.2), now, None, None)
    assert steps_to_go([place(0.1)], ahead) == 3
    value = GoalError("drawer", "value", 0.3, "m", 0.02, 0, (0.4,))
    both = Imagination(poses(1.1, 1.1, 1.1), now, np.array([[0.2], [0.3], [0.41]]), None)
    assert steps_to_go([place(0.1), value], both) == 3


def test_what_is_not_imagined_is_not_foreseen():
    assert steps_to_go([], NOTHING) is None
    assert steps_to_go([place(0.1)], NOTHING) is None
    assert steps_to_go([place(0.5)], Imagination(poses(0.1, 0.2), np.zeros((1, 7)), None, None)) is None
    turn = GoalError("cube", "turn", 0.3, "rad", 0.05, 0, (0, 0, 0, 1))
    assert steps_to_go([turn], Imagination(poses(0.1), np.zeros((1, 7)), None, None)) is None
