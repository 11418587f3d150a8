"""Deadman switch, contact force and surprise: each may slow or stop, none permits anything."""

from __future__ import annotations

import numpy as np
import pytest
from gate_driver import CONTRACT, CYCLE_NS, HOME, JOINTS, LIMITS, TICK_NS, Driver, assert_within_limits

from world_model_ros.contract.deployment.gate import Deadman, GateSettings, SlowStop
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.motion.retreat import RETREAT

CYCLE_S = CYCLE_NS * 1e-9
HELD_S = 0.1


def driver(**settings) -> Driver:
    changed = CONTRACT.deployment.gate.model_copy(update=settings)
    assert isinstance(changed, GateSettings)
    return Driver(gate=Gate(LIMITS, changed, TICK_NS * 1e-9, 1e9 / CYCLE_NS, joints_max_age_s=0.1))


def guarded() -> Driver:
    return driver(deadman=Deadman(topic="deadman", max_age_s=HELD_S))


def track(made: Driver, ticks: int, held: bool = True, velocity: float = 0.5) -> None:
    made.led(held)
    for _ in range(ticks):
        made.gate.command(made.now_ns, made.move(velocity))
        for _ in range(TICK_NS // CYCLE_NS):
            if held:
                made.gate.alarms.deadman(made.now_ns, True)
            made.step()


def moving(made: Driver) -> list:
    return [output.reference for output in made.outputs if output.state.value not in ("disarmed", "stopped")]


def test_with_a_deadman_switch_the_gate_arms_only_while_it_is_held() -> None:
    made = guarded()
    made.measure()
    assert made.gate.arm(made.now_ns).rule == "deadman"
    made.gate.alarms.deadman(made.now_ns, False)
    assert made.gate.arm(made.now_ns).rule == "deadman"
    for said in ("False", 1, None, [True]):
        made.gate.alarms.deadman(made.now_ns, said)
        assert made.gate.arm(made.now_ns).rule == "deadman"
    made.gate.alarms.deadman(made.now_ns - round(1.1 * HELD_S * 1e9), True)
    assert made.gate.arm(made.now_ns).rule == "deadman"
    made.gate.alarms.deadman(made.now_ns, True)
    assert made.gate.arm(made.now_ns) is None


@pytest.mark.parametrize("silent", [True, False])
def test_a_deadman_switch_that_is_released_or_silent_brakes_and_disarms(silent: bool) -> None:
    made = guarded()
    made.gate.alarms.deadman(made.now_ns, True)
    made.armed()
    track(made, 5)
    made.outputs.clear()
    if not silent:
        made.gate.alarms.deadman(made.now_ns, False)
    begin_ns = made.now_ns
    while made.step().state.value == "tracking":
        made.gate.command(made.now_ns, made.move(0.5))
    took_s = (made.now_ns - begin_ns) * 1e-9
    assert took_s <= (HELD_S if silent else 0.0) + 1.5 * CYCLE_S
    track(made, 10, held=True)  # holding it again does not take the braking back
    assert made.transitions == ["tracking -> slowing (deadman)", "slowing -> disarmed (deadman)"]
    assert_within_limits(moving(made), CYCLE_S)


def test_without_a_deadman_in_the_contract_nobody_is_waited_for() -> None:
    made = driver().armed()
    track(made, 3, held=False)
    assert made.gate.state.value == "tracking"


def test_a_contact_that_is_too_hard_brakes_goes_back_a_little_and_disarms() -> None:
    made = driver(max_force_n=20.0).armed()
    made.gate.alarms.force("wrench", 19.0)
    track(made, 5, held=False, velocity=0.3)
    assert made.gate.state.value == "tracking"
    made.outputs.clear()
    made.gate.alarms.force("wrench", 21.0)
    made.gate.alarms.force("taxels", 0.0)  # what one sensor says does not calm another
    made.step(80)
    assert made.transitions == ["tracking -> slowing (force)", "slowing -> disarmed (force)"]
    assert_within_limits(moving(made), CYCLE_S)
    way = np.array([motion.position[0] for motion in moving(made)])
    back = way.max() - way[-1]
    assert 0.2 * RETREAT < back <= RETREAT + 1e-9
    assert np.allclose(made.position[1:], HOME[1:])
    assert made.gate.arm(made.now_ns).rule == "force"
    made.gate.alarms.force("wrench", 0.0)
    made.measure()
    assert made.gate.arm(made.now_ns) is None


@pytest.mark.parametrize("newtons", [np.nan, np.inf, -np.inf, None, "1.0", 1j, [1.0]])
def test_a_force_that_is_not_a_number_is_too_hard_a_contact(newtons: float) -> None:
    made = driver(max_force_n=20.0).armed()
    track(made, 3, held=False)
    made.gate.alarms.force("wrench", newtons)
    made.step(80)
    assert made.transitions[-2:] == ["tracking -> slowing (force)", "slowing -> disarmed (force)"]
    assert made.gate.arm(made.now_ns).rule == "force"


def test_a_contact_while_holding_has_nowhere_to_go_back_to() -> None:
    made = driver(max_force_n=20.0).armed()
    made.step(5)
    made.gate.alarms.force("wrench", 30.0)
    made.step(10)
    assert made.transitions[-1] == "slowing -> disarmed (force)"
    assert np.array_equal(made.position, HOME)


def test_the_greater_the_surprise_the_slower() -> None:
    speeds = []
    for surprise in (0.0, 1.0, 1.5, 2.5, 2.99):
        made = driver(surprise=SlowStop(slow=1.0, stop=3.0)).armed()
        made.gate.alarms.surprise(surprise)
        track(made, 3, held=False)
        speeds.append(made.outputs[-1].reference.velocity[0])
    assert speeds[0] == speeds[1] == pytest.approx(0.5, abs=0.05)
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[3] < 0.4 * speeds[0]
    assert speeds[4] < 0.05 * speeds[0]


@pytest.mark.parametrize("surprise", [3.0, 100.0, float("inf"), float("nan"), None, "0.0", [0.0]])
def test_great_surprise_stops_until_somebody_arms_again(surprise: float) -> None:
    made = driver(surprise=SlowStop(slow=1.0, stop=3.0)).armed()
    track(made, 3, held=False)
    made.gate.alarms.surprise(surprise)
    track(made, 8, held=False)
    assert made.transitions[-2:] == ["tracking -> slowing (surprise)", "slowing -> disarmed (surprise)"]
    made.measure()
    assert made.gate.arm(made.now_ns) is None


def test_the_harder_the_contact_that_the_brain_expects_the_slower_until_it_stops() -> None:
    speeds = []
    for newtons in (0.0, 10.0, 15.0, 19.0):
        made = driver(predicted_force_n=SlowStop(slow=10.0, stop=20.0)).armed()
        made.gate.alarms.predicted_force(newtons)
        track(made, 3, held=False)
        speeds.append(made.outputs[-1].reference.velocity[0])
    assert speeds[0] == speeds[1] > speeds[2] > speeds[3] > 0
    made.gate.alarms.predicted_force(float("nan"))
    track(made, 8, held=False)
    assert made.transitions[-2:] == ["tracking -> slowing (predicted_force)", "slowing -> disarmed (predicted_force)"]
    made.measure()
    assert made.gate.arm(made.now_ns) is None  # what was expected then is forgotten


@pytest.mark.parametrize("value", [0.0, -1.0, 0.5])
def test_no_alarm_permits_anything(value: float) -> None:
    made = driver(max_force_n=20.0, surprise=SlowStop(slow=1.0, stop=3.0))
    made.gate.alarms.force("wrench", value)
    made.gate.alarms.surprise(value)
    made.gate.alarms.predicted_force(value)
    made.gate.alarms.deadman(made.now_ns, True)
    made.measure()
    assert made.gate.command(made.now_ns, made.move(0.3)).rule == "state"
    assert made.step().outgoing is None
    assert np.abs(made.position - HOME).max() == 0
    assert made.gate.alarms.speed() <= 1.0
    assert len(made.position) == JOINTS
