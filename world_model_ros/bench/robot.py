"""A gate, an arm that follows it perfectly, and a clock of its own: the robot of the campaign, without ROS."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from world_model_ros.bench.checker import Checker
from world_model_ros.bench.executed import Float
from world_model_ros.contract.contract import Contract
from world_model_ros.safety.build import gate_for
from world_model_ros.safety.output import GateOutput
from world_model_ros.safety.states import State

START_NS = 1_700_000_000 * 10**9
LOOK_EVERY = 4  # steps between two looks at all distances, which cost as much as the gate itself


@dataclass
class Robot:
    """Steps a gate once a cycle, and lets a `Checker` follow what it sends.

    Args:
        contract: with a controller.
        position: (J,) where it starts; the gate has to agree.

    Attributes:
        faults: ``frozen`` keeps joint states back, ``offset`` lets them disagree (rad or m).
        cycles_ms, cycles_cpu_ms: what each step of the gate took; the second does not count when others had the core.
    """

    contract: Contract
    position: Float
    now_ns: int = START_NS
    frozen: bool = False
    offset: float = 0.0
    cycles_ms: list[float] = field(default_factory=list)
    cycles_cpu_ms: list[float] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        command = self.contract.deployment.command
        assert command is not None
        self.cycle_ns = round(1e9 / command.rate_hz)
        self.gate = gate_for(self.contract)
        self.checker = Checker(self.contract, self.position)
        self.reference = np.array(self.position)

    def arm(self) -> bool:
        """Stand still, be whole again, and be armed."""
        self.frozen, self.offset = False, 0.0
        self.measure()
        if self.gate.state is State.STOPPED:
            self.gate.reset(self.now_ns)
        return self.gate.arm(self.now_ns) is None

    def measure(self) -> None:
        if not self.frozen:
            position, velocity, _ = self.checker.executed.state
            self.gate.joint_state(self.now_ns, position + self.offset, velocity)

    def step(self, leap_ns: int = 0) -> GateOutput:
        """One cycle; with ``leap_ns`` the clock of robot and gate leaps on or back first."""
        passed_ns = self.cycle_ns + max(leap_ns, 0)
        self.now_ns += self.cycle_ns + leap_ns
        self.steps += 1
        self.checker.passed(passed_ns * 1e-9, self.steps % LOOK_EVERY == 0, late=leap_ns > 0)
        self.measure()
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        output = self.gate.step(self.now_ns)
        self.cycles_cpu_ms.append((time.thread_time() - begin_cpu) * 1e3)
        self.cycles_ms.append((time.perf_counter() - begin) * 1e3)
        if output.outgoing is not None:
            self.checker.sent(output.outgoing)
        if output.reference is not None:
            self.reference = output.reference.position
        return output
