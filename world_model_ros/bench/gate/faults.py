"""Measures how long a simulated gate takes from a fault to braking and to disarming, and counts limit violations."""

from __future__ import annotations

from typing import Any

import numpy as np

from world_model_ros.bench.gate.gate_robot import Robot
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.gate.factory import joints_max_age_s
from world_model_ros.gate.rules import Proposal
from world_model_ros.gate.states import State

FAULTS = ("silence", "joint_states_stale", "joint_states_disagree", "clock_back", "clock_leap")
PATIENCE_S = 4.0
_SPEED = 0.2  # of the velocity limit, at which faults come
_SPAN_S = 0.5
_LEAP_NS = {"clock_back": -300_000_000, "clock_leap": 700_000_000}


def detect_to_hold(contract: Contract, start: Float, trials: int, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Delays of each fault, from when it can be detected to when the gate begins to brake, and to when it is disarmed.

    Detectable is a lost brain when its silence is over ``silence_ticks``, lost joint states when the last ones are over
    their maximum age, and the others when they happen.

    Args:
        contract: at the rate that is wanted. start: configuration (J,) with room to move.
        trials: of each fault, at random moments of a cycle and of a tick.

    Returns:
        By fault: ``p50`` and ``max`` in ms until braking, ``disarmed_p50`` in ms, ``trials``, and ``violations``.
    """
    random = np.random.default_rng([seed, 2])
    found = {fault: [_trial(contract, start, fault, random) for _ in range(trials)] for fault in FAULTS}
    return {
        fault: {
            "p50": float(np.median([brake_ms for brake_ms, _, _ in times])),
            "max": float(max(brake_ms for brake_ms, _, _ in times)),
            "disarmed_p50": float(np.median([disarmed_ms for _, disarmed_ms, _ in times])),
            "trials": trials,
            "violations": sum(violations for _, _, violations in times),
        }
        for fault, times in found.items()
        if times
    }


def _trial(contract: Contract, start: Float, fault: str, random: np.random.Generator) -> tuple[float, float, int]:
    """Until braking and until disarmed, ms, and violations on the way."""
    robot = Robot(contract, start)
    assert robot.arm()
    cycle_s, tick_s = robot.cycle_ns * 1e-9, contract.tick_s
    since_command_s = tick_s
    while not robot.gate.led_in:
        since_command_s = _think(robot, since_command_s, tick_s)
        robot.step()
    for _ in range(round((0.5 + random.uniform(0.0, tick_s)) / cycle_s)):
        since_command_s = _think(robot, since_command_s, tick_s)
        robot.step()
    assert robot.gate.state is State.TRACKING, robot.gate.cause
    happens_s = float(random.uniform(0.0, cycle_s))  # from now on
    detectable_s = {
        "silence": contract.deployment.gate.silence_ticks * tick_s - since_command_s,
        "joint_states_stale": joints_max_age_s(contract),
    }.get(fault, happens_s)
    robot.frozen = fault == "joint_states_stale"
    if fault == "joint_states_disagree":
        robot.disagree(random)
    brake_s: float | None = None
    for step in range(1, round(PATIENCE_S / cycle_s)):
        if fault != "silence":
            since_command_s = _think(robot, since_command_s, tick_s)
        state = robot.step(_LEAP_NS.get(fault, 0) if step == 1 else 0).state
        if brake_s is None and state is not State.TRACKING:
            brake_s = max(0.0, step * cycle_s - detectable_s)
        if state is State.DISARMED and brake_s is not None:
            robot.checker.judge()
            return brake_s * 1e3, (step * cycle_s - detectable_s) * 1e3, sum(robot.checker.violations.values())
    raise RuntimeError(f"{fault}: not disarmed within {PATIENCE_S} s, but {robot.gate.state.value}")


def _think(robot: Robot, since_s: float, tick_s: float) -> float:
    """Command a slow motion of the first joint once a tick; returns the time since then at the next step."""
    if since_s >= tick_s - 1e-9:
        limits = robot.gate.limits
        velocity = np.zeros(len(limits.names))
        velocity[0] = _SPEED * limits.velocity[0] * (-1 if robot.position[0] > 0 else 1)
        positions = [robot.reference + velocity * time for time in (0.0, _SPAN_S, 1.25 * _SPAN_S)]
        rows = [np.clip(row, limits.lower, limits.upper).tolist() for row in positions]
        speeds = [velocity.tolist(), velocity.tolist(), [0.0] * len(velocity)]
        times = [0.0, _SPAN_S, 1.5 * _SPAN_S]
        robot.gate.command(robot.now_ns, Proposal(list(limits.names), times, rows, speeds, robot.now_ns))
        since_s = 0.0
    return since_s + robot.cycle_ns * 1e-9
