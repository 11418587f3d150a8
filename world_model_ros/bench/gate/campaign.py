"""``world-model bench gate``: sends a gate valid and invalid commands and faults, and counts what it lets through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from world_model_ros.bench.gate.checker import World
from world_model_ros.bench.gate.fuzz import Frame, Fuzz
from world_model_ros.bench.gate.gate_robot import Robot
from world_model_ros.bench.gate.trajectory_controllers import (
    Follower,
    Setting,
    exceeded,
    lossy_settings_for,
    settings_for,
)
from world_model_ros.bench.gate.trajectory_controllers import together as followed_together
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float, percentiles
from world_model_ros.core.errors import UserError
from world_model_ros.core.parallel import spread
from world_model_ros.gate.rules import FUTURE_S
from world_model_ros.gate.states import State

FLOOD = 50  # commands in one cycle
NEARER = 8  # halvings of the way from random configurations to the rest
PATIENCE = 2000  # steps until an arm that was braked stands still and is armed again
Report = dict[str, Any]
_BRAKING = {  # what may brake the gate; an arm that moves on without being measured disagrees before that is stale
    "silence": ("silence",),
    "joint_states_stale": ("joint_states_stale", "joint_states_disagree"),
    "joint_states_disagree": ("joint_states_disagree",),
}
_MISJUDGED = (
    "accepted",
    "refused",
    "unbraked",
)  # invalid and accepted, valid and refused, a fault that did not brake
_COUNTED = ("sent", "refused", "tracked")


def campaign(
    contract: Contract,
    frames: int,
    seed: int = 0,
    rate_hz: float | None = None,
    progress: Callable[[int], None] | None = None,
    controllers: bool = True,
) -> Report:
    """Send a gate ``frames`` commands on exact time.

    Args:
        rate_hz: of the gate; None takes the contract's.
        progress: is given how many more frames are done.
        controllers: whether trajectory controllers follow; they take most of the time.

    Returns:
        ``frames``, ``classes`` (sent, refused, tracked steps), ``violations``, ``worst`` (excess as a share of each
        limit), ``nearest_m``, ``cycle_ms`` and ``cycle_cpu_ms`` (p50 and p99), ``boundary_acc_step`` in rad/s^2,
        ``boundaries``, ``jtc`` and ``jtc_lossy`` (a `Follower.report` of each trajectory controller) and ``exceeded``
        (what these did beyond what is promised, in words).
    """
    contract = at_rate(contract, rate_hz)
    random = np.random.default_rng([seed, 1])
    start, hits = places(contract, random)
    robot, settings = Robot(contract, start), contract.deployment.gate
    if controllers and not robot.gate.streaming:
        for number, setting in enumerate(followed_settings(settings.transport_s)):
            robot.followers.append(Follower(setting, contract.limits(), start, robot.now_ns, seed + number))
    fuzz = Fuzz(contract.limits(), seed, (settings.command_max_age_s, FUTURE_S), settings.horizon_s, hits)
    counts: dict[str, Counter[str]] = {}
    misjudged: Counter[str] = Counter()
    assert robot.arm()
    for _ in range(frames):
        frame = fuzz.frame(robot.now_ns, robot.reference)
        count = counts.setdefault(frame.kind, Counter(dict.fromkeys(_COUNTED, 0)))
        _send(robot, frame, count, misjudged, random)
        if robot.gate.state in (State.DISARMED, State.STOPPED):
            _arm_again(robot)
        if progress is not None:
            progress(1)
    robot.checker.judge()
    checker, followed = robot.checker, [follower.report() for follower in robot.followers]
    return {
        "robot": contract.name,
        "frames": frames,
        "seed": seed,
        "steps": robot.steps,
        "classes": {kind: dict(count) for kind, count in sorted(counts.items())},
        "violations": {**checker.violations, **{name: misjudged[name] for name in _MISJUDGED}},
        "worst": checker.worst,
        "nearest_m": None if np.isinf(checker.nearest_m) else checker.nearest_m,
        "cycle_ms": percentiles(robot.cycles_ms),
        "cycle_cpu_ms": percentiles(robot.cycles_cpu_ms),
        "boundary_acc_step": checker.boundary_acc_step,
        "boundaries": checker.boundaries,
        "jtc": [each for each in followed if not each["loss"]],
        "jtc_lossy": [each for each in followed if each["loss"]],
        "exceeded": exceeded(followed, settings.transport_s),
    }


def spread_campaign(contract: Contract, frames: int, seed: int, workers: int, controllers: bool) -> Report:
    """As `campaign`, by several processes with seeds of their own; a share of cycles is the worst of theirs."""
    counts = [frames // workers + (i < frames % workers) for i in range(workers)]
    jobs = [(contract, count, seed + 1000 * i, controllers) for i, count in enumerate(counts)]
    found = list(spread(_campaign, jobs, workers))
    merged = dict(found[0]) | {"frames": frames, "seed": seed, "workers": workers}
    for name in ("jtc", "jtc_lossy"):
        merged[name] = followed_together([each[name] for each in found])
    merged["exceeded"] = exceeded(merged["jtc"], contract.deployment.gate.transport_s)
    for name in ("steps", "boundaries"):
        merged[name] = sum(each[name] for each in found)
    for name in ("cycle_ms", "cycle_cpu_ms", "worst"):
        merged[name] = {key: max(each[name][key] for each in found) for key in found[0][name]}
    merged["boundary_acc_step"] = max(each["boundary_acc_step"] for each in found)
    nearest = [each["nearest_m"] for each in found if each["nearest_m"] is not None]
    merged["nearest_m"] = min(nearest, default=None)
    merged["violations"] = dict(sum((Counter(each["violations"]) for each in found), Counter()))
    merged["violations"] = {key: merged["violations"].get(key, 0) for key in found[0]["violations"]}
    kinds = sorted(set().union(*(each["classes"] for each in found)))
    merged["classes"] = {
        kind: {name: sum(each["classes"].get(kind, {}).get(name, 0) for each in found) for name in _COUNTED}
        for kind in kinds
    }
    return merged


def followed_settings(transport_s: float) -> list[Setting]:
    """The controllers that follow."""
    return [*settings_for(transport_s), *lossy_settings_for(transport_s)]


def _campaign(job: tuple[Contract, int, int, bool]) -> Report:
    contract, frames, seed, controllers = job
    return campaign(contract, frames, seed, controllers=controllers)


def _send(
    robot: Robot, frame: Frame, count: Counter[str], misjudged: Counter[str], random: np.random.Generator
) -> None:
    """One frame: its fault, its command, one step, and more until the fault has had its effect."""
    for _ in range(FLOOD if frame.fault == "flood" else 1):
        refusal = robot.gate.command(robot.now_ns, frame.proposal)
        count["sent"] += 1
        count["refused"] += refusal is not None
        if frame.valid and refusal is not None and refusal.rule not in ("state", "order"):
            misjudged["refused"] += 1
        if not frame.valid and refusal is None:
            misjudged["accepted"] += 1
    robot.frozen = frame.fault == "joint_states_stale"
    if frame.fault == "joint_states_disagree":
        robot.disagree(random)
    leap_ns = {"clock_back": -300_000_000, "clock_leap": 700_000_000}.get(frame.fault or "", 0)
    before = robot.gate.state
    count["tracked"] += robot.step(leap_ns).state is State.TRACKING
    if before is State.TRACKING and frame.fault in _BRAKING:
        for _ in range(PATIENCE):
            if frame.fault != "silence":
                robot.gate.command(robot.now_ns, replace(frame.proposal, stamp_ns=robot.now_ns))
            if robot.step().state not in (State.TRACKING, State.SLOWING):
                break
        misjudged["unbraked"] += robot.gate.cause.value not in _BRAKING[frame.fault]
    robot.frozen, robot.offset = False, None


def _arm_again(robot: Robot) -> None:
    for _ in range(PATIENCE):
        if robot.arm():
            return
        robot.step()
    raise RuntimeError(f"the gate could not be armed again: {robot.gate.arm(robot.now_ns)}")


def at_rate(contract: Contract, rate_hz: float | None) -> Contract:
    """The contract with its gate at another rate."""
    command = contract.deployment.command
    if command is None:
        raise UserError("robot", contract.name, "a robot with a command interface")
    if rate_hz is None:
        return contract
    changed = command.model_copy(update={"rate_hz": rate_hz})
    return replace(contract, deployment=contract.deployment.model_copy(update={"command": changed}))


def places(contract: Contract, random: np.random.Generator, tries: int = 400) -> tuple[Float, Float]:
    """A configuration (J,) far from collisions, and some (N, J) in which something overlaps.

    Where hardly any configuration is free, as of a humanoid, it is sought nearer and nearer to where every joint is at
    0, or at the limit nearest to it.
    """
    limits = contract.limits()
    positions = random.uniform(limits.lower, limits.upper, (tries, len(limits.names)))
    settings = contract.deployment.gate.collision
    if settings is None:
        return 0.5 * (limits.lower + limits.upper), positions[:0]
    world = World(contract, list(limits.names))
    nearest = np.array([world.nearest(position) for position in positions])
    hits, rest = positions[nearest < 0], np.clip(0.0, limits.lower, limits.upper)
    for _ in range(NEARER):
        if nearest.max() > settings.slow_m:
            return positions[int(np.argmax(nearest))], hits
        positions = 0.5 * (positions + rest)
        nearest = np.array([world.nearest(position) for position in positions])
    raise UserError("deployment.gate.collision", settings.slow_m, "a robot that is not always near a collision")
