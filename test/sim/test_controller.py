"""The controller takes what ros2_controllers' one takes, refuses what it refuses, and moves without a jump."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from world_model_ros.core.trajectory import Trajectory
from world_model_ros.sim.controller import TrajectoryController, trajectory_from_message

NAMES = ("a", "b")
SECOND = 1_000_000_000


def controller() -> TrajectoryController:
    return TrajectoryController(NAMES, np.array([0.1, -0.2]))


def move(
    positions: list[list[float]], times_s: list[float], stamp_ns: int = 0, names: tuple[str, ...] = NAMES
) -> Trajectory:
    rows = np.array(positions, dtype=float).reshape(len(times_s), -1)
    return Trajectory(names, np.array(times_s), rows, np.zeros_like(rows), stamp_ns)


def at(under_test: TrajectoryController, time_s: float) -> list[float]:
    return under_test.sample(np.array([round(time_s * SECOND)]))[0][0].tolist()


def test_it_holds_its_position_without_a_trajectory():
    assert at(controller(), 5.0) == [0.1, -0.2]


def test_it_reaches_the_points_at_their_times_and_holds_the_last_one():
    under_test = controller()
    assert under_test.set_trajectory(move([[0.3, 0.0], [0.5, 0.1]], [0.5, 1.0], 2 * SECOND), SECOND) is None
    assert at(under_test, 2.5) == pytest.approx([0.3, 0.0])
    assert at(under_test, 3.0) == pytest.approx([0.5, 0.1])
    position, velocity = under_test.sample(np.array([9 * SECOND]))
    assert position[0].tolist() == pytest.approx([0.5, 0.1])
    assert velocity[0].tolist() == [0.0, 0.0]


def test_a_stamp_of_zero_means_now():
    under_test = controller()
    assert under_test.set_trajectory(move([[0.3, 0.0]], [1.0], 0), 7 * SECOND) is None
    assert at(under_test, 7.0) == pytest.approx([0.1, -0.2])
    assert at(under_test, 8.0) == pytest.approx([0.3, 0.0])


def test_joints_are_mapped_by_name():
    under_test = controller()
    under_test.set_trajectory(move([[0.0, 0.3]], [1.0], 0, ("b", "a")), 0)
    assert at(under_test, 1.0) == pytest.approx([0.3, 0.0])


def test_a_new_trajectory_starts_from_the_desired_state_without_a_jump():
    under_test = controller()
    under_test.set_trajectory(move([[1.0, 1.0]], [1.0], 0), 0)
    position, velocity = under_test.sample(np.array([SECOND // 2]))
    under_test.set_trajectory(move([[0.0, 0.0]], [1.0], 0), SECOND // 2)
    again, speed = under_test.sample(np.array([SECOND // 2]))
    np.testing.assert_allclose(again, position)
    np.testing.assert_allclose(speed, velocity)


def test_the_old_trajectory_goes_on_until_the_stamp_of_the_new_one():
    under_test = controller()
    under_test.set_trajectory(move([[1.0, 1.0]], [1.0], 0), 0)
    before = at(under_test, 0.75)
    under_test.set_trajectory(move([[0.0, 0.0]], [0.5], SECOND * 8 // 10), SECOND // 2)
    assert at(under_test, 0.75) == pytest.approx(before, abs=0.02)
    assert at(under_test, 1.3) == pytest.approx([0.0, 0.0])


REFUSED = {
    "no joint names": move([[]], [1.0], names=()),
    "no points": Trajectory(NAMES, np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2)), 0),
    "unknown joints": move([[0.0, 0.0]], [1.0], names=("a", "c")),
    "missing joints": move([[0.0]], [1.0], names=("a",)),
    "strictly increase": move([[0.0, 0.0]] * 3, [0.5, 1.0, 1.0]),
    "last point is not zero": Trajectory(NAMES, np.array([1.0]), np.zeros((1, 2)), np.array([[0.0, 0.1]]), 0),
    "in the past": move([[0.0, 0.0]], [1.0], stamp_ns=SECOND),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_it_refuses_with_a_reason_and_keeps_holding(reason: str):
    under_test = controller()
    assert reason in str(under_test.set_trajectory(REFUSED[reason], 3 * SECOND))
    assert at(under_test, 9.0) == [0.1, -0.2]


def test_like_the_real_one_it_lets_numbers_through_that_are_not_finite():
    assert controller().set_trajectory(move([[np.nan, 0.0]], [1.0]), 0) is None


def test_a_message_with_points_of_wrong_length_is_refused():
    point = SimpleNamespace(positions=[0.0], velocities=[], time_from_start=SimpleNamespace(sec=1, nanosec=0))
    stamp = SimpleNamespace(sec=0, nanosec=0)
    message = SimpleNamespace(joint_names=["a", "b"], points=[point], header=SimpleNamespace(stamp=stamp))
    assert "1 positions" in str(trajectory_from_message(message))
