"""The live part of ``world-model bench gate``: sends a gate process commands and faults, and measures how it reacts."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from world_model_ros.bench.gate.campaign import places
from world_model_ros.bench.gate.fuzz import Fuzz
from world_model_ros.bringup.options import Value
from world_model_ros.bringup.processes import Process
from world_model_ros.bringup.run import Running
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.gate.factory import joint_stream
from world_model_ros.gate.rules import FUTURE_S
from world_model_ros.nodes.probes.gate_faults import FAULTS, ON_CLOCK, fault_times
from world_model_ros.nodes.probes.gate_lab import GATE, GateLab

_WINDOW_S = 5.0  # of what the gate says about its cycles


def live_campaign(
    robot: str, frames: int, trials: int, seed: int = 0, seconds: float = 30.0, simulated: bool = False
) -> dict[str, Any]:
    """Send a gate process ``frames`` commands, and bring faults upon it.

    Times are from when a fault can be detected, counted from when the last message was sent, to when the gate left its
    state, so they hold one way through the middleware, and the load of the machine.

    Args:
        seconds: for which a valid brain swings all joints, and the gate says what its cycles take.
        simulated: faults happen to the simulated arm, and standing still is what it measures; else to an exact one, as
            a leap of ``/clock`` always does.

    Returns:
        ``sent``, ``refused``, ``invalid``, ``violations``, ``boundary_acc_step``, ``cycle_ms`` (see `cycles`),
        ``detect_to_hold_ms`` by fault (see `fault_times`), ``flood``: what a second of it did to the cycles, and
        ``gate_killed``: speeds of the arm then, 1.5 s later and at the end of the last trajectory, rad/s.
    """
    with _lab(robot, seed) as lab:
        result = _attack(lab, frames) | {"cycle_ms": cycles(lab, seconds), "flood": _flood(lab)}
        judged = [lab.node.sent.judged()]
    times: dict[str, Any] = {}
    with _lab(robot, seed, simulated=simulated) as lab:
        times |= {name: fault_times(lab, name, trials) for name in FAULTS if name not in ON_CLOCK}
        result["gate_killed"] = _kill_gate(lab)
        judged.append(lab.node.sent.judged())
    with _lab(robot, seed, clock=True) as lab:  # a leap of the simulation's own clock would be no fault of /clock alone
        times |= {name: fault_times(lab, name, trials) for name in ON_CLOCK}
    return result | _together(judged) | {"detect_to_hold_ms": times}


def _together(judged: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "trajectories": sum(each["trajectories"] for each in judged),
        "violations": {limit: sum(each["violations"][limit] for each in judged) for limit in judged[0]["violations"]},
        "worst": {limit: max(each["worst"][limit] for each in judged) for limit in judged[0]["worst"]},
        "boundary_acc_step": max(each["boundary_acc_step"] for each in judged),
        "nearest_m": min(each["nearest_m"] for each in judged),
    }


@contextmanager
def _lab(robot: str, seed: int, simulated: bool = False, clock: bool = False) -> Iterator[GateLab]:
    contract = load_contract(robot)
    start, hits = places(contract, np.random.default_rng([seed, 1]))
    start = start.astype(np.float32).astype(np.float64)  # as precise as joint states are read
    settings = contract.deployment.gate
    ages_s = settings.command_max_age_s, FUTURE_S
    fuzz = Fuzz(contract.limits(), seed, ages_s, settings.horizon_s, hits)
    processes = [Process("command_gate_node", GATE, {"robot": robot, "use_sim_time": clock}, profile="gate")]
    if simulated:
        processes.append(_simulation(contract, robot, seed))
    with TemporaryDirectory() as logs, Running(processes, Path(logs)) as running:
        lab = GateLab(robot, contract, None if simulated else start, running, fuzz, clock)
        try:
            yield lab
        finally:
            lab.close()


def _simulation(contract: Contract, robot: str, seed: int) -> Process:
    """The simulated arm with its joint states alone, which it tells the probe instead of the gate."""
    joints = joint_stream(contract).name
    others = ",".join(stream.name for stream in contract.interface.streams if stream.name != joints)
    remappings = ((contract.source(joints).topic, "sim/joint_states"),)
    parameters: dict[str, Value] = {"robot": robot, "seed": seed, "unplug": others}
    return Process("sim_robot_node", "sim_robot", parameters, remappings)


def _attack(lab: GateLab, frames: int) -> dict[str, Any]:
    before, invalid, sent = dict(lab.node.state), 0, 0
    pause_s = 1.0 / lab.node.rate_hz
    while sent < frames:
        if lab.node.state["state"] == "disarmed":
            lab.arm()
        said, valid = lab.propose_any()
        sent, invalid = sent + said, invalid + (said and not valid)
        lab.wait(pause_s)
    lab.wait(1.0)
    return {"sent": sent, "invalid": invalid, "refused": lab.node.state["refused"] - before["refused"]}


def cycles(lab: GateLab, seconds: float) -> dict[str, float]:
    """What cycles of the process take, messages included, while all joints follow a valid brain.

    Returns:
        Medians of ``p50`` and ``p99`` of windows of 5 s, and the worst p99 of them; ms.
    """
    brain = lab.brain("all")
    try:
        lab.until_moving()
        windows = []
        for _ in range(max(1, round(seconds / _WINDOW_S))):
            lab.wait(_WINDOW_S)
            windows.append(lab.node.cycle_ms)
    finally:
        brain.kill()
        brain.wait()
    p50, p99 = np.array(windows).T
    return {"p50": float(np.median(p50)), "p99": float(np.median(p99)), "worst_p99": float(p99.max())}


def _flood(lab: GateLab) -> dict[str, Any]:
    """Commands without a pause for a second; what the gate kept sending to ``gate/applied`` meanwhile."""
    lab.arm()
    end, sent, before = time.monotonic() + 1.0, 0, lab.node.heard

    def propose() -> None:
        nonlocal sent
        sent += lab.propose_any()[0]

    lab.until(lambda: time.monotonic() > end, meanwhile=propose)
    lab.wait(0.5)
    return {"sent": sent, "cycles_heard": lab.node.heard - before, "cycles_due": round(1.5 * lab.node.rate_hz)}


def _kill_gate(lab: GateLab) -> dict[str, Any]:
    """SIGKILL the gate while it tracks, and see what the controller has left to do."""
    brain = lab.brain()
    try:
        lab.until_moving()
        os.kill(lab.running.pid(GATE), signal.SIGKILL)
        speed = lab.node.speed()
        lab.wait(1.5)
        return {"speed_at_kill": speed, "speed_after": lab.node.speed(), **lab.node.sent.rest()}
    finally:
        brain.kill()
        brain.wait()
