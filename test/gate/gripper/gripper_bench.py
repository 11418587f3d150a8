"""A gate, a trajectory controller, and a gripper whose fingers stop where they meet something, on exact time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.gate import Gate
from world_model_ros.sim.controller import JointTrajectoryController, Version

START_NS = 1_700_000_000 * 10**9
FINGER = 6  # of the joints
OPEN = 0.04
TICK_S = 0.1


@cache
def gripper_contract(squeeze: float | None) -> Contract:
    """The simulated arm with a gripper; without collision, which is tested elsewhere."""
    contract = load_contract("gripper_arm_tracked")
    deployment = contract.deployment
    limits = [
        each.model_copy(update={"squeeze": None}) if "squeeze" in type(each).model_fields else each
        for each in deployment.limits
    ]
    if squeeze is not None:
        limits[FINGER] = limits[FINGER].model_copy(update={"squeeze": squeeze})
    gate = deployment.gate.model_copy(update={"collision": None, "obstacles": []})
    return replace(contract, deployment=deployment.model_copy(update={"limits": limits, "gate": gate}))


@dataclass
class GripperBench:
    """Steps all of them; keeps what the controller commanded at each update, and how far that led the fingers.

    Args:
        contract: see `gripper_contract`.
        obstacle: opening at which the fingers are stopped when they close, m; 0 is none.
        update_hz, version: of the controller. delay_s: each message takes that long to it.
        noise_m: of what is measured of the fingers, one standard deviation.

    Attributes:
        silent: joint states are kept back.
        active: the controller holds the fingers; else they are where they were left, or were put by hand.
        commands: of the finger at each update, since `forget`. leads: how far each was closed beyond the fingers.
    """

    contract: Contract
    obstacle: float = 0.0
    opening: float = OPEN
    update_hz: float = 500.0
    version: Version = "4.42"
    delay_s: float = 0.0
    noise_m: float = 0.0
    seed: int = 0
    silent: bool = False
    now_ns: int = START_NS
    commands: list[float] = field(default_factory=list)
    leads: list[float] = field(default_factory=list)
    arms: list[Float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limits = self.contract.limits()
        self.gate: Gate = gate_for(self.contract)
        self._random = np.random.default_rng([self.seed, 6])
        start = np.array(self.contract.rest)
        start[FINGER] = self.opening
        self.controller = JointTrajectoryController(self.limits.names, start, self.now_ns, self.update_hz, self.version)
        self._coming: list[tuple[int, Trajectory]] = []
        self._hand = start
        self._seen = self.measured
        self._cycle_ns = 10_000_000

    @property
    def fingers(self) -> float:
        """Where the fingers are, m."""
        held = self.controller.held[0] if self.controller.active else self._hand
        return max(float(held[FINGER]), self.obstacle)

    @property
    def measured(self) -> Float:
        """Where the joints are, (J,)."""
        at = np.array(self.controller.held[0] if self.controller.active else self._hand)
        at[FINGER] = self.fingers
        return at

    @property
    def setpoint(self) -> float:
        """What the controller commands of the finger, m."""
        return float(self.controller.held[0][FINGER])

    @property
    def reference(self) -> Float:
        """What a brain takes to be commanded, (J,)."""
        motion = self.gate.reference
        return self.measured if motion is None else motion.position

    def put(self, opening: float) -> None:
        """A person moves the fingers by hand, which no controller holds meanwhile."""
        self._hand = self.measured
        self.controller.deactivate()
        self._hand[FINGER] = opening

    def activate(self) -> None:
        """The controller holds what is measured."""
        self.controller.set_clock(self.now_ns)
        self.controller.activate(self.measured)

    def command(self, opening: float, span_s: float = 0.4, arm: float = 0.0) -> None:
        """Ask for an opening by then, from where the gate's reference is; the first joint goes on at a velocity."""
        start = np.clip(self.reference, self.limits.lower, self.limits.upper)
        times = np.array([0.0, span_s, span_s + 0.3])
        positions, velocities = np.tile(start, (3, 1)), np.zeros((3, len(start)))
        positions[1:, FINGER] = opening
        positions[1:, 0] += arm * times[1:] * [1.0, span_s / times[2]]
        velocities[:2, 0] = arm
        velocities[0, FINGER] = (opening - start[FINGER]) / span_s
        velocities = np.clip(velocities, -self.limits.velocity, self.limits.velocity)
        positions[2, 0] += 0.15 * arm
        self.asked = Trajectory(self.limits.names, times, positions, velocities, self.now_ns)
        self.gate.command(self.now_ns, self.asked)

    def arm(self) -> None:
        """Stand still, be armed, and be led in."""
        self.run(0.4)
        refusal = self.gate.arm(self.now_ns)
        assert refusal is None, refusal
        for _ in range(40):
            if self.gate.led_in:
                break
            self.run(TICK_S, float(self.reference[FINGER]))

    def run(self, span_s: float, opening: float | None = None, arm: float = 0.0) -> None:
        """Let time pass, with a command each tick to go on to an opening if there is one."""
        for cycle in range(round(span_s * 1e9 / self._cycle_ns)):
            if opening is not None and cycle % round(TICK_S * 1e9 / self._cycle_ns) == 0:
                self.command(opening, arm=arm)
            self.cycle()

    def cycle(self) -> None:
        self.now_ns += self._cycle_ns
        while self._coming and self._coming[0][0] <= self.now_ns:
            arrival_ns, trajectory = self._coming.pop(0)
            self._update(arrival_ns)
            self.controller.receive(trajectory, arrival_ns)
        self._update(self.now_ns)
        before, self._seen = self._seen, self.measured
        self._seen[FINGER] += self.noise_m * self._random.standard_normal()
        if not self.silent:
            self.gate.joint_state(self.now_ns, self._seen, (self._seen - before) / (self._cycle_ns * 1e-9))
        sent = self.gate.step(self.now_ns).outgoing
        if sent is not None and self.controller.active:
            self._coming.append((self.now_ns + round(self.delay_s * 1e9), sent))

    def _update(self, until_ns: int) -> None:
        said = self.controller.run(until_ns)
        if self.controller.active:
            self.arms += list(said.command)
            self.commands += said.command[:, FINGER].tolist()
            self.leads += (max(self.obstacle, 0.0) - said.command[:, FINGER]).tolist()

    def forget(self) -> None:
        """Keep only what comes from now on."""
        self.commands, self.leads, self.arms = self.commands[-2:], [], self.arms[-2:]
