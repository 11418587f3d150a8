"""For a controller that is told one setpoint a cycle, every step says where to be, up to the standstill."""

from __future__ import annotations

import numpy as np
from gate_driver import CONTRACT, CYCLE_NS, LIMITS, TICK_NS, Driver

from world_model_ros.gate.gate import STREAM_CYCLES, Gate


def driver() -> Driver:
    settings = CONTRACT.deployment.gate
    gate = Gate(LIMITS, settings, TICK_NS * 1e-9, 1e9 / CYCLE_NS, joints_max_age_s=0.1, streaming=True)
    return Driver(gate=gate).armed()


def test_a_setpoint_comes_every_cycle_and_the_last_one_stands_still() -> None:
    made = driver().track(0.5, ticks=4)
    made.step(60)
    said = [output.setpoint for output in made.outputs if output.setpoint is not None]
    gone = [output.setpoint is None for output in made.outputs]
    assert gone == sorted(gone)  # none is missing before the end
    assert gone[-1]
    assert not said[-1].velocity.any()
    assert max(motion.velocity[0] for motion in said) > 0.45
    steps = np.diff([motion.position for motion in said], axis=0)
    assert np.all(np.abs(steps) <= LIMITS.velocity * CYCLE_NS * 1e-9 + 1e-9)


def test_disarmed_and_holding_it_says_nothing_and_the_same() -> None:
    made = Driver(gate=driver().gate)
    holding = [made.step().setpoint for _ in range(5)]
    assert all(np.array_equal(motion.position, holding[0].position) for motion in holding)
    made.gate.disarm(made.now_ns)
    made.step(3)
    assert made.step().setpoint is None


def test_a_late_step_makes_no_leap() -> None:
    made = driver().track(0.5, ticks=4)
    before = made.outputs[-1].setpoint.position
    made.now_ns += 10 * CYCLE_NS  # nobody told the controller anything in this time
    after = made.step().setpoint.position
    assert np.abs(after - before).max() <= 0.55 * STREAM_CYCLES * CYCLE_NS * 1e-9


def test_armed_again_it_goes_on_from_the_last_setpoint() -> None:
    made = driver().track(0.5, ticks=4)
    made.gate.disarm(made.now_ns)
    made.step(60)
    last = [output.setpoint for output in made.outputs if output.setpoint is not None][-1]
    made.measure()
    assert made.gate.arm(made.now_ns) is None
    assert np.array_equal(made.step().setpoint.position, last.position)
