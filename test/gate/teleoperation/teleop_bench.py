"""A teleoperator, a brain, a gate and a modelled controller on exact time, joined as their topics join them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from gate_driver import CONTRACT, HOME, LIMITS, START_NS, TICK_NS
from seen_wall import Seeing

from world_model_ros.bench.gate.trajectory_controllers import JUDGED, Follower, Setting
from world_model_ros.contract.deployment.gate import CommandSource
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.conditions.ownership import Ownership
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.playing.news import news_of
from world_model_ros.gate.report import owner_report, state_report
from world_model_ros.gate.teleoperation.teleoperator import Teleoperator
from world_model_ros.gate.teleoperation.wish import Wish
from world_model_ros.kinematics.arm import ArmKinematics

CYCLE_NS, STEP_NS, BRAIN_NS = 10_000_000, 40_000_000, 100_000_000
SOURCES = (
    CommandSource(name="brain", kind="brain"),
    CommandSource(name="person", kind="person", topic="person/command", rate_hz=20.0),
)
ARM = ArmKinematics(CONTRACT)


@dataclass
class Bench:
    """Steps all of them. The brain swings the arm about its base while ``swings``."""

    seed: int = 0
    wish: Wish | None = None  # said at each step of the person's program
    swings: bool = False
    mute: bool = False  # nothing of the person reaches the gate
    rate_hz: float = 20.0  # that the person's program promises
    stalls: bool = False  # the person's program stands still
    start: Float = field(default_factory=HOME.copy)
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        sources = (SOURCES[0], SOURCES[1].model_copy(update={"rate_hz": self.rate_hz}))
        rules = CONTRACT.deployment.gate
        self.gate = Gate(LIMITS, rules, TICK_NS * 1e-9, 1e9 / CYCLE_NS, 0.2, ownership=Ownership(sources))
        self.person = Teleoperator(CONTRACT, "person")
        self.now_ns = START_NS
        setting = Setting(JUDGED[self.seed % 2], 500.0, rules.transport_s)
        self.follower = Follower(setting, LIMITS, self.start, self.now_ns, self.seed)
        self.tips: list[Float] = []
        self.sent: list[Trajectory] = []

    @property
    def position(self) -> Float:
        return self.follower.controller.held[0]

    @property
    def tip(self) -> Float:
        return ARM.tip(self.position)[0]

    @property
    def speed(self) -> float:
        """Of the joint that moves fastest, rad/s."""
        return float(np.abs(self.follower.controller.held[1]).max())

    def owned(self, by: str) -> Bench:
        self.gate.ownership.ask(by, self.now_ns)
        return self.run(0.05)

    def armed(self) -> Bench:
        """Stand until the gate can be armed, and arm it."""
        self.run(0.4)
        assert self.gate.arm(self.now_ns) is None
        return self.run(0.05)

    def run(self, span_s: float) -> Bench:
        for _ in range(round(span_s * 1e9 / CYCLE_NS)):
            self._cycle()
        return self

    def _cycle(self) -> None:
        self.now_ns += CYCLE_NS
        self.follower.run(self.now_ns)
        self.tips.append(self.tip)
        self.gate.joint_state(self.now_ns, self.position, self.follower.controller.held[1])
        output = self.gate.step(self.now_ns)
        if output.outgoing is not None:
            self.follower.send(output.outgoing, self.now_ns)
        person, now_ns = self.person, self.now_ns
        reference = output.reference
        if reference is not None:
            person.hear_reference(reference.position, reference.velocity, now_ns)
        news = news_of(state_report(self.gate), "person")
        assert news is not None
        person.hear_gate(news, now_ns)
        owner = owner_report(self.gate.ownership)
        person.hear_owner(owner["owner"], owner["asked"])  # type: ignore[arg-type]
        if (now_ns - START_NS) % BRAIN_NS == 0 and self.swings and reference is not None:
            self._command(self._swing(reference.position, reference.velocity), "brain")
        if (now_ns - START_NS) % STEP_NS == 0 and not self.stalls:
            if self.wish is not None:
                person.hear_wish(self.wish, now_ns)
            command = person.step(now_ns)
            if command is not None and not self.mute:
                self.sent.append(command)
                self._command(command, "person")

    def _command(self, command: Trajectory, source: str) -> None:
        refusal = self.gate.command(self.now_ns, command, source)
        if refusal is not None:
            self.refused[f"{source}: {refusal.rule}"] += 1

    def _swing(self, position: Float, velocity: Float) -> Trajectory:
        """The brain's command: on with the first joint at half a rad/s, and to a stop within a second."""
        goes = np.zeros_like(position)
        goes[0] = 0.5
        places = np.array([position, position + 0.5 * goes, position + 0.7 * goes])
        return Trajectory(
            LIMITS.names, np.array([0.0, 0.5, 1.0]), places, np.array([goes, goes, 0 * goes]), self.now_ns
        )


@dataclass
class SeeingBench(Seeing, Bench):
    """A bench whose gate sees points."""

    sources = SOURCES
