"""The gate between a brain and a controller: judges commands, limits motion, brakes when something is lost.

Pure object: time comes in as ``now_ns`` and nothing goes out but return values. The motion it commands (the reference)
always follows a plan that ends in a stop, and the whole rest of that plan is in every trajectory sent, so the arm
stops by itself when the gate dies.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from world_model_ros.contract.schema import GateSettings
from world_model_ros.core.trajectory import Float, JointLimits, Trajectory
from world_model_ros.safety.limiter import Limiter, Motion, Plan
from world_model_ros.safety.rules import FUTURE_S, Refusal, TrajectoryLike, judge
from world_model_ros.safety.states import Event, Machine, State, Transition

LEAD_S = 0.1
MAX_POINTS = 12
CLOCK_JUMP_S = 0.5
OUTSIDE_TOLERANCE = 1e-3  # rad or m; an arm that rests at its limit may measure a little more
STILL_RATIO = 0.05  # a joint slower than this share of its velocity limit stands still


@dataclass(frozen=True)
class GateOutput:
    """What one step says.

    Args:
        state, cause: of the state machine.
        reference: the commanded motion now; while disarmed the measured one, None if nothing is known.
        outgoing: trajectory for the controller, from now to a stop; None if there is nothing to say.
        transitions: changes of state since the step before.
    """

    state: State
    cause: Event
    reference: Motion | None
    outgoing: Trajectory | None
    transitions: tuple[Transition, ...]


@dataclass(frozen=True)
class _Measured:
    stamp_ns: int
    position: Float
    velocity: Float


class Gate:
    """See the module; `step` is to be called ``rate_hz`` times a second.

    Args:
        limits: of J joints.
        settings: when to brake.
        tick_s: time between two commands of the brain.
        rate_hz: steps per second.
        joints_max_age_s: older joint states are no joint states.
    """

    def __init__(
        self, limits: JointLimits, settings: GateSettings, tick_s: float, rate_hz: float, joints_max_age_s: float
    ) -> None:
        self.limits = limits
        self.settings = settings
        self.counts: Counter[str] = Counter()  # "accepted", and refused commands by rule
        self.last_refusal: Refusal | None = None
        self._cycle_s = 1.0 / rate_hz
        # The step nearest to the deadline brakes, so the delay is off by half a cycle at most.
        self._silence_s = settings.silence_ticks * tick_s - 0.5 * self._cycle_s
        self._joints_max_age_s = joints_max_age_s
        self._limiter = Limiter(limits, max(LEAD_S, 2 * self._cycle_s))
        self._machine = Machine()
        self._transitions: list[Transition] = []
        self._measured: _Measured | None = None
        self._command: Trajectory | None = None
        self._command_ns = 0  # when it came
        self._plan: Plan | None = None  # what is being done; None while disarmed
        self._setpoint: Float | None = None  # what the controller was told last, and holds; None if nothing was
        self._into_s = 0.0  # how far into the plan
        self._step_ns: int | None = None

    @property
    def state(self) -> State:
        return self._machine.state

    @property
    def cause(self) -> Event:
        return self._machine.cause

    def arm(self, now_ns: int) -> Refusal | None:
        """Begin to hold; refused unless disarmed and standing still within limits.

        The motion goes on from where the controller was left, because that is where it still is: a command from the
        measured position would be a jump for it. Refused if the arm is not there, until `reset` says that the
        controller holds what is measured.
        """
        measured = self._measured
        if self.state is not State.DISARMED:
            return Refusal("state", None, self.state.value, State.DISARMED.value)
        if measured is None or not self._fresh(measured, now_ns):
            return Refusal("joint_states_stale", None, self._age_text(now_ns), f"up to {self._joints_max_age_s} s")
        held = np.clip(measured.position, self.limits.lower, self.limits.upper)
        outside = np.abs(measured.position - held) > OUTSIDE_TOLERANCE
        moving = np.abs(measured.velocity) > STILL_RATIO * self.limits.velocity
        for rule, broken, values in (
            ("position", outside, measured.position),
            ("velocity", moving, measured.velocity),
        ):
            if np.any(broken):
                joint = int(np.argmax(broken))
                low, high = self.limits.lower[joint], self.limits.upper[joint]
                legal = f"{low} to {high}" if rule == "position" else "standing still"
                return Refusal(rule, self.limits.names[joint], float(values[joint]), legal)
        if self._setpoint is not None:
            away = np.abs(measured.position - self._setpoint)
            if np.any(away > self.settings.tracking_tolerance):
                joint = int(np.argmax(away / self.settings.tracking_tolerance))
                legal = f"within {self.settings.tracking_tolerance} of what the controller holds, or gate/reset"
                return Refusal("joint_states_disagree", self.limits.names[joint], float(away[joint]), legal)
            held = self._setpoint
        self._plan = self._limiter.stop(Motion.still(held))
        self._into_s = 0.0
        self._command = None
        self._fire(Event.ARM, now_ns)
        return None

    def disarm(self, now_ns: int) -> Refusal | None:
        """Brake if moving, then be disarmed; refused by a stopped gate, which stays stopped."""
        if self.state is State.STOPPED:
            return Refusal("state", None, self.state.value, "not stopped; gate/reset leads out of a stop")
        self._fire(Event.DISARM, now_ns)
        return None

    def stop(self, now_ns: int) -> None:
        """Brake and stay so until `reset`."""
        self._fire(Event.STOP, now_ns)

    def reset(self, now_ns: int) -> Refusal | None:
        """From stopped to disarmed; refused while still braking.

        Already disarmed, it forgets where the controller was left; to be called by somebody who has seen to it that the
        controller holds what is measured.
        """
        if self.state is State.DISARMED:
            self._setpoint = None
            return None
        if self.state is not State.STOPPED:
            return Refusal("state", None, self.state.value, f"{State.STOPPED.value} or {State.DISARMED.value}")
        if not self._still():
            return Refusal("velocity", None, "braking", "standing still")
        self._plan = None
        self._fire(Event.RESET, now_ns)
        return None

    def joint_state(self, stamp_ns: int, position: Float, velocity: Float) -> bool:
        """Take measured positions and velocities (J,). False, and nothing taken, if they are not finite."""
        position, velocity = np.array(position, dtype=np.float64), np.array(velocity, dtype=np.float64)
        count = len(self.limits.names)
        if position.shape != (count,) or velocity.shape != (count,):
            return False
        if not (np.all(np.isfinite(position)) and np.all(np.isfinite(velocity))):
            return False
        self._measured = _Measured(stamp_ns, position, velocity)
        return True

    def command(self, now_ns: int, command: TrajectoryLike) -> Refusal | None:
        """Judge a command and follow it from the next step on, or say why not.

        A lawful command that the state does not allow is refused by the rule ``state``.
        """
        newest_ns = self._command.stamp_ns if self._command is not None else None
        verdict = judge(command, self.limits, now_ns, self.settings.command_max_age_s, newest_ns)
        if isinstance(verdict, Trajectory):
            if self.state in (State.HOLDING, State.TRACKING) or self._machine.resumable:
                self._command, self._command_ns = verdict, now_ns
                self.counts["accepted"] += 1
                self._fire(Event.COMMAND, now_ns)
                return None
            verdict = Refusal("state", None, self.state.value, "armed")
        else:
            self.last_refusal = verdict
        self.counts[verdict.rule] += 1
        return verdict

    def step(self, now_ns: int) -> GateOutput:
        """Move on to ``now_ns``."""
        self._advance(now_ns)
        if self._plan is not None:
            self._watch(now_ns)
            self._replan(now_ns)
        self._settle(now_ns)
        transitions, self._transitions = tuple(self._transitions), []
        output = GateOutput(self.state, self.cause, self._reference(), self._outgoing(now_ns), transitions)
        _require_finite(output)
        return output

    def _advance(self, now_ns: int) -> None:
        """Let the plan go on by the time that has passed, as the controller did; a clock jump forgets all stamps."""
        passed_s = self._cycle_s if self._step_ns is None else (now_ns - self._step_ns) * 1e-9
        if not 0.0 <= passed_s <= CLOCK_JUMP_S:
            passed_s = max(passed_s, self._cycle_s)
            self._measured = self._command = None
            self._fire(Event.CLOCK_JUMP, now_ns)
        self._step_ns = now_ns
        self._into_s += passed_s

    def _watch(self, now_ns: int) -> None:
        """Fire the faults and the silence."""
        assert self._plan is not None
        measured, reference = self._measured, self._plan.at(self._into_s)
        if measured is None or not self._fresh(measured, now_ns):
            self._fire(Event.JOINTS_STALE, now_ns)
        elif np.any(np.abs(measured.position - reference.position) > self.settings.tracking_tolerance):
            self._fire(Event.JOINTS_DISAGREE, now_ns)
        if self._silent_s(now_ns) > self._silence_s:
            self._fire(Event.SILENCE, now_ns)

    def _replan(self, now_ns: int) -> None:
        """Plan anew where that is possible within limits; otherwise the plan at hand goes on to its stop."""
        assert self._plan is not None
        motion = self._plan.at(self._into_s)
        plan = None
        if self.state is State.TRACKING and self._command is not None:
            plan = self._limiter.follow(motion, *self._command.sample(now_ns + round(self._limiter.lead_s * 1e9)))
        elif self.state in (State.SLOWING, State.STOPPED) and self._plan.lead_s > 0:
            plan = self._limiter.stop(motion)
        if plan is not None:
            self._plan, self._into_s = plan, 0.0

    def _settle(self, now_ns: int) -> None:
        """Disarm a gate that has braked and stands still; after silence, give the brain a while to come back."""
        waiting = self._machine.resumable and self._silent_s(now_ns) <= self.settings.disarm_after_s
        if self.state is State.SLOWING and self._still() and not waiting:
            self._fire(Event.STILL, now_ns)
            self._plan = None

    def _outgoing(self, now_ns: int) -> Trajectory | None:
        """The rest of the plan. A still arm is not told to stand still: the controller holds its last point."""
        if self._plan is None or (self.state is not State.TRACKING and self._still()):
            return None
        times, positions, velocities = self._plan.points(self._into_s, self._cycle_s, MAX_POINTS)
        self._setpoint = positions[-1]
        return Trajectory(self.limits.names, times, positions, velocities, now_ns)

    def _reference(self) -> Motion | None:
        if self._plan is not None:
            return self._plan.at(self._into_s)
        if self._measured is not None:
            return Motion(self._measured.position, self._measured.velocity, np.zeros_like(self._measured.position))
        return None

    def _still(self) -> bool:
        return self._plan is None or self._into_s >= self._plan.duration_s

    def _silent_s(self, now_ns: int) -> float:
        return (now_ns - self._command_ns) * 1e-9

    def _fresh(self, measured: _Measured, now_ns: int) -> bool:
        return -FUTURE_S <= (now_ns - measured.stamp_ns) * 1e-9 <= self._joints_max_age_s

    def _age_text(self, now_ns: int) -> str:
        return "none yet" if self._measured is None else f"age {(now_ns - self._measured.stamp_ns) * 1e-9:.3f} s"

    def _fire(self, event: Event, now_ns: int) -> None:
        transition = self._machine.fire(event, now_ns)
        if transition is not None:
            self._transitions.append(transition)


def _require_finite(output: GateOutput) -> None:
    """The last line: a number that is not finite is a bug here, and dying stops the arm."""
    arrays: list[Float] = []
    if output.reference is not None:
        arrays += [output.reference.position, output.reference.velocity, output.reference.acceleration]
    if output.outgoing is not None:
        arrays += [output.outgoing.times_s, output.outgoing.positions, output.outgoing.velocities]
    if not all(np.all(np.isfinite(array)) for array in arrays):
        raise FloatingPointError(f"the gate computed a number that is not finite in state {output.state.value}")
