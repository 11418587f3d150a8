"""Whatever happened before, the first command after arming keeps the limits at the controller."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.bench.gate import histories as histories_module
from world_model_ros.bench.gate.campaign import at_rate, places
from world_model_ros.bench.gate.histories import EVENTS, Bench, histories, spread_histories
from world_model_ros.bench.gate.trajectory_controllers import Setting
from world_model_ros.contract.contract import Contract

FAR = np.array([0.0, -1.2, 1.4, -1.8, -1.57, 0.0])  # high over the table


@pytest.mark.slow
def test_the_first_command_after_random_histories_keeps_the_limits(contract: Contract) -> None:
    found = histories(contract, 40, FAR, seed=5)
    assert found["exceeded"] == []
    assert found["judged"] > 35
    assert found["velocity_ratio"] > 0.2  # something moved


def test_histories_that_are_spread_keep_the_rate_of_the_gate(contract: Contract) -> None:
    slow = at_rate(contract, 20.0)
    found = spread_histories(slow, 1, FAR, seed=5, workers=1)
    assert found == histories(slow, 1, FAR, seed=5) != histories(contract, 1, FAR, seed=5)


@pytest.mark.parametrize("number", [46, 362, 570, 613])
def test_a_gate_that_is_started_while_the_plan_of_another_ends_waits_until_the_arm_stands(
    contract: Contract, number: int
) -> None:
    """Of a thousand: armed while slow, the controller went to rest in one step, at up to 3.4 times the limit."""
    start, _ = places(contract, np.random.default_rng([0, 1]))
    found = histories(contract, 1, start, seed=0, first=number)
    assert found["judged"] == 1
    assert found["exceeded"] == []


@pytest.mark.parametrize("update_hz", [100.0, 500.0, 1000.0])
def test_a_controller_that_was_restarted_while_the_gate_braked_is_not_pulled_to_where_the_gate_thinks_it_is(
    contract: Contract, update_hz: float
) -> None:
    """Moving, controller deactivated, stop, controller activated, reset, arm."""
    bench = Bench(contract, Setting("4.42", update_hz, 0.0), FAR, seed=2)
    velocity = np.array([0.9, 0.0, 0.0, 0.5, 0.0, -0.7])
    bench.run(0.3)
    assert bench.gate.arm(bench.now_ns) is None
    bench.run(0.8, velocity)
    bench._deactivate()
    bench.run(0.1, velocity)
    bench.gate.stop(bench.now_ns)
    bench.run(0.5)
    bench._activate()
    left = bench.gate.reference.position - bench.measured
    assert np.abs(left).max() > 0.05  # the gate's plan has led on
    assert bench.gate.reset(bench.now_ns) is None
    assert bench.gate.arm(bench.now_ns) is None
    bench.follower.forget()
    before = bench.measured
    bench.run(0.05, np.zeros(6))
    assert np.abs(bench.measured - before).max() < 0.01
    bench.run(0.7, velocity)
    assert bench.follower.acceleration_ratio <= 1.01
    assert bench.follower.velocity_ratio <= 1.0


@pytest.mark.slow
def test_a_gate_that_goes_on_from_where_it_left_the_controller_is_found_out(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As version 0.1.0 did, within its tolerance of tracking, and without leading the controller there."""

    def left(measured, limits, setpoint, tolerance):
        near = setpoint is not None and np.abs(measured - setpoint).max() < 0.15
        return setpoint if near else np.clip(measured, limits.lower, limits.upper)

    monkeypatch.setattr("world_model_ros.gate.gate.held_position", left)
    monkeypatch.setattr("world_model_ros.gate.gate.lead_in_s", lambda *_: 0.0)
    assert histories(contract, 15, FAR, seed=5)["exceeded"]


def test_every_event_can_happen(contract: Contract) -> None:
    bench = Bench(contract, Setting("4.17", 100.0, 0.0), FAR, seed=3)
    for event in dict.fromkeys(EVENTS):
        bench.happen(event)
    assert bench.told == list(dict.fromkeys(EVENTS))
    assert histories_module.MOTION_S > 0.5  # longer than the controller is led
