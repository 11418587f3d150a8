"""The gate moves only what was asked by valid commands, within limits, and brakes when anything is lost."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from gate_driver import (
    CONTRACT,
    CYCLE_NS,
    HOME,
    JOINTS,
    LIMITS,
    START_NS,
    TICK_NS,
    Driver,
    assert_within_limits,
    new_gate,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from real_robots import ROBOTS, real_robot

from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.assumed_rest import tell_standing
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.gate import BEHIND_S, LASTING_S, SAMPLED_AHEAD_S, Gate
from world_model_ros.gate.report import state_report
from world_model_ros.gate.rules import Refusal

CYCLE_S = CYCLE_NS * 1e-9
SETTINGS = CONTRACT.deployment.gate


def speeds(driver: Driver) -> list[float]:
    """Speed of the first joint after each step."""
    return [abs(output.reference.velocity[0]) for output in driver.outputs]


@pytest.mark.parametrize("share", [0.0, -1.0, 1e-300, 1e-3, 1.1, float("nan"), float("inf"), "a", None])
def test_a_share_of_the_speed_that_there_is_not_is_refused(share: object) -> None:
    gate = new_gate()
    gate.speed_scale = 0.5
    with pytest.raises(UserError, match=r"speed_scale: got .*a number from 0.05 to 1"):
        gate.speed_scale = share
    assert gate.speed_scale == 0.5
    gate.speed_scale = np.float32(0.25)
    assert gate.speed_scale == 0.25


def test_disarmed_it_sends_nothing_and_says_what_it_measures() -> None:
    driver = Driver()
    driver.measure()
    refusal = driver.gate.command(driver.now_ns, driver.move(0.3))
    assert (refusal.rule, refusal.value) == ("state", "disarmed")
    outputs = [driver.step() for _ in range(10)]
    assert all(output.outgoing is None and output.state.value == "disarmed" for output in outputs)
    assert np.allclose(outputs[-1].reference.position, HOME)


def test_arming_needs_fresh_joint_states_inside_limits_and_at_rest() -> None:
    gate = new_gate()
    assert gate.arm(START_NS).rule == "joint_states_stale"
    gate.joint_state(START_NS - 200_000_000, HOME, np.zeros(JOINTS))
    assert gate.arm(START_NS).rule == "joint_states_stale"
    gate.joint_state(START_NS, LIMITS.upper + 0.01, np.zeros(JOINTS))  # more than a sensor's noise
    assert (gate.arm(START_NS).rule, gate.state.value) == ("position", "disarmed")
    gate.joint_state(START_NS, HOME, np.full(JOINTS, 0.5))
    assert gate.arm(START_NS).rule == "velocity"
    later_ns = START_NS + 260_000_000
    tell_standing(gate, HOME, later_ns)
    assert gate.arm(later_ns) is None
    assert gate.arm(later_ns).rule == "state"


def standing(gate: Gate, spans_ms: range, velocity: float = 0.0) -> int:
    """Tell joint states at some times after the start, of a joint that moves but is said to stand; the last time."""
    for span_ms in spans_ms:
        now_ns = START_NS + span_ms * 1_000_000
        gate.joint_state(now_ns, HOME + velocity * span_ms * 1e-3, np.zeros(JOINTS))
        gate.step(now_ns)
    return now_ns


@pytest.mark.parametrize("velocity", [0.0, 0.05])
@pytest.mark.parametrize(("spans_ms", "seen"), [(range(1), "0.000"), (range(0, 11, 10), "0.010")])
def test_an_arm_is_not_armed_of_which_too_little_is_seen_to_say_that_it_stands(
    spans_ms: range, seen: str, velocity: float
) -> None:
    gate = new_gate()
    refusal = gate.arm(standing(gate, spans_ms, velocity))
    assert refusal == Refusal("velocity", None, f"joint states of the last {seen} s alone", "standing still for 0.25 s")
    assert gate.state.value == "disarmed"


@pytest.mark.parametrize("period_ms", [5, 7, 10, 90])
def test_it_is_armed_with_the_first_joint_state_after_a_quarter_of_a_second(period_ms: int) -> None:
    for count in range(1, 80):
        gate = new_gate()
        span_ms = (count - 1) * period_ms
        assert (gate.arm(standing(gate, range(0, span_ms + 1, period_ms))) is None) == (span_ms >= 250)


def test_joint_states_before_a_gap_do_not_count() -> None:
    gate = new_gate()
    standing(gate, range(0, 300, 10))
    assert gate.arm(standing(gate, range(400, 611, 10))).value == "joint states of the last 0.210 s alone"
    assert gate.arm(standing(gate, range(620, 651, 10))) is None


@pytest.mark.parametrize("speed", [0.02, -0.02])
def test_an_arm_that_moves_slowly_is_not_armed_until_it_has_stood_still_for_a_quarter_of_a_second(speed: float) -> None:
    driver = Driver()
    for _ in range(30):  # slower than what counts as standing still, as at the end of another gate's last plan
        driver.position = driver.position + speed * CYCLE_NS * 1e-9 * np.eye(JOINTS)[2]
        driver.step()
    refusal = driver.gate.arm(driver.now_ns)
    assert (refusal.rule, refusal.joint) == ("velocity", LIMITS.names[2])
    assert "standing still for 0.25 s" in str(refusal.limit)
    driver.rest(0.15)
    assert driver.gate.arm(driver.now_ns).rule == "velocity"
    driver.rest(0.12)
    assert driver.gate.arm(driver.now_ns) is None


def test_noise_of_a_sensor_is_no_motion() -> None:
    driver, random = Driver(), np.random.default_rng(4)
    for _ in range(40):
        driver.offset = random.uniform(-4e-4, 4e-4, JOINTS)
        driver.step()
    assert driver.gate.arm(driver.now_ns) is None


def test_armed_without_a_command_it_holds_and_has_nothing_to_say() -> None:
    driver = Driver().armed()
    outputs = [driver.step() for _ in range(100)]
    assert all(output.state.value == "holding" and output.outgoing is None for output in outputs)


def test_an_accepted_command_is_tracked_and_the_controller_told_each_step() -> None:
    driver = Driver().armed().track(velocity=0.5, ticks=8)
    assert driver.transitions == ["disarmed -> holding (arm)", "holding -> tracking (command)"]
    said = [output.outgoing is not None for output in driver.outputs]
    assert said[:2] == [True, False]  # where motion begins, and when
    moving = said[1:][said[1:].index(True) :]
    assert all(moving)
    assert len(moving) > 7 * TICK_NS // CYCLE_NS
    assert driver.outputs[-1].reference.velocity[0] == pytest.approx(0.5, abs=0.02)


def test_every_trajectory_sent_continues_the_reference_and_ends_in_a_feasible_stop() -> None:
    driver = Driver().armed().led()
    driver.outputs.clear()
    driver.track(velocity=0.8, ticks=6)
    for before, after in zip(driver.outputs[10:], driver.outputs[11:]):
        sent = before.outgoing
        assert len(sent.times_s) <= 60
        assert np.all(sent.velocities[-1] == 0)
        after_ns = before.outgoing.stamp_ns + round(BEHIND_S * 1e9) + CYCLE_NS
        assert np.allclose(sent.sample(after_ns)[0], after.reference.position, atol=1e-9)
        path = np.array([sent.sample(sent.stamp_ns + k * 1_000_000)[1] for k in range(20, 600)])
        assert np.all(np.abs(path) <= LIMITS.velocity * 1.01)
        assert np.abs(np.diff(path[:, 0])).max() / 1e-3 <= LIMITS.acceleration[0] * 1.1


def test_a_command_by_a_clock_that_is_ahead_does_not_put_off_silence() -> None:
    driver = Driver().armed().track(velocity=0.3, ticks=6)
    ahead_ns = driver.now_ns + 3600 * 10**9
    way = np.array([driver.position, driver.position + 0.8 * (np.arange(6) == 0)])
    command = Trajectory(LIMITS.names, np.array([0.0, 2.5]), way, np.zeros_like(way), ahead_ns)
    assert driver.gate.command(ahead_ns, command) is None
    begin = driver.position[0]
    driver.step(round(1.5 * TICK_NS / CYCLE_NS) + 2)
    assert driver.transitions[-1] == "tracking -> slowing (silence)"
    driver.step(60)
    assert driver.transitions[-1] == "slowing -> disarmed (silence)"
    assert driver.position[0] - begin < 0.15


def test_silence_brakes_within_one_and_a_half_ticks_and_ends_disarmed() -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=6)
    last_command_ns = driver.now_ns - TICK_NS
    driver.outputs.clear()
    before = driver.step().reference.velocity[0]
    while driver.gate.state.value == "tracking":
        driver.step()
    driver.step()
    braking_ns = driver.now_ns - CYCLE_NS  # the step that changed the state planned the stop
    assert braking_ns - last_command_ns <= 1.5 * TICK_NS
    driver.step()  # the stop begins ahead
    assert speeds(driver)[-1] < before
    driver.step(60)
    assert driver.transitions == ["tracking -> slowing (silence)", "slowing -> disarmed (silence)"]
    assert driver.outputs[-1].outgoing is None
    moving = [
        output for output in driver.outputs if output.state.value == "slowing" and output.reference.velocity.any()
    ]
    stop_s = 0.6 / LIMITS.acceleration[0] + LIMITS.acceleration[0] / LIMITS.jerk[0]
    assert len(moving) * CYCLE_S <= stop_s + 2 * CYCLE_S
    assert_within_limits([output.reference for output in driver.outputs if output.state.value != "disarmed"], CYCLE_S)
    still = driver.position.copy()
    driver.gate.command(driver.now_ns, driver.move(0.6))
    driver.step(10)
    assert np.array_equal(driver.position, still)


@pytest.mark.parametrize("phase_ns", range(0, CYCLE_NS, 3_000_000))
def test_braking_starts_in_time_whenever_the_last_command_came(phase_ns: int) -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=3)
    command_ns = driver.now_ns + phase_ns
    assert driver.gate.command(command_ns, driver.move(0.6)) is None
    while driver.gate.state.value == "tracking":
        driver.step()
    assert 1.25 * TICK_NS <= driver.now_ns - command_ns <= 1.5 * TICK_NS


def test_a_brain_that_comes_back_while_slowing_is_followed_again() -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=5)
    driver.step(5)
    assert driver.gate.state.value == "slowing"
    driver.track(velocity=0.6, ticks=3)
    assert driver.transitions[-2:] == ["tracking -> slowing (silence)", "slowing -> tracking (command)"]
    assert_within_limits([output.reference for output in driver.outputs], CYCLE_S)


def lose_joint_states(driver: Driver) -> None:
    driver.frozen = True


def push_the_arm(driver: Driver) -> None:
    driver.offset = np.linspace(-0.3, 0.3, JOINTS) * SETTINGS.tracking_tolerance  # one joint is away, the others lag
    driver.offset[2] = SETTINGS.tracking_tolerance + 0.01


def clock_back(driver: Driver) -> None:
    driver.now_ns -= 300_000_000


@pytest.mark.parametrize(
    ("lose", "cause"),
    [
        (lose_joint_states, "joint_states_stale"),
        (push_the_arm, "joint_states_disagree"),
        (clock_back, "clock_jump"),
    ],
)
def test_a_fault_brakes_then_disarms_though_commands_keep_coming(lose, cause: str) -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=5)
    driver.outputs.clear()
    lose(driver)
    lost_ns = driver.now_ns
    for _ in range(60):
        driver.gate.command(driver.now_ns, driver.move(0.6))
        driver.step()
    assert driver.transitions == [f"tracking -> slowing ({cause})", f"slowing -> disarmed ({cause})"]
    assert driver.outputs[-1].outgoing is None
    braking = [output.reference for output in driver.outputs if output.state.value in ("tracking", "slowing")]
    assert_within_limits(braking, CYCLE_S)
    report = state_report(driver.gate)
    assert report["cause"] == cause
    assert lost_ns < report["since_ns"] <= driver.now_ns


def test_after_a_leap_of_the_clock_the_arm_is_where_the_last_trajectory_ended() -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=5)
    end = driver.outputs[-1].outgoing.positions[-1]
    driver.now_ns += 600_000_000
    driver.outputs.clear()
    driver.step()
    assert driver.transitions == ["tracking -> slowing (clock_jump)", "slowing -> disarmed (clock_jump)"]
    assert np.allclose(driver.step().reference.position, end)


def test_a_stop_latches_until_it_is_reset() -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=5)
    driver.outputs.clear()
    driver.gate.stop(driver.now_ns)
    driver.step()
    assert driver.gate.reset(driver.now_ns).rule == "velocity"
    for _ in range(30):
        driver.gate.command(driver.now_ns, driver.move(0.6))
        driver.step()
    assert driver.transitions == ["tracking -> stopped (stop)"]
    assert not driver.outputs[-1].reference.velocity.any()
    assert driver.gate.arm(driver.now_ns).rule == "state"
    driver.gate.disarm(driver.now_ns)
    assert driver.gate.state.value == "stopped"
    assert driver.gate.reset(driver.now_ns) is None
    assert driver.gate.state.value == "disarmed"
    assert_within_limits([output.reference for output in driver.outputs], CYCLE_S)


def test_disarming_while_moving_brakes_first() -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=5)
    driver.gate.disarm(driver.now_ns)
    assert driver.step().state.value == "slowing"
    driver.step(30)
    assert driver.transitions[-2:] == ["tracking -> slowing (disarm)", "slowing -> disarmed (disarm)"]
    assert_within_limits([output.reference for output in driver.outputs[:-15]], CYCLE_S)


def test_a_late_step_takes_up_the_motion_where_the_controller_is() -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=5)
    sent = driver.outputs[-1].outgoing
    driver.now_ns += 27_000_000  # this step comes more than a cycle late
    reference = driver.step().reference
    assert np.allclose(reference.position, sent.sample(driver.now_ns)[0], atol=1e-3)


def test_refusals_are_counted_by_rule_and_do_not_count_as_commands() -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=3)
    accepted = driver.gate.counts["accepted"]
    for _ in range(15):
        bad = driver.move(0.6)
        bad = replace(bad, positions=np.where(np.arange(JOINTS) == 1, np.nan, bad.positions))
        refusal = driver.gate.command(driver.now_ns, bad)
        assert (refusal.rule, refusal.joint) == ("finite", "shoulder_lift_joint")
        driver.step()
    assert "tracking -> slowing (silence)" in driver.transitions
    report = state_report(driver.gate)
    assert (report["rule"], report["refused"], report["accepted"]) == ("finite", 15, accepted)


def test_a_command_that_runs_into_a_limit_is_left_in_time_and_the_gate_says_at_which_joint() -> None:
    start = HOME.copy()
    start[0] = LIMITS.upper[0] - 0.3
    driver, near = Driver(position=start).armed().led(), []
    assert driver.gate.command(driver.now_ns, driver.move(1.2, span_s=0.0999)) is None
    for _ in range(12):
        driver.step()
        near.append(state_report(driver.gate)["near"])
    assert f"{LIMITS.names[0]} and its limit" in near
    assert_within_limits([output.reference for output in driver.outputs], CYCLE_S)
    driver.track(-0.5)
    assert state_report(driver.gate)["near"] is None


def test_whatever_is_handed_in_as_a_command_is_refused_and_nothing_moves() -> None:
    driver = Driver().armed()
    for bad in (None, 5, "move", [], [HOME, HOME], {"positions": HOME}, object()):
        assert driver.gate.command(driver.now_ns, bad).rule == "form"
        driver.step()
    good = driver.move(0.3)
    for field, value in (
        ("positions", [["0.1"] * JOINTS] * len(good.positions)),
        ("velocities", good.velocities + 1j),
        ("positions", [[None] * JOINTS] * len(good.positions)),
        ("times_s", [[0.1], [0.2, 0.3]]),
        ("names", [1] * JOINTS),
        ("stamp_ns", "now"),
    ):
        assert driver.gate.command(driver.now_ns, replace(good, **{field: value})) is not None
        driver.step()
    assert state_report(driver.gate)["accepted"] == 0
    assert max(speeds(driver)) == 0.0
    assert driver.gate.command(driver.now_ns, driver.move(0.3)) is None


@pytest.mark.parametrize("now_ns", [None, "now", 1.7e18, np.nan, 10**400, [START_NS]])
def test_a_time_that_is_no_whole_number_is_refused_before_anything_happens(now_ns) -> None:
    driver, twin = (Driver().armed().led() for _ in range(2))
    gate = driver.gate
    for call in (
        lambda: gate.step(now_ns),
        lambda: gate.command(now_ns, driver.move(0.3)),
        lambda: gate.joint_state(now_ns, HOME, np.zeros(JOINTS)),
        lambda: gate.arm(now_ns),
    ):
        with pytest.raises(UserError, match=r"_ns: got .*; expected whole nanoseconds"):
            call()
    ours, untouched = driver.step().reference, twin.step().reference
    assert np.array_equal(ours.position, untouched.position)
    assert np.array_equal(ours.velocity, untouched.velocity)


@pytest.mark.parametrize("source", [None, ["brain"], 5, b"brain"])
def test_a_source_that_is_no_name_is_refused(source) -> None:
    driver = Driver().armed()
    with pytest.raises(UserError, match=r"source: got .*; expected one of \['brain'\]"):
        driver.gate.command(driver.now_ns, driver.move(0.3), source)


def test_measured_values_that_are_not_finite_numbers_are_not_taken() -> None:
    gate = new_gate()
    assert not gate.joint_state(START_NS, np.full(JOINTS, np.nan), np.zeros(JOINTS))
    assert not gate.joint_state(START_NS, np.zeros(3), np.zeros(3))
    for odd in (None, "home", ["0.0"] * JOINTS, [None] * JOINTS, np.zeros(JOINTS) + 1j, [[0.0], [0.0, 1.0]]):
        assert not gate.joint_state(START_NS, odd, np.zeros(JOINTS))
        assert not gate.joint_state(START_NS, np.zeros(JOINTS), odd)
    assert gate.arm(START_NS).rule == "joint_states_stale"


amounts = st.floats(-1.0, 1.0, allow_nan=False)
commands = st.tuples(
    st.sampled_from([0.005, 0.05, 0.3, 1.0]),  # rad between points
    st.sampled_from([0.0, 0.2, 1.0]),  # share of twice the velocity limit
    st.lists(st.lists(amounts, min_size=2 * JOINTS, max_size=2 * JOINTS), min_size=1, max_size=4),
    st.floats(0.02, 0.3),  # s between points
    st.floats(0.0, 0.4),  # age, s
    st.integers(1, 12),  # cycles until the next one
)


@given(
    start=st.lists(st.floats(0.0, 1.0), min_size=JOINTS, max_size=JOINTS),
    chunks=st.lists(commands, min_size=1, max_size=10),
    end=st.sampled_from(["silence", "stop", "disarm"]),
)
@settings(max_examples=120, deadline=None)
def test_no_sequence_of_commands_leads_beyond_the_limits(start, chunks, end: str) -> None:
    low, high = LIMITS.lower, LIMITS.upper
    driver = Driver(position=np.clip(low + np.array(start) * (high - low), low, high)).armed()
    for scale, share, rows, spacing_s, age_s, cycles in chunks:
        values = np.array(rows)
        positions = np.clip(driver.position + scale * np.cumsum(values[:, :JOINTS], axis=0), low, high)
        velocities = share * 2 * LIMITS.velocity * values[:, JOINTS:]
        times = spacing_s * np.arange(len(rows))
        stamp_ns = driver.now_ns - round(age_s * 1e9)
        driver.gate.command(driver.now_ns, Trajectory(LIMITS.names, times, positions, velocities, stamp_ns))
        driver.step(cycles)
    if end != "silence":
        getattr(driver.gate, end)(driver.now_ns)
    driver.step(60)
    motions = [output.reference for output in driver.outputs if output.state.value != "disarmed"]
    assert_within_limits(motions, CYCLE_S)
    assert driver.outputs[-1].state.value in ("holding", "disarmed", "stopped")
    assert not driver.outputs[-1].reference.velocity.any()
    for output in driver.outputs:
        if output.outgoing is not None:
            assert np.all(output.outgoing.velocities[-1] == 0)
            assert np.all(output.outgoing.positions >= low - 1e-6)
            assert np.all(output.outgoing.positions <= high + 1e-6)


def test_a_step_is_a_small_part_of_a_cycle() -> None:
    driver = Driver().armed()
    spans = []
    for _ in range(20):
        assert driver.gate.command(driver.now_ns, driver.move(0.5)) is None
        for _ in range(5):
            driver.now_ns += CYCLE_NS
            driver.measure()
            begin = time.perf_counter()
            driver.position = driver.gate.step(driver.now_ns).reference.position
            spans.append(time.perf_counter() - begin)
    assert np.median(spans) < 2e-3  # about 0.00015 on a quiet machine


def disarmed_after_moving() -> tuple[Driver, np.ndarray]:
    """A driver, and where its controller was left."""
    driver = Driver().armed().track(0.5)
    driver.gate.disarm(driver.now_ns)
    driver.step(60)
    assert driver.gate.state.value == "disarmed"
    return driver, driver.sent.positions[-1]


def armed_again(driver: Driver, offset) -> np.ndarray:
    """Where it holds the joints, once it has been commanded to stay."""
    driver.offset = offset
    driver.rest()
    assert driver.gate.arm(driver.now_ns) is None
    driver.offset = 0.0
    driver.position = driver.position + offset
    return driver.led().outputs[-1].reference.position


SAG = np.array([0.004, -0.0049, 0.0, 0.001, -0.003, 0.002])


def test_armed_again_near_the_last_setpoint_it_goes_on_from_there_however_often() -> None:
    driver, held = disarmed_after_moving()
    for _ in range(5):  # an arm that sags would sink each time
        assert np.allclose(armed_again(driver, SAG), held, atol=1e-12)
        driver.position = held
        driver.gate.disarm(driver.now_ns)
        driver.step(60)


def test_a_joint_away_from_its_last_setpoint_begins_where_it_is_measured() -> None:
    driver, held = disarmed_after_moving()
    offset = SAG + 0.118 * np.eye(JOINTS)[1]
    expected = np.where(np.arange(JOINTS) == 1, held + offset, held)
    assert np.allclose(armed_again(driver, offset), expected, atol=1e-12)


def test_slides_have_a_tolerance_of_their_own(tmp_path) -> None:
    tolerance = np.where(np.arange(JOINTS) == 5, 0.001, 0.005)
    driver, held = disarmed_after_moving()
    driver.gate._arm_tolerance = tolerance
    offset = np.full(JOINTS, 0.0015)
    expected = held + np.where(np.arange(JOINTS) == 5, offset, 0.0)
    assert np.allclose(armed_again(driver, offset), expected, atol=1e-12)


def test_reset_while_disarmed_forgets_the_last_setpoint() -> None:
    driver, held = disarmed_after_moving()
    assert driver.gate.reset(driver.now_ns) is None
    assert np.allclose(armed_again(driver, SAG), held + SAG, atol=1e-12)


def test_joints_that_lag_within_the_tolerance_are_no_fault_however_many() -> None:
    driver = Driver().armed().track(velocity=0.6, ticks=3)
    driver.offset = 0.99 * SETTINGS.tracking_tolerance * np.array([1, -1, 1, -1, 1, -1])
    driver.track(velocity=0.3, ticks=3)
    assert driver.gate.state.value == "tracking"


def test_joints_are_commanded_up_to_998_thousandths_of_their_velocity_limits() -> None:
    """A spline through sparse points runs up to 2e-4 faster than the plan."""
    start = HOME.copy()
    start[0] = LIMITS.lower[0] + 0.1
    driver = Driver(position=start).armed().led()
    for _ in range(20):
        assert driver.gate.command(driver.now_ns, driver.move(1.8 * LIMITS.velocity[0], span_s=0.4)) is None
        driver.step(2)
    fastest = max(output.reference.velocity[0] for output in driver.outputs)
    assert 0.996 * LIMITS.velocity[0] < fastest <= 0.998 * LIMITS.velocity[0] + 1e-9


def test_motion_begins_once_the_controller_has_been_led_there() -> None:
    driver = Driver().armed()
    assert driver.gate.command(driver.now_ns, driver.move(0.5)) is None
    sent = driver.step().outgoing
    assert driver.step().outgoing is None  # said once
    assert sent.stamp_ns > driver.now_ns
    assert sent.times_s[0] == 0.0
    assert np.allclose(sent.positions, HOME)
    assert not sent.velocities.any()
    while driver.now_ns < sent.stamp_ns:
        assert np.array_equal(driver.position, HOME)
        driver.gate.command(driver.now_ns, driver.move(0.5))
        driver.step()
    driver.track(0.5)
    assert driver.position[0] > HOME[0] + 0.05


def test_every_trajectory_has_a_point_at_its_stamp_and_ends_late_enough_to_be_taken() -> None:
    driver = Driver().armed().track(0.5, ticks=4)
    driver.gate.disarm(driver.now_ns)
    for _ in range(40):
        now_ns = driver.now_ns + CYCLE_NS
        sent = driver.step().outgoing
        if sent is not None:
            assert sent.times_s[0] == 0.0
            assert sent.stamp_ns + sent.times_s[-1] * 1e9 >= now_ns + LASTING_S * 1e9 - 1
            assert not sent.velocities[-1].any()


def test_a_new_plan_begins_ahead_and_goes_on_with_the_one_before_until_then() -> None:
    driver = Driver().armed().track(0.8, ticks=5)
    before = driver.outputs[-1].outgoing
    driver.gate.stop(driver.now_ns)
    after = driver.step().outgoing
    ahead_ns = max(round(SETTINGS.transport_s * 1e9), CYCLE_NS) + round(SAMPLED_AHEAD_S * 1e9)
    for time_ns in range(0, ahead_ns, 1_000_000):
        same_ns = driver.now_ns + time_ns
        np.testing.assert_allclose(after.sample(same_ns)[0], before.sample(same_ns)[0], atol=1e-7)
    later_ns = driver.now_ns + ahead_ns + 40_000_000
    assert np.abs(after.sample(later_ns)[0] - before.sample(later_ns)[0]).max() > 1e-4


def test_a_stopped_gate_says_that_disarming_it_does_nothing() -> None:
    driver = Driver().armed()
    driver.gate.stop(driver.now_ns)
    assert driver.gate.disarm(driver.now_ns).rule == "state"
    assert driver.gate.state.value == "stopped"


def test_a_gripper_that_holds_something_does_not_brake_the_arm() -> None:
    driver = Driver()
    driver.gate.watched = np.arange(JOINTS) != 5
    driver.armed().led()
    driver.offset = np.zeros(JOINTS)
    driver.offset[5] = 3 * SETTINGS.tracking_tolerance
    driver.track(ticks=3)
    assert driver.gate.state.value == "tracking"
    driver.offset[4] = SETTINGS.tracking_tolerance + 0.01
    driver.step()
    assert driver.transitions[-1] == "tracking -> slowing (joint_states_disagree)"


def test_joints_of_a_gripper_that_the_action_closes_may_be_anywhere(tmp_path) -> None:
    robot = ROBOTS["panda"]
    tip = {"kind": "tip_displacement", "link": robot.tip, "axes": ["x", "y", "z"], "bound_m": 0.02}
    parts = [{**tip, "workspace_m": robot.box}, {"kind": "gripper", "joints": [robot.gripper], "bound": 0.2}]
    gate = gate_for(real_robot(tmp_path, "panda", parts))
    assert gate.watched.tolist() == [True] * 7 + [False]
    assert gate._arm_tolerance[-1] == pytest.approx(0.04)
