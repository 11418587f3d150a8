"""The controller takes, refuses, samples and joins as ros2_controllers' joint_trajectory_controller does."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from earlier_gate import EarlierGate

from world_model_ros.contract.contract import Contract
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.sim.controller import JointTrajectoryController, Updates, trajectory_from_message

NAMES = ("a", "b")
SECOND = 1_000_000_000
MILLISECOND = 1_000_000


def controller(update_hz: float = 100.0, **settings) -> JointTrajectoryController:
    return JointTrajectoryController(NAMES, np.array([0.1, -0.2]), 0, update_hz, **settings)


def move(
    positions: list[list[float]], times_s: list[float], stamp_ns: int = 0, names: tuple[str, ...] = NAMES
) -> Trajectory:
    rows = np.array(positions, dtype=float).reshape(len(times_s), -1)
    return Trajectory(names, np.array(times_s), rows, np.zeros_like(rows), stamp_ns)


def line(start: float, speed: float, stamp_ns: int, times_s: tuple[float, ...]) -> Trajectory:
    """Joint a at constant velocity, exactly described by every point; at rest at last, far away."""
    times = np.array([*times_s, 10.0])
    position, velocity = np.zeros((2, len(times), 2))
    position[:, 0], velocity[:-1, 0] = start + speed * times, speed
    return Trajectory(NAMES, times, position, velocity, stamp_ns, np.zeros_like(position))


def at(said: Updates, time_s: float) -> list[float]:
    """What was commanded for a time."""
    return said.command[np.searchsorted(said.times_ns, round(time_s * SECOND)) - 1].tolist()


def test_it_holds_its_position_without_a_trajectory():
    assert at(controller().run(5 * SECOND), 5.0) == [0.1, -0.2]


def test_it_reaches_the_points_at_their_times_and_holds_the_last_one():
    under_test = controller()
    under_test.run(SECOND)
    assert under_test.receive(move([[0.3, 0.0], [0.5, 0.1]], [0.5, 1.0], 2 * SECOND), SECOND) is None
    said = under_test.run(9 * SECOND)
    assert at(said, 2.5) == pytest.approx([0.3, 0.0])
    assert at(said, 3.0) == pytest.approx([0.5, 0.1])
    assert at(said, 9.0) == pytest.approx([0.5, 0.1])
    assert said.velocity[-1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("version", "ahead_ms"), [("4.42", 10), ("4.20", 10), ("4.17", 0)])
def test_what_it_commands_is_for_the_update_after_it_since_4_18(version, ahead_ms: int):
    under_test = controller(version=version)
    under_test.receive(line(0.0, 1.0, 0, (0.0, 1.0)), 0)
    said = under_test.run(SECOND)
    assert said.command[:, 0] == pytest.approx((said.times_ns + ahead_ms * MILLISECOND) * 1e-9)


def test_a_stamp_of_zero_means_from_the_first_update_on():
    under_test = controller()
    under_test.run(7 * SECOND)
    assert under_test.receive(move([[0.3, 0.0]], [1.0], 0), 7 * SECOND) is None
    said = under_test.run(9 * SECOND)
    assert said.command[0] == pytest.approx([0.1, -0.2], abs=1e-3)
    assert at(said, 8.0) == pytest.approx([0.3, 0.0])


def test_joints_are_mapped_by_name():
    under_test = controller()
    under_test.receive(move([[0.0, 0.3]], [1.0], 0, ("b", "a")), 0)
    assert at(under_test.run(2 * SECOND), 1.0) == pytest.approx([0.3, 0.0])


def test_of_several_messages_between_two_updates_the_newest_counts():
    under_test = controller()
    for goal in (1.0, 0.4):
        under_test.receive(move([[goal, 0.0]], [1.0], 0), 0)
    assert at(under_test.run(2 * SECOND), 1.0) == pytest.approx([0.4, 0.0])


def test_a_message_that_comes_between_two_updates_waits_for_the_next():
    under_test = controller()
    under_test.run(SECOND)
    under_test.receive(line(5.0, 1.0, SECOND, (0.0, 1.0)), SECOND + 4 * MILLISECOND)
    said = under_test.run(SECOND + 20 * MILLISECOND)
    assert said.command[:, 0] == pytest.approx([0.1, 5.02])


def test_within_a_trajectory_it_goes_on_without_a_step_wherever_it_joins():
    under_test = controller(500.0)
    for late_ms in (0, 3, 8, 14):
        now_ns = late_ms * 10 * MILLISECOND
        under_test.run(now_ns + late_ms * MILLISECOND)
        under_test.receive(line(now_ns * 1e-9, 1.0, now_ns, (0.0, 0.013, 0.2)), now_ns + late_ms * MILLISECOND)
    said = under_test.run(300 * MILLISECOND)
    assert np.diff(said.command[:, 0]) == pytest.approx(0.002, abs=1e-9)
    assert np.abs(said.acceleration).max() < 1e-6


@pytest.mark.parametrize(
    ("version", "booked_early_s"),
    [("4.42", 0.001), ("4.20", 0.0), ("4.17", -0.001)],
)
def test_a_first_point_still_to_come_is_joined_from_a_state_that_is_booked_at_another_time(version, booked_early_s):
    """A mismatch d over the time T to that point takes up to 10/sqrt(3) d/T^2 of acceleration."""
    under_test = controller(1000.0, version=version)
    under_test.receive(line(0.0, 0.4, 0, (0.0, 1.0)), 0)
    under_test.run(500 * MILLISECOND)
    under_test.receive(line(0.2, 0.4, 500 * MILLISECOND, (0.005, 1.0)), 500 * MILLISECOND)
    reported = np.abs(under_test.run(600 * MILLISECOND).acceleration[:, 0]).max()
    span_s = 0.005 + max(booked_early_s, 0.0)
    expected = 10 / np.sqrt(3) * 0.4 * abs(booked_early_s) / span_s**2
    assert reported == pytest.approx(expected, rel=0.25, abs=1e-6)


@pytest.mark.parametrize("update_hz", [500.0, 1000.0])
@pytest.mark.parametrize(("version", "least", "most"), [("4.42", 20.0, 90.0), ("4.17", 20.0, 90.0)])
def test_fed_as_version_0_1_0_fed_it_it_exceeds_the_limits_as_the_real_one_did(
    contract: Contract, update_hz: float, version, least: float, most: float
):
    """24 to 85 times the limit of acceleration was measured at the real one since 4.21, 58 before 4.18."""
    limits, random = contract.limits(), np.random.default_rng(1)
    home = np.array([-0.3, -1.5, 2.2, -2.2, -1.57, -1.87])
    gate, now_ns = EarlierGate(limits, home), 10**18
    start_ns = now_ns + int(random.integers(MILLISECOND))
    under_test = JointTrajectoryController(limits.names, home, start_ns, update_hz, version)
    goal, velocity, said = home.copy(), np.zeros(6), []
    for cycle in range(1000):
        now_ns += 10 * MILLISECOND
        if cycle % 10 == 0:  # the brain's tick
            velocity = 0.15 * random.uniform(-1, 1, 6) - 0.5 * (goal - home)
        goal = goal + 0.01 * velocity
        sent = gate.step((goal + 0.1 * velocity, velocity), now_ns)
        said.append(under_test.run(now_ns))
        arrival_ns = now_ns + int(random.uniform(0.3, 1.5) * MILLISECOND)
        assert under_test.receive(sent, arrival_ns) is None
    shares = np.concatenate([np.abs(each.acceleration) for each in said]) / limits.acceleration
    assert least < shares.max() < most


def test_with_a_scaled_time_a_trajectory_takes_longer_and_a_new_one_begins_at_the_clock():
    under_test = controller()
    under_test.scaling = 0.5
    under_test.receive(line(0.0, 1.0, 0, (0.0, 1.0)), 0)
    said = under_test.run(SECOND)
    assert said.command[-1, 0] == pytest.approx(0.5 * 0.99 + 0.01)
    under_test.receive(line(1.0, 1.0, SECOND, (0.0, 1.0)), SECOND)
    assert under_test.run(SECOND + 10 * MILLISECOND).command[-1, 0] == pytest.approx(1.01)
    under_test.scaling = 0.0
    stopped = under_test.run(2 * SECOND).command[:, 0]
    assert np.ptp(stopped[1:]) == 0.0


def test_one_that_is_not_active_takes_nothing_and_activated_it_holds_what_is_measured():
    under_test = controller()
    under_test.receive(line(0.0, 1.0, 0, (0.0, 1.0)), 0)
    left = under_test.run(SECOND // 2).command[-1]
    under_test.deactivate()
    assert "not active" in str(under_test.receive(move([[1.0, 1.0]], [1.0]), SECOND // 2))
    assert under_test.run(SECOND).command[-1].tolist() == left.tolist()
    under_test.activate(np.array([0.7, 0.0]))
    assert under_test.run(2 * SECOND).command.tolist() == [[0.7, 0.0]] * 100


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
    under_test.run(3 * SECOND)
    assert reason in str(under_test.receive(REFUSED[reason], 3 * SECOND))
    assert at(under_test.run(9 * SECOND), 9.0) == [0.1, -0.2]


def test_like_the_real_one_it_lets_numbers_through_that_are_not_finite():
    assert controller().receive(move([[np.nan, 0.0]], [1.0]), 0) is None


def test_a_message_with_points_of_wrong_length_is_refused():
    stamp = SimpleNamespace(sec=0, nanosec=0)
    point = SimpleNamespace(
        positions=[0.0], velocities=[], accelerations=[], time_from_start=SimpleNamespace(sec=1, nanosec=0)
    )
    message = SimpleNamespace(joint_names=["a", "b"], points=[point], header=SimpleNamespace(stamp=stamp))
    assert "1 positions" in str(trajectory_from_message(message))
