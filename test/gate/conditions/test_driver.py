"""What a robot's driver says slows the gate's time down, or stops it under a name of its own, without a leap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from driver_bench import READY, SCALING, VELOCITY, moving
from gate_driver import CONTRACT, HOME, JOINTS, LIMITS, Driver, assert_within_limits

from world_model_ros.bench.gate.histories import Bench
from world_model_ros.contract.actions import JointDisplacement
from world_model_ros.contract.deployment.driver import Driver as Settings
from world_model_ros.contract.deployment.driver import Ready
from world_model_ros.gate.conditions.driver_state import DriverState
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.report import state_report

MODE = Ready(topic="robot_state", type="std_msgs/msg/Int32", values=[2, 3])
CYCLE_S = 0.02


def bench(settings: Settings, delay_s: float = 0.0) -> Bench:
    return moving(Bench, settings, delay_s)


def scale(made: Bench, percent: float) -> None:
    made.gate.driver.hear_scaling(percent)
    made.follower.controller.scaling = percent / 100


def test_a_driver_that_slows_the_controller_is_followed_slowly_and_nothing_disagrees() -> None:
    made = bench(Settings(speed_scaling=SCALING))
    before = made.measured
    made.run(1.0, VELOCITY)
    full = made.measured - before
    scale(made, 30.0)
    assert state_report(made.gate)["driver"] == "at 30 % of its speed"
    before = made.measured
    made.run(1.5, VELOCITY)
    slow = made.measured - before
    assert made.gate.state.value == "tracking"
    assert slow == pytest.approx(0.3 * 1.5 * full, rel=0.1)
    scale(made, 100.0)
    made.run(0.3, VELOCITY)
    assert made.gate.state.value == "tracking"


def test_what_is_applied_is_as_slow_as_the_driver_lets_it_be() -> None:
    made = bench(Settings(speed_scaling=SCALING))
    scale(made, 50.0)
    made.run(0.5, VELOCITY)
    before = made.gate.reference
    made.run(0.01)
    after = made.gate.reference
    assert after.velocity[0] == pytest.approx((after.position[0] - before.position[0]) / 0.01, abs=0.01)


def test_a_paused_robot_stays_armed_and_goes_on_from_a_standstill() -> None:
    made = bench(Settings(speed_scaling=SCALING))
    scale(made, 0.0)
    assert state_report(made.gate)["driver"] == "paused"
    made.run(0.05, VELOCITY)
    before = made.measured
    made.run(1.0, VELOCITY)
    assert np.allclose(made.measured, before, atol=1e-9)
    assert made.gate.state.value == "tracking"
    made.follower.forget()
    scale(made, 100.0)
    made.run(0.5, VELOCITY)
    assert made.follower.acceleration_ratio <= 1.01
    assert made.measured[0] > before[0] + 0.1


def test_a_driver_that_only_slows_the_robot_gets_slower_plans() -> None:
    made = bench(Settings(speed_scaling=SCALING.model_copy(update={"scales_controller": False})))
    made.follower.forget()
    before = made.measured
    made.run(0.5, VELOCITY)
    full = made.measured - before
    made.gate.driver.hear_scaling(20.0)
    made.run(0.3, VELOCITY)
    before = made.measured
    made.run(0.5, VELOCITY)
    assert (
        0.8 * 0.2 * full[0] < (made.measured - before)[0] < 2.0 * 0.2 * full[0]
    )  # what lags is made up for, as slowly
    assert made.follower.acceleration_ratio <= 1.01


@pytest.mark.parametrize("scaled", [True, False])
def test_a_protective_stop_has_its_name_and_nothing_leaps_when_it_ends(scaled: bool) -> None:
    made = bench(Settings(speed_scaling=SCALING, ready=[READY]), delay_s=0.01)
    made.stopped = made.measured + np.array([0.02, -0.01, 0.015, 0.0, 0.01, 0.005])
    made.gate.driver.hear_ready(READY.topic, False)
    if scaled:
        scale(made, 0.0)
    made.run(2.0, VELOCITY)
    assert (made.gate.state.value, made.gate.cause.value) == ("disarmed", "driver_not_ready")
    assert made.gate.arm(made.now_ns).rule == "driver_not_ready"
    made.follower.forget()
    made.gate.driver.hear_ready(READY.topic, True)
    scale(made, 100.0)
    made.run(1.0)
    assert np.allclose(made.follower.controller.held[0], made.stopped, atol=1e-6)
    assert made.follower.acceleration_ratio <= 1.01
    made.stopped = None
    assert made.gate.arm(made.now_ns) is None
    made.run(0.6, VELOCITY)
    assert made.follower.acceleration_ratio <= 1.01
    assert made.gate.state.value == "tracking"


def test_a_stop_while_the_arm_still_moves_waits_until_it_stands() -> None:
    made = bench(Settings(ready=[READY]))
    made.gate.driver.hear_ready(READY.topic, False)
    sent = []
    for _ in range(60):
        made.now_ns += 10_000_000
        made.gate.joint_state(made.now_ns, HOME + 0.1, np.full(JOINTS, 0.5))
        sent.append(made.gate.step(made.now_ns))
    assert sent[-1].state.value == "slowing"
    for _ in range(60):
        made.now_ns += 10_000_000
        made.gate.joint_state(made.now_ns, HOME + 0.1, np.full(JOINTS, 0.5))
        sent.append(made.gate.step(made.now_ns))
    assert sent[-1].state.value == "disarmed"
    last = [output.outgoing for output in sent if output.outgoing is not None][-1]
    assert np.allclose(last.positions, HOME + 0.1)


def test_a_ready_topic_that_nothing_was_heard_on_is_not_ready_and_values_are_compared_with_their_type() -> None:
    state = DriverState(Settings(ready=[READY, MODE]))
    assert "nothing heard on program_running" in str(state.refusal())
    state.hear_ready(READY.topic, True)
    state.hear_ready(MODE.topic, 1)
    assert "robot_state" in str(state.refusal())
    state.hear_ready(MODE.topic, True)  # not the mode 1 or 2
    assert state.refusal() is not None
    state.hear_ready(MODE.topic, 3)
    assert "robot_state" in str(state.refusal())  # it was not ready for a moment
    state.cycle()
    assert state.refusal() is None
    state.hear_ready(READY.topic, 1)
    assert state.refusal() is not None


@pytest.mark.parametrize(("value", "pace"), [(100.0, 1.0), (250.0, 1.0), (25.0, 0.25), (-1.0, 0.0)])
def test_a_scaling_is_a_share(value: float, pace: float) -> None:
    state = DriverState(Settings(speed_scaling=SCALING))
    state.hear_scaling(value)
    assert state.pace == pace


@pytest.mark.parametrize("scale", [0.05, 0.3])
def test_a_speed_scale_slows_all_motion_and_may_change_amid_it(scale: float) -> None:
    driver = Driver().armed().track(0.5, ticks=4)
    fast = driver.outputs[-1].reference.velocity[0]
    driver.outputs.clear()
    driver.gate.speed_scale = scale
    driver.track(0.5, ticks=6)
    slow = driver.outputs[-1].reference.velocity[0]
    assert 0.8 * scale * fast < slow < 2.0 * scale * fast  # what lags is made up for, as slowly
    driver.gate.speed_scale = 1.0
    driver.track(0.5, ticks=6)
    assert driver.outputs[-1].reference.velocity[0] > 0.9 * fast
    assert_within_limits([output.reference for output in driver.outputs], CYCLE_S, LIMITS)


@pytest.mark.parametrize("cause", ["stop", "silence", "not ready"])
def test_whatever_braked_it_first_nothing_leaps_after_a_protective_stop(cause: str) -> None:
    made = bench(Settings(ready=[READY]))
    made.stopped = made.measured + 0.01
    if cause == "stop":
        made.gate.stop(made.now_ns)
    made.run(0.2, None if cause == "silence" else VELOCITY)
    made.gate.driver.hear_ready(READY.topic, False)
    made.run(1.5)
    assert np.allclose(made.follower.controller.held[0], made.stopped, atol=1e-6)


def test_a_second_protective_stop_is_led_as_the_first_one() -> None:
    made = bench(Settings(ready=[READY]))
    for _ in range(2):
        made.stopped = made.measured + 0.02
        made.gate.driver.hear_ready(READY.topic, False)
        made.run(1.5, VELOCITY)
        assert np.allclose(made.follower.controller.held[0], made.stopped, atol=1e-6)
        made.gate.driver.hear_ready(READY.topic, True)
        made.stopped = None
        made.run(0.3)
        assert made.gate.arm(made.now_ns) is None
        made.run(0.5, VELOCITY)


def test_each_protective_stop_of_a_stopped_gate_leads_the_controller_to_the_arm() -> None:
    """Nothing is armed between the two, which would begin anew by itself."""
    made = bench(Settings(ready=[READY]))
    made.gate.stop(made.now_ns)
    made.run(0.6)
    for _ in range(2):
        made.stopped = made.measured + 0.02
        made.gate.driver.hear_ready(READY.topic, False)
        made.run(1.5)
        assert np.allclose(made.follower.controller.held[0], made.stopped, atol=1e-6)
        made.gate.driver.hear_ready(READY.topic, True)
        made.stopped = None
        made.run(0.1)
    assert made.gate.state.value == "stopped"


def test_a_pause_that_is_heard_late_leaves_the_controller_where_the_arm_is() -> None:
    made = bench(Settings(speed_scaling=SCALING))
    made.follower.controller.scaling = 0.0
    made.stopped = made.measured
    made.run(0.03, VELOCITY)
    made.gate.driver.hear_scaling(0.0)
    made.run(0.5, VELOCITY)
    assert np.abs(made.follower.controller.held[0] - made.stopped).max() < CONTRACT.deployment.gate.arm_tolerance
    assert made.gate.state.value == "tracking"


def test_what_was_not_ready_for_a_moment_is_so_for_a_cycle() -> None:
    made = bench(Settings(ready=[READY]))
    made.gate.driver.hear_ready(READY.topic, False)
    made.gate.driver.hear_ready(READY.topic, True)
    made.run(0.01, VELOCITY)
    assert (made.gate.state.value, made.gate.cause.value) == ("slowing", "driver_not_ready")
    made.run(1.0, VELOCITY)
    assert made.gate.arm(made.now_ns) is None


def test_a_speed_that_nothing_was_heard_of_is_not_full_speed() -> None:
    state = DriverState(Settings(speed_scaling=SCALING))
    assert "nothing heard on speed_scaling" in str(state.refusal())
    state.hear_scaling(99.9)
    assert state.words == "at 99.9 % of its speed"


@pytest.mark.parametrize("scale", [0.05, 1.0])
def test_the_controller_is_led_as_slowly_as_everything_is_commanded(scale: float) -> None:
    driver = Driver().armed()
    driver.gate.speed_scale = scale
    driver.gate.command(driver.now_ns, driver.move(0.0))
    sent = driver.step().outgoing
    assert (sent.stamp_ns - driver.now_ns) * 1e-9 == pytest.approx(0.26 / scale, rel=0.15)


def test_while_the_controller_is_led_the_gate_cannot_be_armed_again() -> None:
    driver = Driver().armed()
    driver.gate.command(driver.now_ns, driver.move(0.0))
    driver.step()
    driver.gate.stop(driver.now_ns)
    driver.step()
    assert driver.gate.reset(driver.now_ns) is None
    assert driver.gate.arm(driver.now_ns).rule == "leading"
    driver.step(30)
    assert driver.gate.arm(driver.now_ns) is None


def test_joints_that_the_action_does_not_move_keep_their_setpoint_and_slides_have_a_fifth_of_the_tolerance() -> None:
    interface = CONTRACT.interface
    joints = [joint.model_copy(update={"unit": "m"}) if i == 4 else joint for i, joint in enumerate(interface.joints)]
    action = JointDisplacement(kind="joint_displacement", joints=[joint.name for joint in joints[:5]], bound=0.1)
    changed = interface.model_copy(update={"joints": joints, "action": action})
    gate = gate_for(replace(CONTRACT, interface=changed))
    settings = CONTRACT.deployment.gate
    expected = [*[settings.arm_tolerance] * 4, settings.arm_tolerance / 5, settings.tracking_tolerance]
    assert gate._arm_tolerance.tolist() == pytest.approx(expected)
    assert gate_for(CONTRACT)._arm_tolerance.tolist() == [settings.arm_tolerance] * JOINTS


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_scaling_that_is_not_a_number_brakes_within_the_limits(value: float) -> None:
    made = bench(Settings(speed_scaling=SCALING))
    made.follower.forget()
    made.gate.driver.hear_scaling(value)
    made.run(0.8, VELOCITY)
    assert (made.gate.state.value, made.gate.cause.value) == ("disarmed", "driver_not_ready")
    assert made.follower.acceleration_ratio <= 1.01


@pytest.mark.parametrize("hang", [0.005, 0.015])
def test_not_ready_while_holding_leads_a_controller_that_holds_something_else_within_the_limits(hang: float) -> None:
    made = bench(Settings(ready=[READY]))
    made.gate = gate_for(made.contract)
    made._sag = np.full(JOINTS, -hang)
    made.gate.driver.hear_ready(READY.topic, True)
    made.run(0.6)
    assert made.gate.arm(made.now_ns) is None
    made.run(0.1)
    made.follower.forget()
    made.gate.driver.hear_ready(READY.topic, False)
    made.run(1.0)
    assert made.follower.acceleration_ratio <= 1.01


def test_a_pause_while_nothing_moves_takes_the_place_of_no_lead_in() -> None:
    made = bench(Settings(speed_scaling=SCALING))
    made.gate.disarm(made.now_ns)
    made.run(0.6)
    made._restart()
    assert made.gate.arm(made.now_ns) is None
    scale(made, 0.0)
    made.run(0.2, VELOCITY)
    assert not made.gate.led_in
    scale(made, 100.0)
    made.follower.forget()
    made.run(0.6, VELOCITY)
    assert made.gate.led_in
    assert made.follower.acceleration_ratio <= 1.01


def test_a_scaling_that_is_not_a_number_is_not_ready_until_one_that_is_comes() -> None:
    made = bench(Settings(speed_scaling=SCALING))
    made.gate.driver.hear_scaling(np.nan)
    made.run(1.0)
    assert made.gate.arm(made.now_ns).value == "speed_scaling: nan"
    assert "speed_scaling: nan" in state_report(made.gate)["driver"]
    made.gate.driver.hear_scaling(100.0)
    made.run(0.1)
    assert made.gate.arm(made.now_ns) is None


def test_stopped_while_disarmed_it_can_be_reset_whatever_the_driver_says() -> None:
    made = bench(Settings(ready=[READY]))
    made.gate.disarm(made.now_ns)
    made.run(1.0)
    made.gate.driver.hear_ready(READY.topic, False)
    made.gate.stop(made.now_ns)
    made.run(0.1)
    assert made.gate.reset(made.now_ns) is None


def test_a_reset_says_that_joint_states_are_missing_without_which_nothing_can_be_led() -> None:
    made = bench(Settings(ready=[READY]))
    made.gate.driver.hear_ready(READY.topic, False)
    made.gate.stop(made.now_ns)
    for _ in range(200):
        made.now_ns += 10_000_000
        made.gate.step(made.now_ns)
    assert made.gate.reset(made.now_ns).rule == "joint_states_stale"
    made.run(1.0)
    assert made.gate.reset(made.now_ns) is None


def test_a_clock_that_is_turned_back_does_not_lengthen_the_wait_for_an_arm_that_moves() -> None:
    made = bench(Settings(ready=[READY]))
    made.gate.driver.hear_ready(READY.topic, False)
    for cycle in range(200):
        made.now_ns += 10_000_000 - (3600 * 10**9 if cycle == 3 else 0)
        made.gate.joint_state(made.now_ns, made.measured, np.full(JOINTS, 0.5))
        output = made.gate.step(made.now_ns)
    assert output.state.value == "disarmed"


def test_before_the_controller_is_led_nothing_is_sent_though_another_one_may_listen() -> None:
    """Of an arm's and a gripper's controller one may run and the other not: nothing is heard then."""
    made = bench(Settings())
    made.gate = gate_for(made.contract)  # which knows of no setpoint
    made._sag = np.full(JOINTS, -0.015)
    made.run(0.6)
    assert made.gate.arm(made.now_ns) is None
    made.gate.heard = False
    made.follower.forget()
    held = made.follower.controller.held[0].tolist()
    made.run(0.5, VELOCITY)
    assert (made.gate.state.value, made.gate.led_in) == ("tracking", False)
    assert made.follower.controller.held[0].tolist() == held
    made.gate.heard = True
    made.run(1.0, VELOCITY)
    assert made.gate.led_in
    assert made.follower.acceleration_ratio <= 1.01
    assert np.abs(made.follower.controller.held[0] - held).max() > 0.1


def test_a_controller_whose_time_stands_amid_the_lead_in_is_told_nothing_until_it_goes_on() -> None:
    made = bench(Settings(speed_scaling=SCALING, ready=[READY]))
    made.gate = gate_for(made.contract)  # which knows of no setpoint
    made.gate.driver.hear_ready(READY.topic, True)
    made.gate.driver.hear_scaling(100.0)
    made._sag = np.full(JOINTS, -0.015)
    made.run(0.6)
    assert made.gate.arm(made.now_ns) is None
    made.run(0.12, VELOCITY)
    assert not made.gate.led_in
    made.gate.driver.hear_ready(READY.topic, False)
    scale(made, 0.0)
    made.run(0.01)
    made.follower.forget()  # that its time stands is a step of its own
    made.run(2.0)
    assert made.follower.acceleration_ratio <= 1.01
    assert made.gate.state.value == "slowing"
    scale(made, 100.0)
    made.run(0.01)
    made.follower.forget()
    made.run(1.0)
    assert made.gate.state.value == "disarmed"
    assert np.allclose(made.follower.controller.held[0], made.measured + 0.015, atol=1e-6)
    assert made.follower.acceleration_ratio <= 1.01
    made.gate.driver.hear_ready(READY.topic, True)
    made.run(0.01)
    assert made.gate.arm(made.now_ns) is None
    made.run(0.6, VELOCITY)
    assert made.gate.state.value == "tracking"
    assert made.follower.acceleration_ratio <= 1.01
