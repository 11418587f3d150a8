"""Draws random test commands for a gate: valid, invalid, or with a fault around them; says which must be accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits
from world_model_ros.gate.rules import Proposal

VALID_SHARE = 0.6  # of frames; without them nothing would ever move
SPAN_S = 0.6  # of motion at constant velocity in a valid command, and half of that to stop
GOAL_FRAMES = (10, 80)  # for how many frames one goal is pursued


@dataclass(frozen=True)
class Frame:
    """A command.

    Args:
        kind: class.
        proposal: as it comes out of a message.
        valid: whether an armed gate has to accept (True) or refuse (False) it.
        fault: what happens to the robot or the clock besides, see `world_model_ros.bench.gate.gate_robot`.
    """

    kind: str
    proposal: Proposal
    valid: bool = True
    fault: str | None = None


class Fuzz:
    """An endless row of frames.

    Args:
        limits: of J joints.
        seed: of everything.
        ages_s: the oldest stamp and the farthest future that a gate accepts, s. horizon_s: the farthest point.
        goals: configurations (N, J) to go to besides random ones: those where the robot would hit something.
    """

    def __init__(
        self, limits: JointLimits, seed: int, ages_s: tuple[float, float], horizon_s: float, goals: Float | None = None
    ) -> None:
        self._limits = limits
        self._random = np.random.default_rng(seed)
        self._ages_s = ages_s
        self._horizon_s = horizon_s
        self._goals = goals if goals is not None and len(goals) else None
        self._goal = np.zeros(len(limits.names))
        self._near = False
        self._left = 0

    def frame(self, now_ns: int, reference: Float) -> Frame:
        """The next command, sent at a time to a gate whose commanded position is ``reference`` (J,)."""
        command = self._valid(now_ns, reference)
        if self._random.random() < VALID_SHARE:
            return Frame("near_collision" if self._near else "valid", command)
        kind = KINDS[self._random.integers(len(KINDS))]
        return _MAKE[kind](self, command)

    def one_of(self, count: int) -> int:
        return int(self._random.integers(count))

    def between(self, low: float, high: float) -> float:
        """A number between two, evenly on a logarithmic scale."""
        return float(np.exp(self._random.uniform(np.log(low), np.log(high))))

    def changed(self, command: Proposal, field: str, change: Callable[[int, float], float]) -> Proposal:
        """A command with one value changed, at a random point and joint: ``change(joint, value)``."""
        rows = [list(row) for row in getattr(command, field)]
        row, joint = self.one_of(len(rows)), self.one_of(len(rows[0]))
        rows[row][joint] = change(joint, rows[row][joint])
        return Proposal(**{**vars(command), field: rows})

    def _valid(self, now_ns: int, reference: Float) -> Proposal:
        """Toward a goal at up to 1.8 times the velocity limit, then a stop; within position limits all along."""
        limits = self._limits
        if self._left == 0:
            self._left = int(self._random.integers(*GOAL_FRAMES))
            self._near = self._goals is not None and self._random.random() < 0.3
            if self._near and self._goals is not None:
                self._goal = self._goals[self.one_of(len(self._goals))]
            else:
                self._goal = self._random.uniform(limits.lower, limits.upper)
            self._speed = self._random.uniform(0.1, 1.8) * limits.velocity
        self._left -= 1
        reference = np.clip(reference, limits.lower, limits.upper)
        velocity = np.clip((self._goal - reference) / (1.25 * SPAN_S), -self._speed, self._speed)
        positions = [reference, reference + velocity * SPAN_S, reference + velocity * 1.25 * SPAN_S]
        rows = [np.clip(row, limits.lower, limits.upper).tolist() for row in positions]
        speeds = [velocity.tolist(), velocity.tolist(), [0.0] * len(velocity)]
        return Proposal(list(limits.names), [0.0, SPAN_S, 1.5 * SPAN_S], rows, speeds, now_ns)


def _past_position(fuzz: Fuzz, command: Proposal) -> Frame:
    excess = fuzz.between(1e-9, 3.0)
    bounds, sign = ((fuzz._limits.lower, -1.0), (fuzz._limits.upper, 1.0))[fuzz.one_of(2)]
    changed = fuzz.changed(command, "positions", lambda joint, _: float(bounds[joint]) + sign * excess)
    return Frame("past_position", changed, valid=False)


def _past_velocity(fuzz: Fuzz, command: Proposal) -> Frame:
    ratio = (2.0 + fuzz.between(1e-9, 10.0)) * (1 - 2 * fuzz.one_of(2))
    changed = fuzz.changed(command, "velocities", lambda joint, _: ratio * float(fuzz._limits.velocity[joint]))
    return Frame("past_velocity", changed, valid=False)


def _one_value(kind: str, values: tuple[float, ...]) -> Callable[[Fuzz, Proposal], Frame]:
    def make(fuzz: Fuzz, command: Proposal) -> Frame:
        value = values[fuzz.one_of(len(values))]
        if fuzz.one_of(5) == 0:
            times = list(command.times_s)
            times[fuzz.one_of(len(times))] = value
            return Frame(kind, replace(command, times_s=times), valid=False)
        field = ("positions", "velocities")[fuzz.one_of(2)]
        return Frame(kind, fuzz.changed(command, field, lambda *_: value), valid=False)

    return make


def _denormal(fuzz: Fuzz, command: Proposal) -> Frame:
    """Velocities that are hardly there, at one point: valid, and leads nowhere."""
    tiny = [[5e-324 * (1 + fuzz.one_of(9))] * len(command.names)]
    return Frame("denormal", replace(command, times_s=[5e-324], positions=command.positions[:1], velocities=tiny))


def _names(kind: str, change: Callable[[Fuzz, list[str]], list[str]]) -> Callable[[Fuzz, Proposal], Frame]:
    return lambda fuzz, command: Frame(kind, replace(command, names=change(fuzz, list(command.names))), valid=False)


def _permuted(fuzz: Fuzz, command: Proposal) -> Frame:
    order = fuzz._random.permutation(len(command.names)).tolist()
    fields = (command.positions, command.velocities)
    positions, velocities = ([[row[i] for i in order] for row in rows] for rows in fields)
    names = [command.names[i] for i in order]
    return Frame("permuted_names", replace(command, names=names, positions=positions, velocities=velocities))


def _ragged(fuzz: Fuzz, command: Proposal) -> Frame:
    field = ("positions", "velocities")[fuzz.one_of(2)]
    rows = [list(row) for row in getattr(command, field)]
    if fuzz.one_of(2):
        rows[fuzz.one_of(len(rows))].append(0.0)
    else:
        rows.pop()
    return Frame("ragged", Proposal(**{**vars(command), field: rows}), valid=False)


def _late(fuzz: Fuzz, command: Proposal) -> Frame:
    age_ns = round((fuzz._ages_s[0] + fuzz.between(1e-3, 1e6)) * 1e9)
    return Frame("stamp_past", replace(command, stamp_ns=command.stamp_ns - age_ns), valid=False)


def _early(fuzz: Fuzz, command: Proposal) -> Frame:
    ahead_ns = round((fuzz._ages_s[1] + fuzz.between(1e-3, 1e6)) * 1e9)
    return Frame("stamp_future", replace(command, stamp_ns=command.stamp_ns + ahead_ns), valid=False)


def _far(fuzz: Fuzz, command: Proposal) -> Frame:
    times = [*command.times_s[:-1], fuzz._horizon_s + fuzz.between(1e-6, 1e6)]
    return Frame("past_horizon", replace(command, times_s=times), valid=False)


def _backwards(fuzz: Fuzz, command: Proposal) -> Frame:
    times = list(command.times_s)
    times[1] = (times[0], times[2], -1.0)[fuzz.one_of(3)]
    return Frame("times", replace(command, times_s=times), valid=False)


def _fault(fault: str) -> Callable[[Fuzz, Proposal], Frame]:
    return lambda fuzz, command: Frame(fault, command, fault=fault)


_MAKE: dict[str, Callable[[Fuzz, Proposal], Frame]] = {
    "past_position": _past_position,
    "past_velocity": _past_velocity,
    "past_horizon": _far,
    "nan": _one_value("nan", (float("nan"),)),
    "inf": _one_value("inf", (float("inf"), float("-inf"))),
    "huge": _one_value("huge", (1e308, -1e308, 1e30)),
    "denormal": _denormal,
    "duplicated_names": _names("duplicated_names", lambda _, names: [*names[:-1], names[0]]),
    "missing_names": _names("missing_names", lambda fuzz, names: names[: fuzz.one_of(len(names))]),
    "permuted_names": _permuted,
    "ragged": _ragged,
    "empty": lambda _, command: Frame("empty", replace(command, times_s=[], positions=[], velocities=[]), valid=False),
    "times": _backwards,
    "stamp_past": _late,
    "stamp_future": _early,
    "flood": _fault("flood"),
    "clock_back": _fault("clock_back"),
    "clock_leap": _fault("clock_leap"),
    "joint_states_stale": _fault("joint_states_stale"),
    "joint_states_disagree": _fault("joint_states_disagree"),
    "silence": _fault("silence"),
}
FAULTS = ("clock_back", "clock_leap", "joint_states_stale", "joint_states_disagree", "silence")
# A fault costs the gate many steps, so that each is drawn less often.
KINDS = [kind for kind in _MAKE for _ in range(1 if kind in FAULTS else 6)]
