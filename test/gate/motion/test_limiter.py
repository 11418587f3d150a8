"""Plans follow targets, keep limits, and end in a stop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_driver import HOME, LIMITS, assert_within_limits

from world_model_ros.bench.gate.executed_trajectories import quintic
from world_model_ros.core.trajectory import hermite
from world_model_ros.gate.motion.limiter import EXACT_S, Limiter, Motion, Plan, _extrema

CYCLE_S = 0.02


def toward(limiter: Limiter, now: Motion, position, velocity, speed: float = 1.0) -> Plan | None:
    return limiter.follow(now, speed * limiter.aim(now, position, velocity))


def follow(limiter: Limiter, target, span_s: float, start=HOME) -> list[Motion]:
    """Motions at each cycle while following ``target(time) -> (position, velocity)``."""
    motions = [Motion.still(np.array(start))]
    plan: Plan | None = None
    into_s = 0.0
    for cycle in range(round(span_s / CYCLE_S)):
        new = toward(limiter, motions[-1], *target(cycle * CYCLE_S + limiter.lead_s))
        plan, into_s = (new, 0.0) if new is not None else (plan, into_s)
        into_s += CYCLE_S
        motions.append(plan.at(into_s) if plan is not None else motions[-1])
    return motions


def test_a_slow_wave_is_followed_closely() -> None:
    def wave(time_s: float):
        return HOME + 0.2 * np.sin(2 * time_s), np.full(6, 0.4 * np.cos(2 * time_s))

    motions = follow(Limiter(LIMITS), wave, 6.0)
    errors = [np.abs(m.position - wave(i * CYCLE_S)[0]).max() for i, m in enumerate(motions)]
    assert max(errors[100:]) < 0.01


def test_a_jump_of_the_target_is_reached_within_limits_without_overshoot() -> None:
    goal = HOME + np.array([1.0, 0.5, -0.5, 1.0, -1.0, 1.0])
    motions = follow(Limiter(LIMITS), lambda _: (goal, np.zeros(6)), 3.0)
    assert_within_limits(motions, CYCLE_S)
    travel = (np.array([m.position for m in motions]) - HOME) / (goal - HOME)
    assert travel[-1] == pytest.approx(np.ones(6), abs=1e-3)
    assert travel.max() < 1.02


@pytest.mark.parametrize("joint", range(6))
def test_a_target_at_a_position_limit_is_reached_and_not_passed(joint: int) -> None:
    goal = HOME.copy()
    goal[joint] = LIMITS.upper[joint]
    near = HOME.copy()
    near[joint] = LIMITS.upper[joint] - 0.5
    motions = follow(Limiter(LIMITS), lambda _: (goal, np.zeros(6)), 3.0, start=near)
    assert_within_limits(motions, CYCLE_S)
    assert motions[-1].position[joint] == pytest.approx(goal[joint], abs=1e-3)


def test_a_target_that_runs_into_a_limit_is_left_in_time() -> None:
    start = LIMITS.upper - 0.6
    motions = follow(Limiter(LIMITS), lambda t: (start + 1.5 * t, np.full(6, 1.5)), 2.0, start=start)
    assert_within_limits(motions, CYCLE_S)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_joint_whose_range_leaves_out_zero_is_moved_all_over_it(sign: int) -> None:
    """As an elbow that cannot be straight. Ruckig's extrema of such a joint hold a zero that is nowhere."""
    lower, upper = LIMITS.lower.copy(), LIMITS.upper.copy()
    lower[2], upper[2] = sorted((sign * -3.0, sign * -0.1))
    limits = replace(LIMITS, lower=lower, upper=upper)
    home = HOME.copy()
    for start, end in ((-2.9, -0.1), (-0.2, -3.0), (-2.5, -2.0), (-1.5, -1.6)):
        goal = home.copy()
        home[2], goal[2] = sign * start, sign * end
        goal[0] += 0.3
        motions = follow(Limiter(limits), lambda _, goal=goal: (goal, np.zeros(6)), 3.0, start=home)
        np.testing.assert_allclose(motions[-1].position, goal, atol=2e-3)
        way = np.array([motion.position[2] for motion in motions])
        assert (way >= lower[2] - 1e-6).all()
        assert (way <= upper[2] + 1e-6).all()


