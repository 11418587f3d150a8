"""Which goals are played, and how the others end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from gate_driver import HOME, LIMITS, START_NS
from player_bench import JOINTS, asked, swing

from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.playing.endings import Code, GoalError
from world_model_ros.gate.playing.goal import Asked, Tolerances, asked_from, led_from, per_joint, read, require_limits

NAMES = LIMITS.names
GOAL = asked([HOME, HOME + 0.1], [0.0, 1.0], np.zeros((2, JOINTS)))
USUAL = Tolerances.default(np.full(JOINTS, 0.01), 5.0)
STILL = Motion.still(HOME)
NEAR = np.full(JOINTS, 0.05)


def ends(code: Code, words: str, act: Callable[[], object]) -> None:
    with pytest.raises(GoalError) as error:
        act()
    assert error.value.ending.code is code
    assert words in error.value.ending.words
    assert not error.value.ending.canceled


def other(rows: object, row: int, value: object) -> list:
    changed = list(rows)  # type: ignore[call-overload]
    changed[row] = value
    return changed


@pytest.mark.parametrize(
    ("goal", "code", "words"),
    [
        (replace(GOAL, names=[]), Code.INVALID_JOINTS, "none"),
        (replace(GOAL, names=["elbow", *NAMES[1:]]), Code.INVALID_JOINTS, "unknown elbow"),
        (replace(GOAL, names=NAMES[:-1]), Code.INVALID_JOINTS, f"missing {NAMES[-1]}"),
        (replace(GOAL, names=[*NAMES[:-1], NAMES[0]]), Code.INVALID_JOINTS, "each once"),
        (replace(GOAL, times_ns=[], positions=[], velocities=[]), Code.INVALID_GOAL, "no points"),
        (replace(GOAL, times_ns=[0, 0]), Code.INVALID_GOAL, "strictly increasing"),
        (replace(GOAL, times_ns=[10**9, 5 * 10**8]), Code.INVALID_GOAL, "strictly increasing"),
        (replace(GOAL, times_ns=[-1, 10**9]), Code.INVALID_GOAL, "strictly increasing"),
        (replace(GOAL, positions=other(GOAL.positions, 1, [])), Code.INVALID_GOAL, "positions: none at point 1"),
        (replace(GOAL, positions=other(GOAL.positions, 1, [0.0])), Code.INVALID_GOAL, "positions: 1 at point 1"),
        (replace(GOAL, velocities=other(GOAL.velocities, 0, [0.0] * 5)), Code.INVALID_GOAL, "velocities: 5"),
        (replace(GOAL, accelerations=[[0.0], []]), Code.INVALID_GOAL, "accelerations: 1 at point 0"),
        (replace(GOAL, positions=other(GOAL.positions, 0, [np.nan] * JOINTS)), Code.INVALID_GOAL, "not finite"),
        (replace(GOAL, velocities=other(GOAL.velocities, 0, [np.inf] * JOINTS)), Code.INVALID_GOAL, "not finite"),
        (replace(GOAL, effort=[[1.0] * JOINTS, []]), Code.INVALID_GOAL, "effort"),
        (
            replace(GOAL, velocities=other(GOAL.velocities, 1, [0.0, 1e-6, 0.0, 0.0, 0.0, 0.0])),
            Code.INVALID_GOAL,
            "last",
        ),
        (replace(GOAL, multi_dof=True), Code.INVALID_GOAL, "multi_dof"),
        (replace(GOAL, stamp_ns=START_NS - 1_000_000_001), Code.OLD_HEADER_TIMESTAMP, "ended 0.000 s ago"),
        (replace(GOAL, stamp_ns=START_NS - 3_000_000_000), Code.OLD_HEADER_TIMESTAMP, "ended 2.000 s ago"),
    ],
)
def test_what_the_controller_would_reject_ends_with_its_code_and_says_why(goal: Asked, code: Code, words: str) -> None:
    ends(code, words, lambda: read(goal, NAMES, False, START_NS))


def test_a_valid_goal_is_read_whatever_the_order_of_its_joints() -> None:
    backwards = replace(GOAL, names=NAMES[::-1], positions=[row[::-1] for row in map(list, GOAL.positions)])
    spline = read(backwards, NAMES, False, START_NS)
    led = led_from(spline, backwards.names, NAMES, STILL, 0.0, NEAR)
    assert led.positions == pytest.approx(np.array(GOAL.positions))
    assert read(replace(GOAL, stamp_ns=START_NS - 999_999_999), NAMES, False, START_NS).end_s == 1.0


def test_what_is_left_out_stays_where_it_is_where_that_is_allowed() -> None:
    some = Asked([NAMES[2]], [10**9], [[1.5]])
    ends(Code.INVALID_JOINTS, "missing", lambda: read(some, NAMES, False, START_NS))
    led = led_from(read(some, NAMES, True, START_NS), some.names, NAMES, STILL, 0.0, NEAR)
    wanted = HOME.copy()
    wanted[2] = 1.5
    assert led.at(5.0).position == pytest.approx(wanted)
    assert led.at(0.5).position == pytest.approx(0.5 * (HOME + wanted))


def test_the_way_to_a_first_point_that_is_to_come_begins_where_the_robot_is() -> None:
    goal = asked([HOME + 0.2], [2.0], np.zeros((1, JOINTS)))
    led = led_from(read(goal, NAMES, False, START_NS), NAMES, NAMES, STILL, 0.0, NEAR)
    assert led.times_s.tolist() == [0.0, 2.0]
    assert led.at(1.0).position == pytest.approx(HOME + 0.1)
    assert led.at(1.0).velocity == pytest.approx(np.full(JOINTS, 0.15))  # cubic: 1.5 times the mean


def test_a_trajectory_that_begins_elsewhere_is_not_played() -> None:
    spline = read(GOAL, NAMES, False, START_NS)
    away = HOME.copy()
    away[3] += 0.051
    words = f"{NAMES[3]} begins at"
    ends(Code.INVALID_GOAL, words, lambda: led_from(spline, NAMES, NAMES, Motion.still(away), 0.0, NEAR))
    away[3] -= 0.002
    assert led_from(spline, NAMES, NAMES, Motion.still(away), 0.0, NEAR).times_s.tolist() == [0.0, 1.0]


def test_limits_are_those_of_the_contract_and_are_judged_between_points_too() -> None:
    def limited(goal: Asked) -> None:
        require_limits(led_from(read(goal, NAMES, False, START_NS), NAMES, NAMES, STILL, 0.0, NEAR), LIMITS)

    def first(by: float) -> np.ndarray:
        moved = HOME.copy()
        moved[0] += by
        return moved

    limited(swing())
    beyond = HOME.copy()
    beyond[1] = 0.3
    ends(Code.INVALID_GOAL, f"position: 0.3 of {NAMES[1]}; legal: 0.2", lambda: limited(asked([beyond], [9.0])))
    at_limit, speeds = np.tile(HOME, (3, 1)), np.zeros((3, JOINTS))
    at_limit[1:, 1] = 0.2
    speeds[1, 1] = 0.3  # a cubic that arrives at the limit with a speed runs over it
    over = asked(at_limit, [0.0, 4.0, 5.0], speeds)
    ends(Code.INVALID_GOAL, f"of {NAMES[1]}; legal: 0.2", lambda: limited(over))
    ends(Code.INVALID_GOAL, "velocity: 2.2 of", lambda: limited(asked([HOME, first(2.2)], [0.0, 1.0])))
    limited(asked([HOME, first(2.09)], [0.0, 1.0]))


def test_tolerances_of_a_goal_count_zero_is_the_default_and_minus_one_none() -> None:
    goal = replace(
        GOAL,
        path=[(NAMES[1], 0.02, 0.3, 0.0)],
        goal=[(NAMES[0], -1.0, 0.0, -1.0), (NAMES[2], 0.003, 0.0, 0.0)],
        goal_time_s=0.5,
    )
    found = USUAL.of(goal, NAMES)
    assert found.path_position.tolist() == [np.inf, 0.02, np.inf, np.inf, np.inf, np.inf]
    assert found.path_velocity.tolist() == [np.inf, 0.3, np.inf, np.inf, np.inf, np.inf]
    assert found.goal_position.tolist() == [np.inf, 0.01, 0.003, 0.01, 0.01, 0.01]
    assert found.goal_velocity.tolist() == [np.inf] * JOINTS
    assert found.goal_time_s == 0.5
    assert USUAL.of(replace(GOAL, goal_time_s=-1.0), NAMES).goal_time_s == np.inf
    assert USUAL.of(GOAL, NAMES).goal_time_s == 5.0
    assert USUAL.goal_position.tolist() == [0.01] * JOINTS


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("path", [("elbow", 0.1, 0.0, 0.0)], Code.INVALID_JOINTS),
        ("goal", [("elbow", 0.1, 0.0, 0.0)], Code.INVALID_JOINTS),
        ("path", [(NAMES[0], -0.5, 0.0, 0.0)], Code.INVALID_GOAL),
        ("goal", [(NAMES[0], 0.1, np.nan, 0.0)], Code.INVALID_GOAL),
        ("goal", [(NAMES[0], 0.1, 0.0, 0.2)], Code.INVALID_GOAL),
        ("goal_time_s", -0.5, Code.INVALID_GOAL),
    ],
)
def test_a_tolerance_that_makes_no_sense_costs_the_goal(field: str, value: object, code: Code) -> None:
    ends(code, "tolerance", lambda: USUAL.of(replace(GOAL, **{field: value}), NAMES))


def test_a_message_of_the_action_is_read() -> None:
    def span(seconds: int, nanosec: int) -> SimpleNamespace:
        return SimpleNamespace(sec=seconds, nanosec=nanosec)

    nothing = SimpleNamespace(joint_names=[], points=[])
    point = SimpleNamespace(
        positions=[1.0], velocities=[2.0], accelerations=[], effort=[], time_from_start=span(1, 500_000_000)
    )
    trajectory = SimpleNamespace(header=SimpleNamespace(stamp=span(3, 4)), joint_names=["a"], points=[point])
    tolerance = SimpleNamespace(name="a", position=0.1, velocity=0.2, acceleration=-1.0)
    message = SimpleNamespace(
        trajectory=trajectory,
        multi_dof_trajectory=nothing,
        path_tolerance=[tolerance],
        component_path_tolerance=[],
        goal_tolerance=[],
        component_goal_tolerance=[],
        goal_time_tolerance=span(-1, 0),
    )
    assert asked_from(message) == Asked(
        ["a"], [1_500_000_000], [[1.0]], [[2.0]], [[]], [[]], 3_000_000_004, [("a", 0.1, 0.2, -1.0)], [], -1.0, False
    )
    message.component_goal_tolerance = [tolerance]
    assert asked_from(message).multi_dof


def test_slides_have_a_fifth_of_a_tolerance() -> None:
    assert per_joint(0.05, {"a": "rad", "b": "m"}, ["b", "a"]).tolist() == [0.01, 0.05]
