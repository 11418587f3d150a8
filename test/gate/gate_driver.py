"""Steps a gate on exact time with an arm that follows perfectly, and keeps what it did."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from world_model_ros.contract.contract import load_contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits, Trajectory
from world_model_ros.gate.assumed_rest import tell_standing
from world_model_ros.gate.conditions.arming import REST_S
from world_model_ros.gate.gate import Gate, GateOutput
from world_model_ros.gate.motion.limiter import Motion

CONTRACT = load_contract("tabletop_arm")
LIMITS = CONTRACT.limits()
HOME = np.array([-0.3, -1.5, 2.2, -2.2, -1.57, -1.87])
TICK_NS = CONTRACT.tick_ns
CYCLE_NS = 20_000_000
MOST_LED = 100  # cycles
START_NS = 1_700_000_000 * 10**9
JOINTS = len(LIMITS.names)


def new_gate() -> Gate:
    """Without collision: what is tested with it is in test_collision.py."""
    return Gate(LIMITS, CONTRACT.deployment.gate, TICK_NS * 1e-9, 1e9 / CYCLE_NS, joints_max_age_s=0.1)


@dataclass
class Driver:
    """Set ``frozen`` to lose the joint states, ``offset`` (rad, one or (J,)) to let the arm disagree."""

    gate: Gate = field(default_factory=new_gate)
    now_ns: int = START_NS
    position: Float = field(default_factory=HOME.copy)
    frozen: bool = False
    offset: float | Float = 0.0
    sent: Trajectory | None = None
    outputs: list[GateOutput] = field(default_factory=list)

    def __post_init__(self) -> None:
        tell_standing(self.gate, self.position, self.now_ns)

    def measure(self) -> None:
        if not self.frozen:
            self.gate.joint_state(self.now_ns, self.position + self.offset, np.zeros(JOINTS))

    def rest(self, span_s: float = REST_S + 0.02) -> Driver:
        """Let it stand where it is, as long as it must to be armed."""
        for _ in range(round(span_s * 1e9 / CYCLE_NS)):
            self.now_ns += CYCLE_NS
            self.measure()
            self.gate.step(self.now_ns)
        return self

    def armed(self) -> Driver:
        self.measure()
        assert self.gate.arm(self.now_ns) is None
        return self

    def step(self, cycles: int = 1) -> GateOutput:
        for _ in range(cycles):
            self.now_ns += CYCLE_NS
            self.measure()
            output = self.gate.step(self.now_ns)
            if output.outgoing is not None:
                self.sent = output.outgoing
            if output.state.value != "disarmed":
                self.position = output.reference.position
            elif self.sent is not None:
                self.position = self.sent.sample(self.now_ns)[0]
            self.outputs.append(output)
        return output

    def move(self, velocity: float, joint: int = 0, span_s: float = 1.2) -> Trajectory:
        """A valid command from where the reference is: one joint at constant velocity, then at rest."""
        times = np.array([0.0, span_s, span_s + 0.3])
        positions = np.tile(self.position, (3, 1))
        positions[1, joint] += velocity * span_s
        positions[2, joint] += velocity * (span_s + 0.15)
        velocities = np.zeros((3, JOINTS))
        velocities[:2, joint] = velocity
        return Trajectory(LIMITS.names, times, positions, velocities, self.now_ns)

    def led(self, held: bool = False) -> Driver:
        """Command it to stay until the controller has been led to where motion begins; ``held`` is the switch."""
        for _ in range(MOST_LED):
            if self.gate.led_in:
                break
            self.gate.command(self.now_ns, self.move(0.0))
            if held:
                self.gate.alarms.deadman(self.now_ns, True)
            self.step()
        return self

    def track(self, velocity: float = 0.5, ticks: int = 5, joint: int = 0) -> Driver:
        """Command a motion once a tick for some ticks, ending right after a step."""
        self.led()
        for _ in range(ticks):
            assert self.gate.command(self.now_ns, self.move(velocity, joint)) is None
            self.step(TICK_NS // CYCLE_NS)
        return self

    @property
    def transitions(self) -> list[str]:
        return [str(transition) for output in self.outputs for transition in output.transitions]


def assert_within_limits(motions: list[Motion], cycle_s: float, limits: JointLimits = LIMITS) -> None:
    """Position, velocity and acceleration at each step, and jerk between them."""
    slack = 1e-6
    position, velocity, acceleration = (
        np.array([getattr(motion, name) for motion in motions]) for name in ("position", "velocity", "acceleration")
    )
    assert np.all(position >= limits.lower - slack)
    assert np.all(position <= limits.upper + slack)
    assert np.all(np.abs(velocity) <= limits.velocity + slack)
    assert np.all(np.abs(acceleration) <= limits.acceleration + slack)
    assert np.all(np.abs(np.diff(acceleration, axis=0)) / cycle_s <= limits.jerk + slack)
    # The numbers belong together: velocity is the change of position, to second order.
    middle = 0.5 * (velocity[1:] + velocity[:-1])
    assert np.all(np.abs(np.diff(position, axis=0) / cycle_s - middle) <= limits.jerk * cycle_s**2 / 12 + slack)
