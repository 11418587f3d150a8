"""A player, a gate and a modelled controller on exact time, joined as their topics join them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from gate_driver import CONTRACT, HOME, LIMITS, START_NS, TICK_NS

from world_model_ros.contract.deployment.gate import CommandSource
from world_model_ros.core.arrays import Float
from world_model_ros.gate.conditions.ownership import Ownership
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.playing.endings import Ending
from world_model_ros.gate.playing.goal import Asked, Tolerances
from world_model_ros.gate.playing.news import news_of
from world_model_ros.gate.playing.player import Player, PlayerSettings, Step
from world_model_ros.gate.report import state_report
from world_model_ros.sim.controller import JointTrajectoryController

CYCLE_NS, STEP_NS, UPDATE_HZ = 10_000_000, 40_000_000, 500.0
SOURCES = (
    CommandSource(name="brain", kind="brain"),
    CommandSource(name="planner", kind="moveit", topic="moveit/command"),
)
JOINTS = len(LIMITS.names)


def settings(partial: bool = False, goal_tolerance: float = 0.01) -> PlayerSettings:
    usual = Tolerances.default(np.full(JOINTS, goal_tolerance), 5.0)
    watched = np.ones(JOINTS, dtype=bool)
    return PlayerSettings("planner", np.full(JOINTS, 0.05), usual, partial, watched, np.full(JOINTS, 5e-4))


def asked(positions: Float, times_s: list[float], velocities: Float | None = None, **fields: object) -> Asked:
    """A goal of all joints; points without velocities if there are none."""
    rows = [] if velocities is None else velocities.tolist()
    times_ns = [round(time * 1e9) for time in times_s]
    given: dict[str, object] = {"names": LIMITS.names, "velocities": rows, **fields}
    return Asked(times_ns=times_ns, positions=np.asarray(positions).tolist(), **given)  # type: ignore[arg-type]


def swing(by: float = 0.6, span_s: float = 8.0, step_s: float = 0.1, joint: int = 0) -> Asked:
    """One joint goes there and halfway back, at rest at both ends: points with velocities and accelerations."""
    times = np.arange(0.0, span_s + 1e-9, step_s)
    x = np.pi * times / span_s
    scale = np.pi / span_s
    way = by * (np.sin(x) ** 2 + 0.25 * (1 - np.cos(x)))
    speed = by * scale * (np.sin(2 * x) + 0.25 * np.sin(x))
    change = by * scale**2 * (2 * np.cos(2 * x) + 0.25 * np.cos(x))
    rows = [np.tile(HOME, (len(times), 1)), np.zeros((len(times), JOINTS)), np.zeros((len(times), JOINTS))]
    for row, values in zip(rows, (way, speed, change)):
        row[:, joint] += values
    rows[1][-1] = 0.0
    return asked(rows[0], times.tolist(), rows[1], accelerations=rows[2].tolist())


@dataclass
class Bench:
    """Steps all of them; the arm does what the controller commands, but for ``offset`` (J,), which it hangs aside."""

    goal: PlayerSettings = field(default_factory=settings)
    offset: Float = field(default_factory=lambda: np.zeros(JOINTS))
    mute: bool = False  # nothing of the player reaches the gate

    def __post_init__(self) -> None:
        ownership = Ownership(SOURCES)
        rules = CONTRACT.deployment.gate
        self.gate = Gate(LIMITS, rules, TICK_NS * 1e-9, 1e9 / CYCLE_NS, 0.2, ownership=ownership)
        self.player = Player(LIMITS, self.goal)
        self.now_ns = START_NS
        self.arm = JointTrajectoryController(LIMITS.names, HOME, START_NS, UPDATE_HZ)
        self.steps: list[Step] = []
        self.ended: list[Ending] = []
        self.commands: list[Float] = []  # of the controller, at each of its updates
        self.references: list[tuple[int, Float, Float]] = []

    @property
    def position(self) -> Float:
        return self.arm.held[0]

    def run(self, span_s: float) -> Bench:
        """Let time pass; the player ends a goal at most once."""
        for _ in range(round(span_s * 1e9 / CYCLE_NS)):
            self._cycle()
        return self

    def until_ended(self, most_s: float = 30.0) -> Ending:
        """Let time pass until a goal has ended."""
        count = len(self.ended)
        for _ in range(round(most_s * 1e9 / CYCLE_NS)):
            self._cycle()
            if len(self.ended) > count:
                return self.ended[-1]
        raise AssertionError("no goal has ended")

    def owned(self, by: str = "planner") -> Bench:
        self.gate.ownership.ask(by, self.now_ns)
        return self.run(0.1)

    def armed(self) -> Bench:
        """Stand until the gate can be armed, and arm it."""
        self.run(0.4)
        assert self.gate.arm(self.now_ns) is None
        return self.run(0.05)

    def begin(self, goal: Asked) -> Ending | None:
        ending, replaced = self.player.begin(goal, self.now_ns)
        if replaced is not None:
            self.ended.append(replaced)
        return ending

    def _cycle(self) -> None:
        self.now_ns += CYCLE_NS
        updates = self.arm.run(self.now_ns)
        if len(updates.command):
            self.commands.extend(updates.command)
        self.gate.joint_state(self.now_ns, self.position + self.offset, self.arm.held[1])
        output = self.gate.step(self.now_ns)
        if output.outgoing is not None:
            self.arm.receive(output.outgoing, self.now_ns)
        reference = output.reference
        if reference is not None:
            self.references.append((self.now_ns, reference.position, reference.velocity))
            self.player.hear_reference(self.now_ns, reference.position, reference.velocity)
        self.player.hear_joints(self.now_ns, self.position + self.offset, self.arm.held[1])
        news = news_of(state_report(self.gate), "planner")
        assert news is not None
        self.player.hear_gate(news, self.now_ns)
        if (self.now_ns - START_NS) % STEP_NS == 0:
            step = self.player.step(self.now_ns)
            self.steps.append(step)
            if step.command is not None and not self.mute:
                self.gate.command(self.now_ns, step.command, "planner")
            if step.ending is not None:
                self.ended.append(step.ending)
