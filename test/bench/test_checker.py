"""The checker sees what a bad gate would let through: a check that cannot fail is none."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.bench.gate.checker import Checker
from world_model_ros.bench.gate.executed_trajectories import Executed, quintic
from world_model_ros.contract.contract import Contract
from world_model_ros.core.trajectory import Trajectory

FAR = np.array([0.0, -1.2, 1.4, -1.8, -1.57, 0.0])  # high over the table


def sent(positions, velocities, accelerations, times) -> Trajectory:
    rows = [np.array(rows, dtype=np.float64) for rows in (positions, velocities, accelerations)]
    return Trajectory(("a",) * rows[0].shape[1], np.array(times), rows[0], rows[1], 0, rows[2])


def only(joint: int, values: list[float]) -> np.ndarray:
    rows = np.zeros((len(values), 6))
    rows[:, joint] = values
    return rows


def moved(contract: Contract, position, velocity, acceleration, times, start=FAR) -> Checker:
    """A checker that saw joint 2 go through the given states and stand still at the end."""
    checker = Checker(contract, np.array(start))
    checker.sent(sent(start + only(2, position), only(2, velocity), only(2, acceleration), times))
    for _ in range(round(times[-1] / 0.01) + 1):
        checker.passed(0.01)
    checker.judge()
    return checker


def test_a_gentle_motion_violates_nothing(contract: Contract) -> None:
    checker = moved(contract, [0.05, 0.1], [0.1, 0.0], [0.0, 0.0], [0.5, 1.0])
    assert not any(checker.violations.values())
    assert checker.executed.state[0] == pytest.approx(FAR + only(2, [0.1])[0])


@pytest.mark.parametrize(
    ("limit", "states"),
    [
        ("position", ([0.8, 1.6], [1.0, 0.0], [0.0, 0.0], [1.0, 2.2])),
        ("velocity", ([2.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.6, 1.5])),
        ("acceleration", ([0.1, 0.2], [2.0, 0.0], [0.0, 0.0], [0.1, 0.5])),
        ("jerk", ([0.0005, 0.001], [0.05, 0.0], [4.0, 0.0], [0.01, 0.05])),
    ],
)
def test_each_limit_that_is_passed_is_counted(contract: Contract, limit: str, states) -> None:
    assert moved(contract, *states).violations[limit] > 0


@pytest.mark.parametrize(("step", "counted"), [(5e-5, 0), (5e-3, 1)])
def test_a_step_of_acceleration_within_microseconds_is_counted_unless_it_is_rounding(
    contract: Contract, step: float, counted: int
) -> None:
    checker = Checker(contract, FAR)
    checker.sent(sent(FAR + only(2, [0.0, 0.1]), only(2, [0.0, 0.0]), only(2, [step, 0.0]), [3e-6, 2.0]))
    checker.passed(1e-5)
    checker.judge()
    assert checker.violations["jerk"] == counted


def test_a_collision_is_counted(contract: Contract) -> None:
    start = np.array([-0.30073, -1.52842, 2.17895, -2.22132, -1.5708, -1.87153])  # fingertip 18 mm over the table
    checker = moved(contract, [0.05, 0.1], [0.1, 0.0], [0.0, 0.0], [0.5, 1.0], start)
    assert checker.violations["collision"] > 0
    assert checker.nearest_m < 0.005


def test_numbers_that_are_not_finite_and_ends_that_move_are_counted(contract: Contract) -> None:
    checker = Checker(contract, FAR)
    checker.sent(sent(FAR + only(2, [np.nan]), only(2, [0.0]), only(2, [0.0]), [0.1]))
    assert checker.violations["finite"] == 1
    checker.sent(sent(FAR + only(2, [0.01]), only(2, [0.1]), only(2, [0.0]), [0.1]))
    assert checker.violations["velocity"] == 1


@pytest.mark.parametrize(("row", "step", "counted"), [(0, 1e-7, 1), (1, 1e-5, 1), (2, 3.0, 1), (2, 1e-5, 0)])
def test_a_step_between_two_trajectories_is_counted_unless_it_is_rounding(
    contract: Contract, row: int, step: float, counted: int
) -> None:
    checker = Checker(contract, FAR)
    states = [FAR + np.zeros((2, 6)), np.zeros((2, 6)), np.zeros((2, 6))]
    states[row][0, 2] += step
    checker.sent(sent(*states, [0.0, 0.5]))
    assert checker.violations["step"] == counted
    assert checker.boundary_acc_step == (step if row == 2 else 0.0)


def test_a_trajectory_that_begins_later_is_joined_without_a_step_and_followed_from_there(contract: Contract) -> None:
    checker = Checker(contract, FAR, now_ns=10**9)
    goal = FAR + only(2, [0.1, 0.1])
    way = Trajectory(("a",) * 6, np.array([0.0, 0.1]), goal, np.zeros((2, 6)), 2 * 10**9, np.zeros((2, 6)))
    checker.sent(way)
    assert checker.violations["step"] == 0
    checker.passed(0.5)
    assert FAR[2] < checker.executed.state[0][2] < goal[0, 2]
    checker.passed(0.5)
    assert checker.executed.state[0] == pytest.approx(goal[0])


def test_a_trajectory_that_began_before_is_followed_from_where_it_is_now(contract: Contract) -> None:
    checker = Checker(contract, FAR, now_ns=10**9)
    rows = FAR + only(2, [-0.1, 0.1]), only(2, [0.2, 0.2]), np.zeros((2, 6))
    checker.sent(Trajectory(("a",) * 6, np.array([0.0, 1.0]), rows[0], rows[1], 5 * 10**8, rows[2]))
    assert checker.executed.state[0] == pytest.approx(FAR)
    assert checker.executed.state[1][2] == pytest.approx(0.2)


def test_splines_meet_their_ends_and_are_continued_where_they_are_cut() -> None:
    random = np.random.default_rng(0)
    before, after = random.normal(size=(2, 3, 6))
    for share, state in ((0.0, before), (1.0, after)):
        assert np.allclose(quintic(0.3, before, after, share)[:3], state)
    whole = Executed(before[0])
    cut = Executed(before[0])
    goal = Trajectory(("a",) * 6, np.array([0.3]), after[:1], np.zeros((1, 6)), 0, np.zeros((1, 6)))
    whole.take(goal)
    cut.take(goal)
    whole.run(0.2)
    for _ in range(20):
        cut.run(0.01)
    assert np.allclose(whole.state, cut.state, atol=1e-9)
    whole.run(0.2)
    assert np.allclose(whole.state[0], after[0])
    assert not whole.state[1:].any()