def test_extrema_of_a_motion_are_where_it_really_turns() -> None:
    random, limiter = np.random.default_rng(4), Limiter(LIMITS)
    for _ in range(100):
        velocity, acceleration = 0.6 * random.uniform(-1, 1, (2, 6)) * [LIMITS.velocity, LIMITS.acceleration]
        now = Motion(random.uniform(-0.3, 0.3, 6), velocity, acceleration)
        limiter._follow_input.target_velocity = (random.uniform(-1, 1, 6) * LIMITS.velocity).tolist()
        trajectory = limiter._trajectory(limiter._follow_input, now)
        assert trajectory is not None
        times = np.linspace(0.0, trajectory.duration, 2000)
        way = np.array([trajectory.at_time(time)[0] for time in times])
        found = np.array([_extrema(profile) for profile in trajectory.profiles[0]])
        np.testing.assert_allclose(found[:, 0], way.min(axis=0), atol=1e-5)
        np.testing.assert_allclose(found[:, 1], way.max(axis=0), atol=1e-5)
        early = way[times <= 0.05]
        found = np.array([_extrema(profile, 0.05) for profile in trajectory.profiles[0]])
        np.testing.assert_allclose(found[:, 0], early.min(axis=0), atol=3e-3)
        np.testing.assert_allclose(found[:, 1], early.max(axis=0), atol=3e-3)


def test_a_slow_joint_with_little_room_is_moved_all_the_way_to_its_limit() -> None:
    """As the finger of a gripper: its full speed takes longer to reach than there is way."""
    gentle = {"velocity": 0.2, "acceleration": 0.4, "jerk": 4.0, "lower": 0.0, "upper": 0.04}
    limits = replace(LIMITS, **{name: np.array([*getattr(LIMITS, name)[:5], value]) for name, value in gentle.items()})
    home, goal = np.array([*HOME[:5], 0.02]), np.array([*HOME[:5], 0.0])

    def closing(time_s: float):
        return goal + (home - goal) * max(0.0, 1 - 5 * time_s), np.array([0.0] * 5 + [-0.1 if time_s < 0.2 else 0.0])

    motions = follow(Limiter(limits), closing, 3.0, start=home)
    assert motions[-1].position[5] == pytest.approx(0.0, abs=2e-4)
    assert min(motion.position[5] for motion in motions) >= -1e-6


def test_a_stop_is_as_short_as_the_limits_allow() -> None:
    velocity = np.array([1.0, 0.5, 0, 0, 0, 0])
    plan = Limiter(LIMITS).stop(Motion(HOME, velocity, np.zeros(6)))
    assert plan is not None
    shortest = 1.0 / LIMITS.acceleration[0] + LIMITS.acceleration[0] / LIMITS.jerk[0]
    assert plan.duration_s == pytest.approx(shortest, rel=1e-3)
    motions = [plan.at(time) for time in np.arange(0, plan.duration_s + CYCLE_S, CYCLE_S)]
    assert_within_limits(motions, CYCLE_S)
    assert np.all(motions[-1].velocity == 0)


def test_all_joints_stop_together_so_that_the_path_is_kept() -> None:
    plan = Limiter(LIMITS).stop(Motion(HOME, np.array([0.8, 0.4, -0.4, 0, 0, 0.2]), np.zeros(6)))
    assert plan is not None
    moved = plan.at(0.6 * plan.duration_s).position - HOME
    total = plan.at(plan.duration_s).position - HOME
    assert np.ptp((moved / np.where(total == 0, np.nan, total))[[0, 1, 2, 5]]) < 0.1


def test_the_points_of_a_plan_are_few_and_end_still() -> None:
    plan = toward(Limiter(LIMITS), Motion.still(HOME), HOME + 0.2, np.full(6, 1.0))
    assert plan is not None
    times, positions, velocities, accelerations = plan.points(0.03, 0.03, CYCLE_S, EXACT_S, 10)
    assert len(times) == len(positions) == len(velocities) == len(accelerations) <= 26
    assert np.all(np.diff(times) > 0)
    assert 0.03 + times[-1] == pytest.approx(plan.duration_s)
    assert np.all(velocities[-1] == 0)
    assert np.all(accelerations[-1] == 0)
    assert times[0] == 0.0
    assert np.any(velocities[0] != 0)


def test_a_spline_through_the_next_points_is_the_plan_itself() -> None:
    now = Motion(HOME, np.array([0.8, 0.4, -0.4, 0, 0, 0.2]), np.array([1.0, 0, 0, -2.0, 0, 0]))
    plan = toward(Limiter(LIMITS), now, HOME + 0.2, np.full(6, 1.0))
    assert plan is not None
    points = plan.points(0.013, 0.013, CYCLE_S, EXACT_S, 10)
    soon = points.times_s <= 2 * CYCLE_S + 1e-9
    assert soon.sum() > 2  # jerk changes somewhere in there
    knots = [plan.at(0.013 + time) for time in points.times_s[soon]]
    times = points.times_s[soon].tolist()
    assert times[0] == 0.0
    for begin, end, before, after in zip(times, times[1:], knots, knots[1:]):
        for share in (0.25, 0.5, 0.75):
            span = end - begin
            ends = (before.position, before.velocity, after.position, after.velocity)
            position, velocity = hermite(share * span, span, *ends)
            exact = plan.at(0.013 + begin + share * span)
            assert position == pytest.approx(exact.position, abs=1e-9)
            assert velocity == pytest.approx(exact.velocity, abs=1e-7)


