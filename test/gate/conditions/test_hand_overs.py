"""Hundreds of hand-overs among three sources at speed: limits hold at the controller, and nobody's robot stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from gate_driver import CONTRACT, CYCLE_NS, HOME, LIMITS, START_NS, TICK_NS

from world_model_ros.bench.gate.trajectory_controllers import JUDGED, Follower, Setting, exceeded
from world_model_ros.contract.deployment.gate import CommandSource
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.conditions.ownership import NO_OWNER, Ownership
from world_model_ros.gate.gate import AT_REST, Gate
from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.states import State

SETTINGS = CONTRACT.deployment.gate
CYCLE_S = CYCLE_NS * 1e-9
EVERY = {"brain": 5, "person": 2, "planner": 3}  # cycles between two commands
SOURCES = (
    CommandSource(name="brain", kind="brain"),
    CommandSource(name="person", kind="person", topic="person/command", rate_hz=18.0),
    CommandSource(name="planner", kind="moveit", topic="planner/command", rate_hz=12.0),
)
REACH = 0.6  # rad from home, within which sources lead the joints


@dataclass
class Leader:
    """A source: leads to places of its own, from where the robot is, or from where it thinks that it is."""

    random: np.random.Generator
    goal: Float = field(default_factory=HOME.copy)
    speed: Float = field(default_factory=lambda: LIMITS.velocity)

    def command(self, now_ns: int, reference: Motion) -> Trajectory:
        if self.random.random() < 0.1:
            self.goal = HOME + self.random.uniform(-REACH, REACH, len(HOME))
            self.speed = self.random.uniform(0.2, 1.0) * LIMITS.velocity
        start = reference.position
        if self.random.random() < 0.2:  # from elsewhere
            start = start + self.random.uniform(-0.1, 0.1, len(HOME))
        velocity = np.clip((self.goal - start) / 0.5, -self.speed, self.speed)
        if self.random.random() < 0.5:  # or on with what moves, about as fast
            velocity = self.random.uniform(0.8, 1.1) * reference.velocity
        places = np.array([start, start + 0.4 * velocity, start + 0.5 * velocity])
        times = np.array([0.0, 0.4, 0.6])
        return Trajectory(LIMITS.names, times, places, np.array([velocity, velocity, 0 * velocity]), now_ns)


class Table:
    """A gate that three sources command at once, and a trajectory controller that it drives."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.gate = Gate(
            LIMITS, SETTINGS, TICK_NS * 1e-9, 1.0 / CYCLE_S, joints_max_age_s=0.1, ownership=Ownership(SOURCES)
        )
        delay_s = float(self.random.choice([0.0, SETTINGS.transport_s]))
        setting = Setting(JUDGED[seed % 2], float(self.random.choice([100.0, 500.0])), delay_s)
        self.now_ns = START_NS
        self.follower = Follower(setting, LIMITS, HOME, self.now_ns, seed)
        self.leaders = {name: Leader(self.random) for name in EVERY}
        self.quiet: dict[str, int] = {}  # until which cycle a source is silent
        self.told: Counter[str] = Counter()
        self.unowned = 0.0  # the fastest that it was while nobody owned the gate, share of the limit
        self.wrong: list[str] = []

    def cycle(self, number: int) -> None:
        """Ask, command, step, follow; count what was handed over, and how."""
        gate, ownership = self.gate, self.gate.ownership
        if self.random.random() < 0.06:
            ownership.ask(str(self.random.choice([*EVERY, *EVERY, *EVERY, NO_OWNER])), self.now_ns)
        if self.random.random() < 0.01:
            self.quiet[str(self.random.choice(list(EVERY)))] = number + int(self.random.integers(10, 40))
        if gate.state is State.DISARMED:
            gate.arm(self.now_ns)
        reference = gate.reference
        for name in self.random.permutation(list(EVERY)):
            if reference is not None and number % EVERY[name] == 0 and self.quiet.get(name, 0) < number:
                self.send(str(name), reference)
        self.now_ns += CYCLE_NS
        self.follower.run(self.now_ns)
        position, velocity, _ = self.follower.controller.held
        gate.joint_state(self.now_ns, position, velocity)
        before, owner = self.speed, ownership.owner
        output = gate.step(self.now_ns)
        if output.outgoing is not None:
            self.follower.send(output.outgoing, self.now_ns)
        if ownership.owner != owner:
            self.told["resting"] += 1
            if self.speed >= AT_REST:
                self.wrong.append(f"handed over to {ownership.owner} at {self.speed:.3f} of the limit")
        if ownership.owner is None:
            self.unowned = max(self.unowned, self.speed, before if owner is None else 0.0)
        self.told["braked"] += any(each.cause.value == "hand_over" for each in output.transitions)

    def send(self, name: str, reference: Motion) -> None:
        """A command of a source; one that is followed comes from the owner of then, and joins what moves."""
        ownership, moving = self.gate.ownership, self.speed >= AT_REST
        owner, asked = ownership.owner, ownership.asked
        command = self.leaders[name].command(self.now_ns, reference)
        refusal = self.gate.command(self.now_ns, command, name)
        if refusal is not None:
            self.told[refusal.rule] += 1
            return
        self.told["followed"] += 1
        if name == owner:
            return
        if asked is None or asked.name != name or ownership.owner != name:
            self.wrong.append(f"{name} is followed while {owner} owns the gate")
        self.told["moving" if moving else "resting"] += 1
        if moving:  # the change of velocity that it asks for takes no longer than the look ahead of 0.1 s
            gap = np.abs(command.positions[0] - reference.position)
            change = np.abs(command.velocities[0] - reference.velocity)
            if np.any(change > (0.1 + CYCLE_S) * LIMITS.acceleration + 6.0 * (gap + CYCLE_S * LIMITS.velocity)):
                self.wrong.append(f"{name} takes over {change.max():.2f} rad/s away")

    @property
    def speed(self) -> float:
        """Of what is commanded, share of the limits."""
        reference = self.gate.reference
        if reference is None or self.gate.state is State.DISARMED:
            return 0.0
        return float((np.abs(reference.velocity) / LIMITS.velocity).max())


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10))])
def test_random_hand_overs_keep_the_limits_at_the_controller_and_nothing_moves_that_nobody_owns(seed: int) -> None:
    table = Table(seed)
    number = 0
    while table.told["moving"] + table.told["resting"] < 50:
        number += 1
        table.cycle(number)
        assert number < 20_000, table.told
    assert table.wrong == []
    assert table.unowned == 0.0
    assert exceeded([table.follower.report()], SETTINGS.transport_s) == []
    assert table.follower.velocity_ratio > 0.3  # at speed
    assert min(table.told[name] for name in ("moving", "resting", "braked", "owner", "join")) >= 3, table.told
