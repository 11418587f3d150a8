"""A trajectory whose time passes at a pace of its own, and that brakes on its way."""

from __future__ import annotations

import numpy as np
import pytest
from gate_driver import HOME, LIMITS, START_NS
from hypothesis import given, settings
from hypothesis import strategies as st
from player_bench import JOINTS, asked, swing

from world_model_ros.gate.playing.course import Course
from world_model_ros.gate.playing.goal import read
from world_model_ros.gate.rules import judge

SWING = read(swing(), LIMITS.names, False, START_NS)


def test_at_half_the_pace_it_takes_twice_as_long_at_half_the_speed() -> None:
    whole, half = Course(SWING), Course(SWING, pace=0.5)
    whole.advance(1.3)
    half.advance(2.6)
    assert half.at_s == pytest.approx(1.3)
    assert half.at().position == pytest.approx(whole.at().position)
    assert half.at().velocity == pytest.approx(0.5 * whole.at().velocity)
    assert half.at().acceleration == pytest.approx(0.25 * whole.at().acceleration)
    assert half.at(1.0).position == pytest.approx(whole.at(0.5).position)
    assert half.at(-1.0).position == pytest.approx(whole.at(-0.5).position)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 7.9), st.floats(0.05, 1.0))
def test_it_brakes_on_its_way_without_a_step_and_within_the_limits(at_s: float, pace: float) -> None:
    course = Course(SWING, at_s, pace)
    before, step_s = course.at(), 0.004
    course.brake(LIMITS)
    assert course.at().velocity == pytest.approx(before.velocity, abs=1e-12)
    positions, velocities = [before.position], [before.velocity]
    while not course.over:
        course.advance(step_s)
        positions.append(course.at().position)
        velocities.append(course.at().velocity)
        assert len(positions) < 2500
    assert np.abs(velocities[-1]).max() < 1e-2
    # It stays on the way, and on this side of where it would have been without braking.
    way = SWING.sample(np.array([course.at_s]))[0][0]
    assert course.at().position == pytest.approx(way)
    assert at_s <= course.at_s
    acceleration = np.diff(np.array(velocities), axis=0) / step_s
    assert np.all(np.abs(acceleration) <= LIMITS.acceleration)
    moved = np.diff(np.array(positions), axis=0) / step_s
    assert moved == pytest.approx(0.5 * (np.array(velocities)[1:] + np.array(velocities)[:-1]), abs=1e-3)
    still = course.at().position
    course.advance(1.0)
    assert course.at().position == pytest.approx(still, abs=1e-12)


def test_braking_takes_what_the_limits_ask_for() -> None:
    there = HOME.copy()
    there[0] += 2.0
    fast = Course(read(asked([HOME, there], [0.0, 1.0]), LIMITS.names, False, START_NS), 0.2)
    fast.brake(LIMITS)  # 2 rad/s with half of 8 rad/s2 and 120 rad/s3: 1.5 * 2 / 4 and sqrt(6 * 2 / 60)
    for _ in range(14):  # in which it goes on as before
        fast.advance(0.01)
        assert fast.at().velocity[0] == pytest.approx(2.0)
    for _ in range(75):
        assert not fast.over
        fast.advance(0.01)
    fast.advance(0.001)
    assert fast.over
    assert fast.at_s == pytest.approx(0.2 + 0.14 + 0.75 / 2)


def test_a_command_has_the_points_of_the_way_and_its_own_between() -> None:
    made = Course(SWING, 0.35).command(LIMITS.names, START_NS, 0.5)
    assert made.stamp_ns == START_NS
    assert made.times_s[0] == 0.0
    assert made.times_s[-1] == pytest.approx(0.5)
    for knot in (0.05, 0.15, 0.25, 0.35, 0.45):
        assert np.min(np.abs(made.times_s - knot)) < 1e-9
    assert not isinstance(judge(made, LIMITS, START_NS, 0.5, horizon_s=0.5), str)
    for time in np.arange(0.0, 0.5, 0.0037):
        position, velocity = made.sample(START_NS + round(time * 1e9))
        there = SWING.at(0.35 + time)
        assert position == pytest.approx(there.position, abs=1e-7)
        assert velocity == pytest.approx(there.velocity, abs=1e-5)


def test_past_its_end_it_stands_there() -> None:
    made = Course(SWING, 7.9).command(LIMITS.names, START_NS, 0.5)
    assert made.positions[-1] == pytest.approx(SWING.positions[-1])
    assert made.velocities[-1].tolist() == [0.0] * JOINTS
    assert np.all(made.positions.max(axis=0) <= SWING.positions.max(axis=0) + 1e-12)
    assert Course(SWING, 8.0).over
    held = Course.still(HOME).command(LIMITS.names, START_NS, 0.5)
    assert held.positions == pytest.approx(np.tile(HOME, (len(held.times_s), 1)))
