"""How soon the gate of a contract brakes, and how long a joint takes to stand."""

from __future__ import annotations

import numpy as np

from world_model_ros.commissioning.judging import Promise
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import CommandSource
from world_model_ros.core.trajectory import JointLimits
from world_model_ros.gate.gate import SAMPLED_AHEAD_S


def stop_promise(contract: Contract, limits: JointLimits, joint: int, speed: float) -> Promise:
    """After ``gate/stop``: the next plan begins as far ahead as a trajectory may take to its controller."""
    command = contract.deployment.command
    assert command is not None
    cycle_s = 1.0 / command.rate_hz
    ahead_s = 0.0 if command.streamed else max(cycle_s, contract.deployment.gate.transport_s) + SAMPLED_AHEAD_S
    braking_s = _braking_s(abs(speed), float(limits.acceleration[joint]), float(limits.jerk[joint]))
    return Promise(cycle_s, ahead_s + braking_s, abs(speed) * (ahead_s + 0.5 * braking_s))


def silence_promise(
    contract: Contract, limits: JointLimits, joint: int, speed: float, source: CommandSource
) -> Promise:
    """After the last command of a source: it is lost after ``silence_ticks`` of its own."""
    stop = stop_promise(contract, limits, joint, speed)
    period_s = 1.0 / (source.rate_hz or contract.interface.tick_hz)
    return Promise(contract.deployment.gate.silence_ticks * period_s + stop.heard_s, stop.stood_s, stop.way)


def _braking_s(speed: float, acceleration: float, jerk: float) -> float:
    """From a constant speed to rest within limits of acceleration and jerk."""
    if speed * jerk < acceleration**2:
        return 2.0 * float(np.sqrt(speed / jerk))
    return speed / acceleration + acceleration / jerk
