"""Simulated robot for gate tests, without ROS: a gate, an arm that follows it with a small constant sag, a clock.

The arm hangs a little below what it is sent, each joint by another amount, as real ones do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from world_model_ros.bench.gate.checker import Checker
from world_model_ros.bench.gate.trajectory_controllers import Follower
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.gate.assumed_rest import tell_standing
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.output import GateOutput
from world_model_ros.gate.states import State

START_NS = 1_700_000_000 * 10**9
SAG_RAD, SAG_M = 0.003, 0.0005
LOOK_EVERY = 4  # steps between two looks at all distances, which cost as much as the gate itself


@dataclass
class Robot:
    """Steps a gate once a cycle, and lets a `Checker` follow what it sends.

    Args:
        contract: with a controller.
        position: (J,) where it starts; the gate has to agree.

    Attributes:
        frozen: keeps joint states back. offset: (J,) lets them disagree, rad or m, on top of the sag.
        followers: trajectory controllers that are sent the same.
        cycles_ms, cycles_cpu_ms: what each step of the gate took; the second does not count when others had the core.
    """

    contract: Contract
    position: Float
    now_ns: int = START_NS
    frozen: bool = False
    offset: Float | None = None
    followers: list[Follower] = field(default_factory=list)
    cycles_ms: list[float] = field(default_factory=list)
    cycles_cpu_ms: list[float] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        command = self.contract.deployment.command
        assert command is not None
        self.cycle_ns = round(1e9 / command.rate_hz)
        self.gate = gate_for(self.contract, brain_alone=True)
        say_all_is_well(self.gate, self.contract)
        self.checker = Checker(self.contract, self.position, self.now_ns)
        self.reference = np.array(self.position)
        units = np.array([SAG_RAD if joint.unit != "m" else SAG_M for joint in self.contract.interface.joints])
        self.sag = units * np.linspace(-1.0, 1.0, len(units))
        tell_standing(self.gate, self.position + self.sag, self.now_ns)

    def arm(self) -> bool:
        """Stand still, be whole again, and be armed."""
        self.frozen, self.offset = False, None
        self.measure()
        if self.gate.state is State.STOPPED:
            self.gate.reset(self.now_ns)
        if self.gate.arm(self.now_ns) is not None:
            return False
        for follower in self.followers:
            if not follower.controller.active:
                follower.restart(self.checker.executed.state[0], self.now_ns)
        return True

    def disagree(self, random: np.random.Generator) -> None:
        """Let one joint be measured just beyond the tolerance, all others elsewhere within half of it."""
        tolerance = self.contract.deployment.gate.tracking_tolerance
        self.offset = tolerance * random.uniform(-0.5, 0.5, len(self.sag))
        joint = int(random.choice(np.flatnonzero(self.gate.watched)))
        self.offset[joint] = tolerance * random.choice([-1.1, 1.1]) - self.sag[joint]

    def measure(self) -> None:
        self.gate.alarms.deadman(self.now_ns, held=True)
        if not self.frozen:
            position, velocity, _ = self.checker.executed.state
            offset = 0.0 if self.offset is None else self.offset
            self.gate.joint_state(self.now_ns, position + self.sag + offset, velocity)

    def step(self, leap_ns: int = 0) -> GateOutput:
        """Run one cycle; with ``leap_ns`` the clock of robot and gate leaps on or back first."""
        passed_ns = self.cycle_ns + max(leap_ns, 0)
        self.now_ns += self.cycle_ns + leap_ns
        self.steps += 1
        self.checker.passed(passed_ns * 1e-9, self.steps % LOOK_EVERY == 0, late=leap_ns > 0)
        self.checker.executed.now_ns = self.now_ns
        for follower in self.followers:
            if leap_ns:
                follower.stop()
            follower.run(self.now_ns)
        self.measure()
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        output = self.gate.step(self.now_ns)
        self.cycles_cpu_ms.append((time.thread_time() - begin_cpu) * 1e3)
        self.cycles_ms.append((time.perf_counter() - begin) * 1e3)
        if output.outgoing is not None:
            self.checker.sent(output.outgoing)
            for follower in self.followers:
                if follower.controller.active:
                    follower.send(output.outgoing, self.now_ns)
        if output.reference is not None:
            self.reference = output.reference.position
        return output


def say_all_is_well(gate: Gate, contract: Contract) -> None:
    """What the driver of a robot says that is ready and at full speed, if the contract has one."""
    driver = contract.deployment.driver
    if driver is None:
        return
    for each in driver.ready:
        gate.driver.hear_ready(each.topic, each.values[0])
    if driver.speed_scaling is not None:
        gate.driver.hear_scaling(driver.speed_scaling.full)


def require_no_companions(contract: Contract) -> None:
    """Raise a `UserError` if a gate process waits for what is not here: a deadman switch, clouds, driver, owner."""
    deployment = contract.deployment
    waited_for = {
        "deployment.gate.deadman": deployment.gate.deadman,
        "deployment.gate.clouds": deployment.gate.clouds or None,
        "deployment.driver": deployment.driver,
        "deployment.sources": deployment.sources,
    }
    for name, value in waited_for.items():
        if value is not None:
            raise UserError(name, contract.name, "a robot without it: with --live nothing says that all is well")
