"""A robot with planted faults, its gate and a modelled controller on exact time, and what commissions it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from world_model_ros.bench.gate.trajectory_controllers import JUDGED, Follower, Setting
from world_model_ros.commissioning.commissioner import Commissioner, Plan
from world_model_ros.commissioning.findings import Check
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.contract.deployment.gate import CommandSource, Deadman
from world_model_ros.core.arrays import Float
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.playing.news import news_of
from world_model_ros.gate.report import owner_report, state_report
from world_model_ros.gate.states import State

CYCLE_NS, STEP_NS, START_NS = 10_000_000, 20_000_000, 1_700_000_000 * 10**9
PERSON = CommandSource(name="person", kind="person", topic="person/command", rate_hz=20.0)
SOURCES = [CommandSource(name="brain", kind="brain"), PERSON]
HIGH = np.array([0.0, -1.2, 1.4, -1.8, -1.57, -0.5])  # of the arm, high over the table
NOISE, CYCLE_S = 2e-5, 1e-9 * CYCLE_NS


def contract_of(robot: str, deadman: bool = False) -> Contract:
    """The contract of a robot that a person may drive, without the distances that cost most of the time."""
    contract = load_contract(robot)
    switch = Deadman(topic="joy/deadman") if deadman else None
    gate = contract.deployment.gate.model_copy(update={"collision": None, "obstacles": [], "deadman": switch})
    return replace(contract, deployment=contract.deployment.model_copy(update={"sources": SOURCES, "gate": gate}))


@dataclass
class Faults:
    """What is wrong with the robot. Joints are indices.

    Args:
        flipped: turns the other way. takes_degrees: goes a 57th of what it is told. gives_degrees: all states are in
            degrees. swapped: two joints whose states have each other's name. pace: of a speed slider. frozen: its state
            is always the same number. stuck: stays where it is. repeats: stamps stay the same. clock_s: the robot's
            clock is ahead by this. every: of the joint states only each of so many is sent. overruns_s: it goes on at
            its speed for so long when the gate is stopped; lingers_s: whenever its controller brakes.
    """

    flipped: int | None = None
    takes_degrees: int | None = None
    gives_degrees: bool = False
    swapped: tuple[int, int] | None = None
    pace: float = 1.0
    frozen: tuple[int, ...] = ()
    stuck: int | None = None
    repeats: bool = False
    clock_s: float = 0.0
    every: int = 1
    overruns_s: float = 0.0
    lingers_s: float = 0.0


@dataclass
class Arm:
    """Does what its controller commands, a little later, but for its faults."""

    home: Float
    faults: Faults
    lag_s: float
    seed: int
    speed: Float  # (J,) of the motions that are tried

    def __post_init__(self) -> None:
        self.position = self.home.copy()
        self._random = np.random.default_rng(self.seed)
        self._told: deque[Float] = deque([self.home.copy()] * (1 + round(self.lag_s * 1e9 / CYCLE_NS)))
        self._aside = np.zeros_like(self.home)  # of what it is told
        self._before = self.home.copy()
        self._velocity = np.zeros_like(self.home)
        self._goes_on_s = 0.0
        self._stopped = False

    def follow(self, commanded: Float, stopped: bool) -> None:
        """Go on by a cycle."""
        faults, before = self.faults, self.position
        self._told.append(commanded.copy())
        target = self._told.popleft()
        velocity = (target - self._before) / CYCLE_S
        self._before = target
        if self._goes_on_s > 0.0:
            self._goes_on_s -= CYCLE_S
            self._aside = before + self._velocity * CYCLE_S - target
            self._velocity = self._velocity * (self._goes_on_s > 0.0)
        else:
            brakes = np.any((np.abs(self._velocity) > 0.05) & (np.abs(velocity) < 0.5 * np.abs(self._velocity)))
            if faults.lingers_s and brakes:
                self._goes_on_s = faults.lingers_s
            elif faults.overruns_s and stopped and not self._stopped:
                self._goes_on_s = faults.overruns_s
            else:  # what it goes on at is the most of late
                slower = np.abs(velocity) < np.abs(self._velocity)
                self._velocity = np.where(slower, 0.98 * self._velocity, velocity)
        self._stopped = stopped
        target = target + self._aside
        if faults.takes_degrees is not None:
            joint = faults.takes_degrees
            target[joint] = self.home[joint] + (target[joint] - self.home[joint]) * np.pi / 180
        if faults.stuck is not None:
            target[faults.stuck] = self.home[faults.stuck]
        most = faults.pace * self.speed * CYCLE_S if faults.pace < 1.0 else np.full(len(target), np.inf)
        self.position = before + np.clip(target - before, -most, most)

    def measured(self) -> Float:
        """What its driver says (J,)."""
        faults = self.faults
        said = self.position + self._random.normal(0.0, NOISE, len(self.position))
        if faults.flipped is not None:
            said[faults.flipped] = 2 * self.home[faults.flipped] - said[faults.flipped]
        for joint in faults.frozen:
            said[joint] = self.home[joint]
        if faults.swapped is not None:
            first, second = faults.swapped
            said[[first, second]] = said[[second, first]]
        return np.rad2deg(said) if faults.gives_degrees else said


@dataclass
class Bench:
    """Steps all of them. Messages take up to ``delay_s``, and the arm is ``lag_s`` behind its controller."""

    robot: str = "tabletop_arm"
    faults: Faults = field(default_factory=Faults)
    plan: Plan = field(default_factory=lambda: Plan(asks=False))
    seed: int = 0
    delay_s: float = 0.01
    lag_s: float = 0.02
    home: Float | None = None
    replies: str = "yyyyyyyyyyyyyyyy"
    deadman: bool = False  # the gate wants a switch, which is never held
    gateless: bool = False  # nothing of the gate is heard

    def __post_init__(self) -> None:
        self.contract = contract_of(self.robot, self.deadman)
        limits = self.contract.limits()
        self.start = start = self.home if self.home is not None else HIGH
        self.gate = gate_for(self.contract)
        self.commissioner = Commissioner(self.contract, PERSON, self.plan)
        self.now_ns = START_NS
        setting = Setting(JUDGED[self.seed % 2], 500.0, self.delay_s)
        self.follower = Follower(setting, limits, start, self.now_ns, self.seed)
        self.arm = Arm(start.copy(), self.faults, self.lag_s, self.seed, self.plan.share * limits.velocity)
        self.asked: list[str] = []
        self.said: list[str] = []
        self.refused: list[str] = []
        self.fastest = np.zeros(len(limits.names))  # of the reference
        self.farthest = np.zeros(len(limits.names))  # from the start, of the reference
        self._random = np.random.default_rng([self.seed, 7])
        self._coming: list[tuple[int, int, Float]] = []  # arrival, stamp, positions
        self._cycles = 0

    def run(self, most_s: float = 240.0) -> list[Check]:
        """Until it has ended."""
        for _ in range(round(most_s * 1e9 / CYCLE_NS)):
            if not self.cycle():
                return self.commissioner.checks
        raise AssertionError(f"no end; {self.said[-3:]}, {self.gate.state}")

    def cycle(self) -> bool:
        """Go on by a cycle; False at the end."""
        self.now_ns += CYCLE_NS
        self._cycles += 1
        self.follower.run(self.now_ns)
        self.arm.follow(self.follower.controller.held[0], self.gate.state is State.STOPPED)
        self._sense()
        output = self.gate.step(self.now_ns)
        if output.outgoing is not None:
            self.follower.send(output.outgoing, self.now_ns)
        who = self.commissioner
        if output.reference is not None:
            who.heard.hear_reference(self.now_ns, output.reference.position)
            if self.gate.state is not State.DISARMED:
                self.farthest = np.maximum(self.farthest, np.abs(output.reference.position - self.start))
                self.fastest = np.maximum(self.fastest, np.abs(output.reference.velocity))
        news = news_of(state_report(self.gate), "person")
        assert news is not None
        if not self.gateless:
            who.heard.hear_gate(news)
        owned = owner_report(self.gate.ownership)
        who.heard.hear_owner(owned["owner"], owned["refused"])  # type: ignore[arg-type]
        return (self.now_ns - START_NS) % STEP_NS != 0 or self._step()

    def _sense(self) -> None:
        stamp = START_NS if self.faults.repeats else self.now_ns + round(self.faults.clock_s * 1e9)
        measured, velocity = self.arm.measured(), self.follower.controller.held[1]
        if self._cycles % self.faults.every:
            return
        self._coming.append((self.now_ns + round(self._random.uniform(0.0, self.delay_s) * 1e9), stamp, measured))
        while self._coming and self._coming[0][0] <= self.now_ns:
            arrival, at, position = self._coming.pop(0)
            self.gate.joint_state(at, position, velocity)
            positions = dict(zip(self.contract.joint_names, position.tolist()))
            self.commissioner.heard.hear_joints("arm", max(arrival, self.now_ns), at, positions)

    def _step(self) -> bool:
        do = self.commissioner.step(self.now_ns)
        if do is None:
            return False
        if do.command is not None:
            refusal = self.gate.command(self.now_ns, do.command, "person")
            if refusal is not None and refusal.rule not in ("state",):
                self.refused.append(str(refusal))
        if do.own is not None:
            self.gate.ownership.ask(do.own, self.now_ns)
        if do.call is not None:
            self._call(do.call)
        if do.ask is not None:
            self.asked.append(do.ask)
            reply, self.replies = self.replies[0], self.replies[1:]
            self.commissioner.heard.hear_reply(reply)
        if do.say is not None:
            self.said.append(do.say)
        return True

    def _call(self, call: str) -> None:
        if call == "stop":
            self.gate.stop(self.now_ns)
            self.commissioner.heard.hear_answer(call, True, "stopped")
            return
        refusal = getattr(self.gate, call)(self.now_ns)
        self.commissioner.heard.hear_answer(call, refusal is None, str(refusal or ""))
