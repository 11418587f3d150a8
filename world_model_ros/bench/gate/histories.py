"""Random event histories of gate, controller and arm; checks the controller's motion after arming against limits.

Between two motions the controller may be deactivated and activated again, the arm moved by hand or by another
controller, the load on it changed, the gate stopped, reset, or started anew. Whatever happened, the motion after arming
has to keep the limits where it counts: at the controller.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from world_model_ros.bench.gate.gate_robot import START_NS, say_all_is_well
from world_model_ros.bench.gate.trajectory_controllers import JUDGED, UPDATE_HZ, Follower, Setting, exceeded
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.parallel import spread
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.states import State

EVENTS = ("track", "begin", "disarm", "stop", "reset", "reset", "restart", "pushed", "elsewhere", "load", "gate")
MOTION_S = 0.8  # after arming, of which the first command is judged
SETTLE_S = 0.5
ATTEMPTS = 20  # to arm, in a second
HAND = 0.3  # rad (m for slides), of the range at most a tenth: how far a person moves a joint
LOAD_RAD, LOAD_M = 0.03, 0.003  # the most that a joint hangs below its command


@dataclass
class Bench:
    """A gate, a controller that it drives, and an arm that hangs on the controller.

    Args:
        contract: with a trajectory controller. setting: of the controller.
        position: (J,) with room around it.
        seed: of everything.

    Attributes:
        stopped: where (J,) the driver keeps the arm, whatever the controller says; None lets it follow.
        told: the events so far.
    """

    contract: Contract
    setting: Setting
    position: Float
    seed: int
    now_ns: int = START_NS
    stopped: Float | None = None
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        command = self.contract.deployment.command
        assert command is not None
        self._random = np.random.default_rng(self.seed)
        self.limits = self.contract.limits()
        self._cycle_ns = round(1e9 / command.rate_hz)
        self._slides = np.array([joint.unit == "m" for joint in self.contract.interface.joints])
        self._gate()
        self.follower = Follower(self.setting, self.limits, self.position, self.now_ns, self.seed)
        self._loose = np.array(self.position)  # where the arm is while no controller holds it
        self._load()
        self._seen = self.measured

    @property
    def measured(self) -> Float:
        """Where the joints are, (J,)."""
        if self.stopped is not None:
            return self.stopped
        if not self.follower.controller.active:
            return self._loose
        return np.asarray(self.follower.controller.held[0] + self._sag)

    def run(self, span_s: float, velocity: Float | None = None) -> None:
        """Let time pass, with commands to go on at a velocity (J,) if there is one."""
        for cycle in range(round(span_s * 1e9 / self._cycle_ns)):
            if velocity is not None and cycle % 5 == 0:
                self.gate.command(self.now_ns, self._command(velocity))
            self.now_ns += self._cycle_ns
            self.follower.run(self.now_ns)
            before, self._seen = self._seen, self.measured
            self.gate.alarms.deadman(self.now_ns, held=True)
            self.report(self._seen, (self._seen - before) / (self._cycle_ns * 1e-9))
            sent = self.gate.step(self.now_ns).outgoing
            if sent is not None and self.follower.controller.active:
                self.follower.send(sent, self.now_ns)

    def report(self, position: Float, velocity: Float) -> None:
        """What the driver says of the joints (J,) each cycle, to the gate."""
        self.gate.joint_state(self.now_ns, position, velocity)

    def happen(self, event: str) -> None:
        """Let one of `EVENTS` happen."""
        self.told.append(event)
        {
            "track": self._track,
            "begin": self._begin,
            "disarm": self._disarm,
            "stop": self._stop,
            "reset": self._reset,
            "restart": self._restart,
            "pushed": self._pushed,
            "elsewhere": self._elsewhere,
            "load": self._load,
            "gate": self._gate,
        }[event]()

    def arm_and_move(self) -> bool:
        """Arm, maybe restart the controller while the gate holds, and move. False if there was no motion to judge."""
        if not self.follower.controller.active:
            self._activate()
        self.run(float(self._random.choice([0.0, 0.1, SETTLE_S])))
        for _ in range(ATTEMPTS):
            if self.gate.state is State.STOPPED:
                self.gate.reset(self.now_ns)
            if self.gate.state is State.DISARMED and self.gate.arm(self.now_ns) is None:
                break
            self.run(1.0 / ATTEMPTS)
        else:
            return False
        if self._random.random() < 0.3:
            self.told.append("restart while holding")
            self._restart()
        self.follower.forget()
        self.run(MOTION_S, self._random.uniform(-0.5, 0.5, len(self.limits.names)) * self.limits.velocity)
        return self.follower.updates > 0 and self.gate.state.value == "tracking"

    def _command(self, velocity: Float) -> Trajectory:
        """Motion from where the gate's reference is, as far as the limits let it, and a stop."""
        measured = self.measured if self.gate.reference is None else self.gate.reference.position
        limits, spans = self.limits, (0.0, 0.4, 0.5)
        at = np.clip(measured, limits.lower, limits.upper)
        positions = np.clip([at + velocity * time for time in spans], limits.lower, limits.upper)
        return Trajectory(limits.names, np.array(spans), positions, np.zeros_like(positions), self.now_ns)

    def _begin(self) -> None:
        """Armed, commanded, and stopped during the lead-in."""
        if self.gate.arm(self.now_ns) is None:
            self.run(self._random.uniform(0.02, 0.2), np.zeros(len(self.limits.names)))
            self.gate.stop(self.now_ns)
            self.run(0.01)

    def _track(self) -> None:
        velocity = self._random.uniform(-0.5, 0.5, len(self.limits.names)) * self.limits.velocity
        self.run(self._random.uniform(0.1, 0.8), velocity)
        if self._random.random() < 0.5 and self.follower.controller.active:  # in the middle of the motion
            self._deactivate()
            self.run(self._random.uniform(0.0, 0.3), velocity)

    def _disarm(self) -> None:
        self.gate.disarm(self.now_ns)
        self.run(self._random.uniform(0.0, 1.0))

    def _stop(self) -> None:
        self.gate.stop(self.now_ns)
        self.run(self._random.uniform(0.0, 1.0))

    def _reset(self) -> None:
        self.gate.reset(self.now_ns)

    def _gate(self) -> None:
        """The gate's process is started anew."""
        self.gate: Gate = gate_for(self.contract, brain_alone=True)
        say_all_is_well(self.gate, self.contract)

    def _restart(self) -> None:
        self._deactivate()
        self.run(self._random.uniform(0.0, 0.1))
        self._activate()

    def _pushed(self) -> None:
        """A person moves the arm by hand, which no controller holds meanwhile."""
        self._deactivate()
        most = np.minimum(HAND, 0.1 * (self.limits.upper - self.limits.lower))
        moved = self._loose + self._random.uniform(-most, most)
        self._loose = np.clip(moved, self.limits.lower, self.limits.upper)
        self.run(self._random.uniform(0.0, 0.2))
        self._activate()

    def _elsewhere(self) -> None:
        """Another controller drives it to where it was at first."""
        self._deactivate()
        self._loose = np.array(self.position)
        self.run(self._random.uniform(0.0, 0.2))
        self._activate()

    def _load(self) -> None:
        most = np.where(self._slides, LOAD_M, LOAD_RAD) * self._random.choice([0.0, 0.1, 0.3, 1.0])
        self._sag = self._random.uniform(-most, most)

    def _deactivate(self) -> None:
        self._loose = np.array(self.measured)
        self.follower.stop()

    def _activate(self) -> None:
        """It holds what is measured, or what the hardware was commanded last, as its settings have it."""
        held = self._loose if self._random.random() < 0.5 else self._loose - self._sag
        self.follower.restart(np.clip(held, self.limits.lower, self.limits.upper), self.now_ns)


