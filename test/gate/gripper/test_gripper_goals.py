"""A gripper's action is sent one goal at a time, of where the setpoint is."""

from __future__ import annotations

import pytest

from world_model_ros.gate.gripper.action_goals import RETRY_S, GripperGoals


def armed(at: float = 0.8) -> GripperGoals:
    """Goals of a gripper that is closed at 0.8 and was there when the gate was armed."""
    goals = GripperGoals(resolution=0.05)
    assert goals.step(None, 0.0) is None
    assert goals.step(at, 0.0) is None
    return goals


def test_nothing_is_sent_until_the_setpoint_has_moved_by_the_resolution():
    goals = armed()
    assert goals.step(0.76, 1.0) is None
    assert goals.step(0.74, 1.1) == 0.74
    goals.ended("reached", 1.2)
    assert goals.step(0.7, 1.3) is None
    assert goals.step(0.68, 1.4) == 0.68
    assert goals.counts == {"sent": 2, "reached": 1}


def test_one_goal_is_on_its_way_at_a_time_and_the_next_is_where_the_setpoint_is_by_then():
    goals = armed()
    assert goals.step(0.7, 1.0) == 0.7
    for step in range(5):
        assert goals.step(0.6 - 0.1 * step, 1.1) is None
        assert not goals.cancels(0.6 - 0.1 * step)
    goals.ended("reached", 2.0)
    assert goals.step(0.2, 2.0) == 0.2


def test_a_goal_that_the_setpoint_turns_back_from_is_canceled_once():
    goals = armed(0.0)
    assert goals.step(0.5, 1.0) == 0.5
    assert not goals.cancels(0.48)
    assert goals.cancels(0.4)
    assert not goals.cancels(0.3)
    goals.ended("canceled", 1.2)
    assert goals.trouble is None
    assert goals.step(0.2, 1.2) == 0.2


def test_a_gripper_that_stalls_holds_something_and_is_left_alone():
    goals = armed(0.0)
    goals.step(0.79, 1.0)
    goals.ended("stalled", 2.0)
    assert goals.trouble is None
    assert goals.step(0.79, 2.0 + 2 * RETRY_S) is None


@pytest.mark.parametrize("outcome", ["rejected", "aborted", "canceled", "lost"])
def test_a_goal_that_fails_is_said_and_sent_again_after_a_while(outcome):
    goals = armed()
    goals.step(0.5, 1.0)
    goals.ended(outcome, 1.1, "why")
    assert goals.trouble == f"goal 0.5 {outcome}: why"
    assert goals.step(0.5, 1.2) is None
    assert goals.step(0.5, 1.1 + RETRY_S) == 0.5
    goals.ended("reached", 3.0)
    assert goals.trouble is None


def test_armed_again_it_is_where_it_is():
    goals = armed()
    goals.step(0.5, 1.0)
    goals.ended("aborted", 1.1)
    assert goals.step(None, 1.2) is None
    assert goals.step(0.65, 9.0) is None  # measured there
    assert goals.step(0.65, 99.0) is None
    assert goals.step(0.5, 99.1) == 0.5


def test_a_goal_on_its_way_while_disarmed_ends_first():
    goals = armed()
    goals.step(0.5, 1.0)
    assert goals.step(None, 1.1) is None
    assert goals.step(0.2, 1.2) is None
    assert goals.waiting_s(4.0) == 3.0
    goals.ended("reached", 4.0)
    assert goals.step(0.2, 4.1) == 0.2
    assert GripperGoals(0.1).waiting_s(9.0) == 0.0
