"""What stops a gripper's fingers is squeezed by no more than the contract says, and nothing is let go by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gripper_bench import FINGER, GripperBench, gripper_contract

from world_model_ros.contract.deployment.driver import Driver
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.states import State

CUBE = 0.02  # opening at which the fingers meet what they grasp
SQUEEZE = 0.005
CONTRACT = gripper_contract(SQUEEZE)
LEADING = 1e-6  # m, of rounding
SLOWLY_S, SOON_S = 0.35, 0.28
CONTROLLERS = [(500.0, "4.42", 0.0), (100.0, "4.42", 0.015), (1000.0, "4.17", 0.015), (100.0, "4.17", 0.0)]


def carrying(squeeze: float | None = SQUEEZE, **settings) -> GripperBench:
    """Armed, and closed on something."""
    bench = GripperBench(gripper_contract(squeeze), **{"obstacle": CUBE} | settings)
    bench.arm()
    bench.run(1.3, 0.0)
    return bench


def assert_within_limits(bench: GripperBench) -> None:
    """Of the finger, at each update of the controller since `forget`."""
    commands, limits = np.array(bench.commands), bench.limits
    assert commands.min() >= limits.lower[FINGER] - LEADING
    assert commands.max() <= limits.upper[FINGER] + LEADING
    assert np.abs(np.diff(commands)).max() * bench.update_hz <= limits.velocity[FINGER] * (1 + 1e-6)
    assert np.abs(np.diff(commands, 2)).max() * bench.update_hz**2 <= 1.05 * limits.acceleration[FINGER]


@pytest.mark.parametrize(("update_hz", "version", "delay_s"), CONTROLLERS)
@pytest.mark.parametrize("squeeze", [0.002, 0.008])
def test_fingers_that_are_stopped_are_led_ahead_by_the_squeeze_and_no_more(
    squeeze: float, update_hz: float, version, delay_s: float
) -> None:
    settings = {"update_hz": update_hz, "version": version, "delay_s": delay_s}
    bench = GripperBench(gripper_contract(squeeze), obstacle=CUBE, **settings)
    bench.arm()
    bench.forget()
    bench.run(1.3, 0.0)
    assert bench.fingers == CUBE
    assert max(bench.leads) <= squeeze + LEADING
    assert CUBE - bench.setpoint == pytest.approx(squeeze, rel=0.02)
    assert bench.gate.state is State.TRACKING
    assert_within_limits(bench)


def test_without_a_squeeze_the_setpoint_is_led_all_the_way() -> None:
    assert carrying(None).setpoint == pytest.approx(0.0, abs=1e-4)


def test_a_gripper_that_meets_nothing_closes_all_the_way() -> None:
    bench = carrying(obstacle=0.0)
    bench.run(0.4, 0.0)
    assert bench.fingers == pytest.approx(0.0, abs=2e-4)
    bench.forget()
    bench.run(1.2, 0.04)
    assert bench.fingers == pytest.approx(0.04, abs=3e-4)
    assert_within_limits(bench)


def let_go(bench: GripperBench, squeeze: float) -> float:
    """Seconds until the fingers leave what they hold, told to open by the squeeze in `SLOWLY_S`, and half of it on."""
    start = bench.reference[FINGER]
    bench.command(start + 1.5 * squeeze, 1.5 * SLOWLY_S)
    for cycle in range(round(1.5 * SLOWLY_S * 100)):
        if cycle % 5 == 0:
            assert bench.gate.command(bench.now_ns, bench.asked) is None
        bench.cycle()
        if bench.setpoint > bench.obstacle:
            break
    return (bench.now_ns - bench.asked.stamp_ns) * 1e-9


@pytest.mark.parametrize("squeeze", [0.002, 0.005, 0.01])
def test_opening_begins_where_the_fingers_are_and_not_where_the_setpoint_was_led(squeeze: float) -> None:
    bench = carrying(squeeze)
    assert CUBE - bench.setpoint > 0.98 * squeeze
    bench.forget()
    assert let_go(bench, squeeze) < SOON_S < SLOWLY_S
    assert_within_limits(bench)


def test_opening_ends_where_it_is_told_to() -> None:
    bench = carrying()
    bench.forget()
    start = bench.reference[FINGER]
    bench.command(start + 0.018)
    for _ in range(10):
        asked = replace(bench.asked, stamp_ns=max(bench.asked.stamp_ns, bench.now_ns - 450_000_000))
        assert bench.gate.command(bench.now_ns, asked) is None
        bench.run(0.1)
    assert max(bench.commands) <= start + 0.018 + 2e-4
    assert bench.fingers == pytest.approx(start + 0.018, abs=2e-4)


def test_a_command_that_opens_by_less_than_the_lead_loosens_and_lets_nothing_go() -> None:
    bench = carrying()
    start = bench.reference[FINGER]
    for _ in range(8):
        bench.command(start + 0.001)
        bench.run(0.1)
    assert bench.setpoint == pytest.approx(start + 0.001, abs=2e-4)


@pytest.mark.parametrize("squeeze", [None, SQUEEZE])
def test_a_brain_that_is_lost_while_it_carries_leaves_the_arm_still_and_the_gripper_closed(squeeze) -> None:
    bench = carrying(squeeze)
    bench.run(0.5, 0.0, arm=0.4)
    before = bench.setpoint
    moving = bench.measured[0]
    bench.run(1.5)
    assert bench.gate.state is State.DISARMED
    assert bench.gate.cause.value == "silence"
    assert bench.measured[0] > moving
    assert bench.setpoint == pytest.approx(before, abs=2e-5)
    bench.arm()
    assert bench.setpoint == pytest.approx(before, abs=2e-5)
    assert bench.fingers == CUBE


@pytest.mark.parametrize("span_s", [0.18, 0.22, 0.32, 0.4])
def test_a_brain_that_is_lost_while_the_fingers_close_squeezes_no_harder(span_s: float) -> None:
    bench = GripperBench(CONTRACT, obstacle=CUBE)
    bench.arm()
    bench.forget()
    bench.run(span_s, 0.0, arm=1.8)  # a stop of the arm takes longer than one of the fingers
    bench.run(1.0)
    assert max(bench.leads) <= SQUEEZE + LEADING
    assert_within_limits(bench)


def test_where_the_fingers_are_not_measured_any_more_the_setpoint_stays_near_where_they_were() -> None:
    bench = GripperBench(CONTRACT)
    bench.arm()
    bench.run(0.3, 0.0)
    seen, bench.silent = bench.fingers, True
    bench.run(1.0, 0.0)
    assert bench.gate.cause.value == "joint_states_stale"
    assert seen - bench.setpoint <= SQUEEZE + LEADING
    assert seen - bench.setpoint > 0.5 * SQUEEZE


@pytest.mark.parametrize("put", [0.005, 0.035])
def test_fingers_that_were_moved_by_hand_begin_where_they_are(put: float) -> None:
    bench = carrying(obstacle=CUBE)
    bench.run(1.5)
    assert bench.gate.state is State.DISARMED
    bench.obstacle = 0.0
    bench.put(put)
    bench.run(0.5)
    bench.activate()
    bench.forget()
    bench.commands.clear()
    bench.arm()
    bench.run(0.3, put)
    assert np.ptp(bench.commands) < 1e-4
    assert bench.fingers == pytest.approx(put, abs=1e-4)


@pytest.mark.parametrize("squeeze", [None, SQUEEZE])
def test_what_is_carried_is_not_let_go_when_the_driver_stops_the_robot(squeeze) -> None:
    contract = gripper_contract(squeeze)
    driver = Driver.model_validate({"ready": [{"topic": "ready", "type": "std_msgs/msg/Bool"}]})
    bench = GripperBench(replace(contract, deployment=contract.deployment.model_copy(update={"driver": driver})))
    bench.obstacle = CUBE
    bench.gate.driver.hear_ready("ready", True)
    bench.arm()
    bench.run(1.3, 0.0)
    before = bench.setpoint
    bench.gate.driver.hear_ready("ready", False)
    bench.run(1.0, 0.0)
    assert bench.gate.cause.value == "driver_not_ready"
    bench.gate.driver.hear_ready("ready", True)
    bench.arm()
    assert bench.setpoint == pytest.approx(before, abs=2e-5)


def test_fingers_that_are_forced_open_are_followed() -> None:
    bench = carrying()
    bench.obstacle = 0.03
    bench.forget()
    bench.run(1.0, 0.0)
    assert bench.fingers == 0.03
    assert 0.03 - bench.setpoint == pytest.approx(SQUEEZE, rel=0.02)
    assert_within_limits(bench)


def test_noise_of_what_is_measured_neither_lets_go_nor_squeezes_harder_than_by_itself() -> None:
    bench = carrying(noise_m=5e-5, seed=3)
    bench.forget()
    bench.run(1.0, 0.0)
    assert max(bench.leads) <= SQUEEZE + 4 * 5e-5
    assert min(bench.leads) > 0.9 * SQUEEZE


def test_the_arm_moves_the_same_whatever_the_fingers_meet() -> None:
    ways = []
    for obstacle in (0.0, CUBE):
        bench = GripperBench(CONTRACT, obstacle=obstacle)
        bench.arm()
        way = []
        for _ in range(10):
            bench.run(0.1, 0.0, arm=0.5)
            way.append(bench.gate.reference.position[:FINGER])
        ways.append(np.array(way))
    assert np.ptp(ways[0][:, 0]) > 0.2
    np.testing.assert_allclose(ways[0], ways[1], atol=1e-9)


def test_after_a_hard_contact_the_arm_goes_back_and_the_gripper_does_not_close() -> None:
    squeeze = gate_for(CONTRACT)._squeeze
    before, trail = np.full(7, 0.02), np.full(7, 0.01)
    assert squeeze.opened(before, trail).tolist() == [0.01] * FINGER + [0.02]
    assert squeeze.opened(trail, before).tolist() == [0.02] * 7


def test_a_revolute_gripper_that_closes_upward_is_bounded_too() -> None:
    gripper = {"kind": "gripper", "joints": [{"name": "finger_joint", "closed": 0.04, "open": 0.0}], "bound": 0.3}
    action = CONTRACT.interface.action
    turned = action.model_validate({"kind": "parts", "parts": [*action.model_dump()["parts"][:2], gripper]})
    interface = CONTRACT.interface.model_copy(update={"action": turned})
    squeeze = gate_for(replace(CONTRACT, interface=interface))._squeeze
    measured = np.full(7, 0.02)
    assert squeeze.held(np.full(7, 0.024), measured)[FINGER] == pytest.approx(0.024)
    assert squeeze.held(np.full(7, 0.0255), measured)[FINGER] == pytest.approx(0.025)
    assert squeeze.held(np.full(7, 0.04), measured)[FINGER] == pytest.approx(0.02)
    assert squeeze.held(np.full(7, 0.01), measured)[FINGER] == pytest.approx(0.02)


def history(number: int) -> tuple[GripperBench, float]:
    """Commands to fingers that meet something anywhere, and a brain that is lost now and then; and the squeeze."""
    random = np.random.default_rng([number, 0x5EE2E])
    update_hz, version, delay_s = CONTROLLERS[number % len(CONTROLLERS)]
    squeeze = float(random.choice([0.002, 0.005, 0.01]))
    bench = GripperBench(
        gripper_contract(squeeze),
        obstacle=float(random.uniform(0.012, 0.03)),
        opening=float(random.uniform(0.032, 0.04)),
        update_hz=update_hz,
        version=version,
        delay_s=delay_s,
    )
    bench.arm()
    bench.forget()
    for _ in range(int(random.integers(2, 5))):
        wanted, arm = float(random.choice([0.0, random.uniform(0.0, 0.04)])), float(random.uniform(-0.8, 0.8))
        bench.run(0.1 * random.integers(1, 5), wanted, arm)
        if random.random() < 0.4:
            bench.run(random.uniform(0.05, 1.0))
        if bench.gate.state is State.DISARMED:
            bench.arm()
    return bench, squeeze


@pytest.mark.slow
def test_whatever_is_commanded_speed_squeeze_and_limits_are_kept_at_each_update() -> None:
    released = 0
    for number in range(120):
        bench, squeeze = history(number)
        if bench.gate.state is State.TRACKING and bench.obstacle - bench.setpoint > 0.9 * squeeze:
            assert let_go(bench, squeeze) < SOON_S, number
            released += 1
        assert max(bench.leads) <= squeeze + LEADING, number
        assert_within_limits(bench)
    assert released > 30