def histories(contract: Contract, count: int, position: Float, seed: int = 0, first: int = 0) -> dict[str, Any]:
    """Let ``count`` random histories end with an arming and a first motion.

    Args:
        position: (J,) with room around it.
        first: number of the first one.

    Returns:
        ``count``, ``judged`` (where there was a motion), ``acceleration_ratio`` and ``velocity_ratio`` of the worst,
        ``exceeded`` (each that broke the promise of docs/safety.md, in words), and ``worst`` (number, controller and
        events).

    Raises:
        UserError: the robot has no trajectory controller.
    """
    transport_s = contract.deployment.gate.transport_s
    command = contract.deployment.command
    if command is not None and command.streamed:
        raise UserError("histories", count, f"0 for {command.interface}; a history is of a trajectory controller")
    judged, exceeding, culprit = 0, [], {}
    worst = {"acceleration_ratio": 0.0, "velocity_ratio": 0.0}
    for number in range(first, first + count):
        bench = _history(contract, position, [seed, 3, number])
        if not bench.arm_and_move():
            continue
        judged += 1
        follower = bench.follower
        exceeding += [f"history {number}: {words}" for words in exceeded([follower.report()], transport_s)]
        if follower.acceleration_ratio > worst["acceleration_ratio"]:
            culprit = {"number": number, "controller": vars(follower.setting), "events": bench.told}
        worst = {name: max(value, getattr(follower, name)) for name, value in worst.items()}
    return {"count": count, "judged": judged, **worst, "exceeded": exceeding, "worst": culprit}


def spread_histories(contract: Contract, count: int, position: Float, seed: int, workers: int) -> dict[str, Any]:
    """As `histories`, by several processes."""
    chunk = -(-count // max(workers, 1))
    jobs = [(contract, min(chunk, count - i), position, seed, i) for i in range(0, count, chunk)]
    found = list(spread(_histories, jobs, workers))
    merged = dict(max(found, key=lambda each: each["acceleration_ratio"]))
    merged |= {name: sum(each[name] for each in found) for name in ("count", "judged")}
    merged["velocity_ratio"] = max(each["velocity_ratio"] for each in found)
    return merged | {"exceeded": [words for each in found for words in each["exceeded"]]}


def _histories(job: tuple[Contract, int, Float, int, int]) -> dict[str, Any]:
    return histories(*job)


def _history(contract: Contract, position: Float, seed: list[int]) -> Bench:
    """A bench after one to five events, of which more than half follow a motion."""
    random = np.random.default_rng(seed)
    delay_s = float(random.choice([0.0, contract.deployment.gate.transport_s]))
    setting = Setting(JUDGED[int(random.integers(2))], float(random.choice(UPDATE_HZ)), delay_s)
    bench = Bench(contract, setting, position, int(random.integers(2**31)))
    bench.run(0.1)
    for _ in range(int(random.integers(1, 6))):
        if random.random() < 0.6:
            bench.arm_and_move()
        bench.happen(EVENTS[int(random.integers(len(EVENTS)))])
    return bench
