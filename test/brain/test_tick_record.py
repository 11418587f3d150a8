"""A tick's record is exact JSON, and the statistics say what a person asks."""

import json

import numpy as np
import pytest

from world_model_ros.bags.align.tick_log import _goal
from world_model_ros.brain.decision import Decision
from world_model_ros.brain.tick_record import TickRecord, TickStatistics
from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal
from world_model_ros.core.streams import Observation


def record(**changes):
    observation = Observation(5_000_000_001, {}, {"front": 4_900_000_003}, {"front": True, "arm": False})
    usual = {
        "index": 3,
        "seed": 9,
        "observation": observation,
        "applied": np.array([0.01, -0.02], np.float32),
        "reference": np.array([0.1, 1 / 3]),
        "goal": Goal("pose", 77, target="fingertip", pose=np.arange(7, dtype=np.float32)),
        "decision": Decision("pursuing", 0.5, {}),
        "missed": 2,
        "stages_ms": {"total": 12.3456},
    }
    return json.loads(TickRecord(**{**usual, **changes}).json())


def test_numbers_survive_the_way_through_json_exactly():
    read = record()
    assert read["now_ns"] == 5_000_000_001
    assert read["stamps"] == {"front": 4_900_000_003}
    assert read["reference"] == [0.1, 1 / 3]
    assert np.array_equal(np.array(read["applied"], np.float32), np.array([0.01, -0.02], np.float32))
    assert read["goal"]["pose"] == list(range(7))


def test_what_is_not_known_or_not_finite_is_null():
    read = record(reference=None, goal=None, decision=Decision("x", float("nan"), {}))
    assert (read["reference"], read["goal"], read["surprise"]) == (None, None, None)


def test_the_owner_is_told_where_the_gate_has_several_sources_and_nobody_is_not_unknown():
    assert "owner" not in record()
    assert record(owner="person")["owner"] == "person"
    assert record(owner="")["owner"] is None


def test_a_tick_at_which_the_plan_before_goes_on_says_so():
    assert record()["plan"] is None
    assert record(decision=Decision("pursuing", 0.5, {}, plan="plan"))["plan"] == "plan"


def test_a_failed_tick_says_why():
    read = record(decision=None, error="RuntimeError: no")
    assert (read["status"], read["error"]) == ("error", "RuntimeError: no")


def test_rate_and_percentiles_are_those_of_the_window():
    statistics = TickStatistics(window=10)
    assert statistics.rate_hz() == 0.0
    for index in range(30):
        statistics.add(index * 50_000_000, {"plan": float(index)})
    assert statistics.ticks == 30
    assert statistics.rate_hz() == pytest.approx(20.0)
    assert statistics.stage_percentiles()["plan"][0] == pytest.approx(24.5)


def test_a_clock_that_jumps_back_does_not_spoil_the_rate():
    statistics = TickStatistics()
    for now_ns in (10**12, 10**12 + 10**8, 0, 10**8, 2 * 10**8):
        statistics.add(now_ns, {})
    assert statistics.rate_hz() == pytest.approx(10.0)


@pytest.mark.parametrize("first", ["pose", "value"])
def test_a_goal_of_several_targets_is_read_back_whole(first):
    wishes = [PoseGoal("cube", np.arange(7, dtype=np.float32)), ValueGoal("drawer", 1 / 3)]
    goal = Goal("pose", 77, "cube", wishes[0].pose, also=(wishes[1],))
    if first == "value":
        goal = Goal("value", 77, "drawer", value=1 / 3, also=(wishes[0],))
    # What a tick does first for it may be about another target.
    told = record(goal=goal, decision=Decision("pursuing", 0.5, {}, aim_target="effector"))["goal"]
    back = _goal(told, [])
    assert (back.kind, back.target, back.value) == (goal.kind, goal.target, goal.value)
    assert [each.target for each in back.wishes] == [each.target for each in goal.wishes]
    for ours, read in zip(goal.poses, back.poses):
        assert np.array_equal(ours.pose, read.pose)
    assert back.values == goal.values


def test_an_action_that_was_sent_is_told_exactly():
    action = np.array([0.1, -0.3, 1 / 3], np.float32)
    assert "action" not in record()
    told = record(decision=Decision("pursuing", 0.5, {}, action=action))["action"]
    assert np.array_equal(np.array(told, np.float32), action)