def test_where_jerk_changes_there_is_a_point_however_near_the_next_cycle_is() -> None:
    now = Motion(HOME, np.array([0.8, 0.4, -0.4, 0, 0, 0.2]), np.array([1.0, 0, 0, -2.0, 0, 0]))
    plan = toward(Limiter(LIMITS), now, HOME + 0.2, np.full(6, 1.0))
    assert plan is not None
    (switch, *_) = plan.switches(CYCLE_S + 1e-3, 1.0)
    for beside_s in (-4e-8, 4e-8):
        from_s = switch - CYCLE_S + beside_s  # a cycle later is that near to the switch
        times = from_s + plan.points(from_s, from_s, CYCLE_S, EXACT_S, 10).times_s
        assert np.abs(times - switch).min() < 2e-9
        assert np.diff(times).min() > 1e-7 - 1e-9


def test_a_slower_speed_is_the_same_direction() -> None:
    limiter = Limiter(LIMITS)
    target = HOME + 0.005 * np.arange(6), np.full(6, 0.03)
    full = toward(limiter, Motion.still(HOME), *target)
    half = toward(limiter, Motion.still(HOME), *target, speed=0.5)
    assert full is not None
    assert half is not None
    assert half.at(limiter.lead_s).velocity == pytest.approx(0.5 * full.at(limiter.lead_s).velocity, rel=1e-6)


def test_a_plan_that_is_joined_is_the_one_before_and_then_the_other() -> None:
    limiter = Limiter(LIMITS)
    first = toward(limiter, Motion.still(HOME), HOME + 0.3, np.full(6, 0.8))
    assert first is not None
    other = limiter.stop(first.at(0.055))
    assert other is not None
    both = first.joined(other, 0.03, 0.055)
    assert both.duration_s == pytest.approx(0.025 + other.duration_s)
    assert both.lead_s == 0.0
    for time in np.linspace(0.0, 0.0249, 7):
        assert np.array_equal(both.at(time).position, first.at(0.03 + time).position)
    for time in (0.0, 0.01, 0.1, 1.0):
        assert both.at(0.025 + time).position == pytest.approx(other.at(time).position, abs=1e-12)
    assert 0.025 in [pytest.approx(time, abs=1e-12) for time in both.switches(0.0, 0.03)]


def test_a_plan_that_is_over_can_still_be_joined_and_stands_still_until_then() -> None:
    limiter = Limiter(LIMITS)
    still = limiter.stop(Motion.still(HOME))
    way = limiter.go(Motion.still(HOME), HOME + 0.1)
    assert still is not None
    assert way is not None
    both = still.joined(way, 2.0, 2.05)
    assert np.array_equal(both.at(0.049).position, HOME)
    assert both.at(both.duration_s).position == pytest.approx(HOME + 0.1)
    assert both.duration_s == pytest.approx(0.05 + way.duration_s)


def test_a_sparse_spline_through_a_plan_at_full_speed_stays_within_the_velocity_limit() -> None:
    """As the controller interpolates it: between sparse points it runs a little faster than the plan."""
    cycle_s, random, fastest = 0.01, np.random.default_rng(0), 0.0
    for _ in range(12):
        limiter, now, plan = Limiter(LIMITS), Motion.still(np.zeros(6)), None
        rate = random.choice([-1.0, -0.3, 0.3, 1.0], 6) * LIMITS.velocity
        for _ in range(int(random.integers(30, 60))):
            new = toward(limiter, now, now.position + rate, rate)
            if new is None:
                break
            plan, now = new, new.at(cycle_s)
        assert plan is not None
        for from_s in (0.0, 0.007, 0.033, 0.05):
            times, *states = plan.points(from_s, from_s, cycle_s, EXACT_S, 10)
            for begin, span_s in enumerate(np.diff(times)):
                before, after = (np.stack([each[k] for each in states]) for k in (begin, begin + 1))
                for share in np.linspace(0.0, 1.0, 9):
                    velocity = quintic(float(span_s), before, after, float(share))[1]
                    fastest = max(fastest, float((np.abs(velocity) / LIMITS.velocity).max()))
    assert 0.99 < fastest <= 1.0
