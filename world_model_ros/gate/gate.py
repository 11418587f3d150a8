"""The gate between sources of commands and the controller: judges commands, limits motion, and brakes on faults.

Pure object: time comes in as ``now_ns`` and nothing goes out but return values. The motion it commands (the reference)
always follows a plan that ends in a stop, and the whole rest of that plan is in every trajectory sent, so the arm
stops by itself when the gate dies.

A trajectory takes a while to its controller, which samples it at a rate of its own. So a new plan begins a little ahead
of now and goes on with the one before until then, and each trajectory begins a little before now: whenever it arrives
within that time, the controller finds itself on the motion that it follows already.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.deployment.gate import BRAIN, GateSettings
from world_model_ros.core.arrays import Float
from world_model_ros.core.checks import like, numbers, positive, whole_ns, within
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import JointLimits, Trajectory
from world_model_ros.gate.arguments import arm_tolerances, check_parts, check_times, watched_joints
from world_model_ros.gate.conditions.alarms import Alarms
from world_model_ros.gate.conditions.arming import (
    REST_NS,
    Measured,
    held_position,
    lead_in_s,
    refuse_place,
    refuse_stale,
    refuse_unrest,
    tracking_error,
)
from world_model_ros.gate.conditions.driver_state import DriverState
from world_model_ros.gate.conditions.ownership import JOIN, OWNER, Ownership
from world_model_ros.gate.gripper.squeeze import Squeeze
from world_model_ros.gate.motion.collision import FREE, Collision
from world_model_ros.gate.motion.limiter import EXACT_S, Limiter, Motion, Plan
from world_model_ros.gate.motion.retreat import Trail
from world_model_ros.gate.output import GateOutput, require_finite
from world_model_ros.gate.rules import Refusal, TrajectoryLike, judge
from world_model_ros.gate.states import Event, Machine, State, Transition

LEAD_S = 0.1
MAX_POINTS = 10
CLOCK_JUMP_S = 0.5
SECOND_SPEED = 0.5
STREAM_CYCLES = 2.0  # a streaming gate that comes late makes up for no more than this
BEHIND_S = 0.01  # a trajectory begins this long before it is sent, for a controller that has started its cycle by then
# Controllers sample one update ahead, which is no more than this from 154 Hz on. No multiple of usual cycles: where a
# plan begins just next to a later join, points are within microseconds, and accelerations between them are rounding.
SAMPLED_AHEAD_S = 0.0065
LASTING_S = 0.1  # a trajectory ends no sooner than this after it is sent, or a controller refuses it as past
_MOST_RADIUS_M = 1e3  # of a point of a cloud
SLOWEST = 0.05  # of the speed, at which a controller is led
PATIENCE_S = 1.0  # in which an arm that its driver has stopped is waited for to stand still
AT_REST = 1e-3  # share of velocity and acceleration limits below which a motion counts as none
UNKNOWN_TOLERANCES = 4.0  # times the tolerance of arming: how far from the measured joints an unknown setpoint may be


class Gate:
    """Judges commands and steps the commanded motion; `step` is to be called ``rate_hz`` times a second.

    Args:
        limits: of J joints.
        settings: when to brake.
        tick_s: time between two commands of the brain.
        rate_hz: steps per second.
        joints_max_age_s: older joint states are no joint states.
        collision: judges plans by distances; None judges none.
        streaming: the controller is sent a setpoint each step, and stays there if the next one comes late.
        arm_tolerance: (J,) how far from its last setpoint a joint may be and still be held there; None takes that of
            the settings for each. Joints of grippers, which hold something, may be farther away.
        watched: (J,) whether a joint that is far from its setpoint brakes the arm; None watches all. A gripper that
            closes on something stays where that is.
        driver: what the robot's driver says; None hears of none.
        squeeze: bounds how far joints of grippers are led ahead of where they are measured; None bounds none.
        ownership: whose commands are followed; None for the brain's alone.

    Attributes:
        machine: the state, why, and since when.
        alarms: takes the deadman switch, force and surprise.
        driver: takes the speed scaling and whether the robot follows.
        heard: whether a controller listens; the first motion after arming waits for one.
        speed_scale: share of the speed of everything that is commanded, 0.05 to 1; may be changed at any time;
            `UserError` of any other.
        look: what the newest plan toward a command came near, parts or a joint's limit.
        counts: "accepted", and refused commands by rule.
        ownership: who may move the robot; takes who is asked for.
        streaming, watched: as given.

    Raises:
        UserError: an argument is of another type or shape, or a time is out of its range.
    """

    def __init__(
        self,
        limits: JointLimits,
        settings: GateSettings,
        tick_s: float,
        rate_hz: float,
        joints_max_age_s: float,
        collision: Collision | None = None,
        streaming: bool = False,
        arm_tolerance: Float | None = None,
        watched: NDArray[np.bool_] | None = None,
        driver: DriverState | None = None,
        squeeze: Squeeze | None = None,
        ownership: Ownership | None = None,
    ) -> None:
        check_parts(limits, settings, collision, streaming, driver, squeeze, ownership)
        check_times(tick_s, rate_hz, joints_max_age_s)
        self.limits = limits
        self.settings = settings
        self.collision = collision
        self.alarms = Alarms(settings)
        self.driver = driver or DriverState(None)
        self.speed_scale = 1.0
        self.heard = True
        self.look = FREE
        self.counts: Counter[str] = Counter()
        self.last_refusal: Refusal | None = None
        self._cycle_s = 1.0 / rate_hz
        self._tick_s = tick_s
        self.ownership = ownership or Ownership()
        self._silence_s = self._silence_of(self.ownership.owner)
        self._joints_max_age_s = joints_max_age_s
        self._squeeze = squeeze
        alone = None if squeeze is None else squeeze.joints
        self._limiter = Limiter(limits, max(LEAD_S, 2 * self._cycle_s), alone=alone)
        self.machine = Machine()
        self._transitions: list[Transition] = []
        self._measured: Measured | None = None
        self._seen: deque[Measured] = deque()  # in the time in which an arm has to stand still to be armed
        self._command: Trajectory | None = None
        self._command_ns = 0  # when it came
        self._plan: Plan | None = None  # what is being done; None while disarmed
        self._setpoint: Float | None = None  # what the controller was sent last, and holds; None if nothing was
        self._into_s = 0.0  # how far into the plan
        self._step_ns: int | None = None
        self.streaming = streaming
        self._ahead_s = 0.0 if streaming else max(self._cycle_s, settings.transport_s) + SAMPLED_AHEAD_S
        self._lasting_s = max(LASTING_S, 4 * self._ahead_s)
        self._arm_tolerance = arm_tolerances(arm_tolerance, settings.arm_tolerance, len(limits.names))
        self.watched = watched_joints(watched, len(limits.names))
        # How far (J,) a joint hangs below its command.
        self._sag = np.minimum(self._arm_tolerance, settings.arm_tolerance)
        self._lead_left_s: float | None = None  # until the lead-in is over; None: not started, 0: done
        self._retreats = False  # whether the way back after a contact has started
        self._paused = False  # whether a motion was paused, of which the arm has not been seen to stand yet
        self._unready_ns: int | None = None  # since when the driver is not ready
        self._yielded = False  # whether the controller has been led to where a driver that is not ready left the arm
        self._queued: Trajectory | None = None  # to be sent in the place of the rest of the plan
        self._trail = Trail(self._cycle_s)

    @property
    def state(self) -> State:
        return self.machine.state

    @property
    def cause(self) -> Event:
        return self.machine.cause

    @property
    def led_in(self) -> bool:
        """Whether the controller has been led to where motion begins, since the gate was armed."""
        return self._lead_left_s == 0.0

    def refusal(self, now_ns: int) -> Refusal | None:
        """Why the gate cannot be armed now; None if it can. What the brain said of itself before is forgotten."""
        if self.state is not State.DISARMED:
            return Refusal("state", None, self.state.value, State.DISARMED.value)
        if self._lead_left_s and self.driver.refusal() is None:
            return Refusal("leading", None, f"the controller is led for {self._lead_left_s:.2f} s more", "at rest")
        self.alarms.begin()
        measured = self._measured
        return (
            self.driver.refusal()
            or self.alarms.refusal(now_ns)
            or refuse_stale(measured, now_ns, self._joints_max_age_s)
            or (None if measured is None else refuse_place(measured, self.limits))
            or (refuse_unrest(self._seen, self.limits, self._arm_tolerance) if self._seen else None)
        )

    def arm(self, now_ns: int) -> Refusal | None:
        """Begin to hold; refused unless disarmed and standing still within limits.

        Arming sends nothing to a controller of trajectories. Motion goes on from the last setpoint where the joints
        are near it, else from where they are measured (see `held_position`), and the controller is led there first.
        """
        refusal = self.refusal(whole_ns("now_ns", now_ns))
        if refusal is not None:
            return refusal
        measured = self._measured
        assert measured is not None
        self._hold(measured)
        self._lead_left_s = 0.0 if self.streaming else None
        self._yielded, self._queued, self._retreats, self._paused = False, None, False, False
        self._command = None
        self._trail.begin()
        self._fire(Event.ARM, now_ns)
        return None

    def _hold(self, measured: Measured) -> None:
        """Stand still where motion goes on from."""
        held = self._held(measured.position, self._setpoint)
        if self.collision is not None:
            self.collision.begin(held)
        self._stand(held)

    def _held(self, measured: Float, setpoint: Float | None) -> Float:
        """Where (J,) to stand, of what is measured and where the controller was left."""
        held = held_position(measured, self.limits, setpoint, self._arm_tolerance)
        return held if self._squeeze is None else self._squeeze.held(held, measured)

    def disarm(self, now_ns: int) -> Refusal | None:
        """Brake if moving, then be disarmed; refused by a stopped gate, which stays stopped."""
        now_ns = whole_ns("now_ns", now_ns)
        if self.state is State.STOPPED:
            return Refusal("state", None, self.state.value, "not stopped; gate/reset leads out of a stop")
        self._fire(Event.DISARM, now_ns)
        return None

    def stop(self, now_ns: int) -> None:
        """Brake and stay so until `reset`; also at a time that is none, which is a `UserError` afterwards."""
        try:
            at_ns = whole_ns("now_ns", now_ns)
        except UserError:
            self._fire(Event.STOP, self._step_ns or 0)
            raise
        self._fire(Event.STOP, at_ns)

    def reset(self, now_ns: int) -> Refusal | None:
        """Go from stopped to disarmed; refused while still braking.

        Already disarmed, it forgets where the controller was left; to be called once it is made sure that the
        controller holds what is measured.
        """
        now_ns = whole_ns("now_ns", now_ns)
        if self.state is State.DISARMED:
            self._setpoint = None
            return None
        if self.state is not State.STOPPED:
            return Refusal("state", None, self.state.value, f"{State.STOPPED.value} or {State.DISARMED.value}")
        if not self._still():
            return Refusal("velocity", None, "braking", "standing still")
        if self._plan is not None and not self._yielded and self.driver.refusal() is not None:
            led = Refusal("velocity", None, "being led to where the driver has stopped the arm", "standing still")
            return refuse_stale(self._measured, now_ns, self._joints_max_age_s) or led
        self._plan = None
        self._fire(Event.RESET, now_ns)
        return None

    @property
    def speed_scale(self) -> float:
        return self._speed_scale

    @speed_scale.setter
    def speed_scale(self, share: float) -> None:
        self._speed_scale: float = within("speed_scale", share, SLOWEST, 1.0)

    @property
    def heard(self) -> bool:
        return self._heard

    @heard.setter
    def heard(self, heard: bool) -> None:
        like("heard", heard, True)
        self._heard: bool = heard

    def joint_state(self, stamp_ns: int, position: Float, velocity: Float) -> bool:
        """Take measured positions and velocities (J,). False, and nothing taken, if they are not finite numbers."""
        stamp_ns, q, v = whole_ns("stamp_ns", stamp_ns), numbers(position), numbers(velocity)
        if q is None or v is None or not q.shape == v.shape == (len(self.limits.names),):
            return False
        if not np.all(np.isfinite([q, v])):
            return False
        self._measured = Measured(stamp_ns, q, v)
        if self._seen and not 0.0 <= (stamp_ns - self._seen[-1].stamp_ns) * 1e-9 <= self._joints_max_age_s:
            self._seen.clear()  # what it did between the two is not known
        self._seen.append(self._measured)
        while len(self._seen) > 1 and stamp_ns - self._seen[1].stamp_ns >= REST_NS:
            self._seen.popleft()
        return True

    def see(self, cloud: str, stamp_ns: int, points: Float, radius_m: float) -> None:
        """Take what a cloud of the contract showed at a stamp: points (N, 3) in the base frame, and their radius.

        Without points the radius may be 0.
        """
        known = () if self.collision is None else self.collision.seen
        if not isinstance(cloud, str) or cloud not in known:
            raise UserError("cloud", cloud, f"one of {sorted(known)}")
        assert self.collision is not None
        stamp_ns, found = whole_ns("stamp_ns", stamp_ns), numbers(points)
        if found is None or found.ndim != 2 or found.shape[1] != 3 or not np.isfinite(found).all():
            raise UserError("points", points, "finite numbers of shape (any, 3)")
        within("radius_m", radius_m, 0.0, _MOST_RADIUS_M)
        self.collision.see(cloud, found, positive("radius_m", radius_m) if len(found) else 0.0)
        self.alarms.saw(cloud, stamp_ns)

    def command(self, now_ns: int, command: TrajectoryLike, source: str = BRAIN) -> Refusal | None:
        """Judge a command of a source and follow it from the next step on, or say why not.

        A valid command that the state does not allow is refused by the rule ``state``, that of a source that does not
        own the gate by ``owner``.
        """
        now_ns, settings = whole_ns("now_ns", now_ns), self.settings
        if not isinstance(source, str):
            raise UserError("source", source, f"one of {sorted(self.ownership.sources)}")
        owned = source == self.ownership.owner
        verdict: Trajectory | Refusal | None = self.ownership.refusal(source, self.machine.handing_over)
        if verdict is None:
            newest_ns = self._command.stamp_ns if owned and self._command is not None else None
            verdict = judge(command, self.limits, now_ns, settings.command_max_age_s, newest_ns, settings.horizon_s)
            if isinstance(verdict, Refusal):
                self.last_refusal = verdict
        if isinstance(verdict, Trajectory):
            verdict = self._take(now_ns, verdict, source)
        self.ownership.count(source, verdict)
        self.counts["accepted" if verdict is None else verdict.rule] += 1
        return verdict

    def _take(self, now_ns: int, command: Trajectory, source: str) -> Refusal | None:
        """Follow a valid command from the next step on, or say why not; a source that is asked for takes over."""
        if not self.ownership.sources[source].moves:
            return Refusal(OWNER, None, source, "a source that may move the robot (moves: true)")
        if not (self.state in (State.HOLDING, State.TRACKING) or self.machine.resumable):
            return Refusal("state", None, self.state.value, "armed")
        if source != self.ownership.owner:
            refusal = None if self._at_rest else self._refuse_join(now_ns, command)
            if refusal is not None:
                self.last_refusal = refusal
                self._brake_to_hand_over(now_ns)
                return refusal
            self._hand_over(now_ns)
        self._command, self._command_ns = command, now_ns
        if self._squeeze is not None:
            self._squeeze.hear(command, None if self._measured is None else self._measured.position)
        self._fire(Event.COMMAND, now_ns)
        return None

    def step(self, now_ns: int) -> GateOutput:
        """Advance to ``now_ns``, and return what is to be sent."""
        now_ns = whole_ns("now_ns", now_ns)
        self._advance(now_ns)
        self._hear_driver(now_ns)
        if self.ownership.asked is not None:
            self._change_owner(now_ns)
        if self._plan is not None:
            self._watch(now_ns)
            self._replan(now_ns)
        setpoint = None if self._plan is None else self._paced(self._plan.at(self._into_s))
        if self.streaming and setpoint is not None:
            self._setpoint = setpoint.position
        self._settle(now_ns)
        transitions, self._transitions = tuple(self._transitions), []
        output = GateOutput(self.state, self.cause, self.reference, self._outgoing(now_ns), setpoint, transitions)
        require_finite(output)
        return output

    def _advance(self, now_ns: int) -> None:
        """Let the plan go on by the time that has passed, as the controller did; a clock jump forgets all stamps.

        A driver that scales the controller's time lets less time pass.
        """
        passed_s = self._cycle_s if self._step_ns is None else (now_ns - self._step_ns) * 1e-9
        if not 0.0 <= passed_s <= CLOCK_JUMP_S:
            passed_s = max(passed_s, self._cycle_s)
            self._measured = self._command = self._unready_ns = None
            self._seen.clear()
            self.alarms.forget()
            self._fire(Event.CLOCK_JUMP, now_ns)
        self._step_ns = now_ns
        passed_s = min(passed_s, STREAM_CYCLES * self._cycle_s) if self.streaming else passed_s
        passed_s *= self.driver.pace
        self._into_s += passed_s
        if self._lead_left_s is not None:
            self._lead_left_s = max(0.0, self._lead_left_s - passed_s)

    def _hear_driver(self, now_ns: int) -> None:
        """Since when the driver is not ready."""
        if self.driver.refusal() is None:
            self._unready_ns, self._yielded = None, False
        elif self._unready_ns is None:
            self._unready_ns = now_ns
        self.driver.cycle()

    def _watch(self, now_ns: int) -> None:
        """Fire the faults and the silence."""
        assert self._plan is not None
        measured, reference = self._measured, self._plan.at(self._into_s)
        if self._unready_ns is not None:
            self._fire(Event.DRIVER_NOT_READY, now_ns)
        if measured is None or not measured.fresh(now_ns, self._joints_max_age_s):
            self._fire(Event.JOINTS_STALE, now_ns)
        elif self._tracks_badly(measured.position, reference.position):
            self._fire(Event.JOINTS_DISAGREE, now_ns)
        alarm = self.alarms.event(now_ns)
        if alarm is not None:
            self._fire(alarm, now_ns)
        self._command_ns = min(self._command_ns, now_ns)  # of a clock that is ahead: it would never be silent
        if self._silent_s(now_ns) > self._silence_s:
            self._fire(Event.SILENCE, now_ns)

    def _tracks_badly(self, measured: Float, reference: Float) -> bool:
        """Whether a joint that is watched is too far from where it should be."""
        watched = self.watched
        if not watched.any():
            return False
        return tracking_error(measured[watched], reference[watched]) > self.settings.tracking_tolerance

    def _replan(self, now_ns: int) -> None:
        """Plan anew where that is possible within limits; otherwise the plan at hand goes on to its stop."""
        assert self._plan is not None
        self._trail.add(self._plan.at(self._into_s).position)
        if self.driver.pace == 0.0:
            self._pause(now_ns)
            return
        motion = self._plan.at(self._into_s + self._ahead_s)
        plan = None
        if self.state is State.TRACKING and self._command is not None:
            if self._lead_left_s is None and self.heard:
                self._lead_in(now_ns)
            if self._lead_left_s == 0.0:
                then_ns = now_ns + round((self._ahead_s + self._limiter.lead_s) * 1e9)
                target = self._command.sample(then_ns)
                plan = self._toward(motion, target if self._squeeze is None else self._squeeze.from_measured(*target))
                plan = plan or self._stop_short(motion)
        elif self._brakes and self._plan.lead_s > 0 and not self._still():
            plan = self._clear(self._limiter.stop(motion)) or self._stop_short(motion)
        if plan is not None:
            self._join(plan)

    def _stop_short(self, motion: Motion) -> Plan | None:
        """A stop at once, where a cloud shows since now something that the plan at hand would come near."""
        plan, collision = self._plan, self.collision
        if plan is None or plan.lead_s == 0 or self._still() or collision is None or not collision.seen:
            return None
        return None if collision.broken(plan, self._into_s) is None else self._limiter.stop(motion)

    @property
    def _brakes(self) -> bool:
        """Whether a motion that leads somewhere is to be ended; the way back after a contact is, but by a stop."""
        return self.state is State.STOPPED or (self.state is State.SLOWING and not self._retreats)

    def _pause(self, now_ns: int) -> None:
        """Stand where the controller's time stands.

        Without a message it would go on with the motion once its time does. Its last command has that motion's
        velocity, so it cannot be led: it is told to stand.
        """
        assert self._plan is not None
        measured, position = self._measured, self._plan.at(self._into_s).position
        if not self._still():
            self._paused = True
        elif self._paused and measured is not None and measured.still(self.limits):
            self._paused = False  # a pause that is heard late leaves the plan ahead of the arm
            position = self._held(measured.position, position)
        else:
            return
        self._stand(position)
        self._queued = self._still_at(position, now_ns - round(BEHIND_S * 1e9))
        self._setpoint, self._lead_left_s = position, 0.0

    def _stand(self, position: Float) -> None:
        """Be still at a position (J,), at once."""
        plan = self._limiter.stop(Motion.still(np.clip(position, self.limits.lower, self.limits.upper)))
        assert plan is not None
        self._plan, self._into_s = plan, 0.0

    def _join(self, plan: Plan) -> None:
        """Go over to another plan, which begins `_ahead_s` from now."""
        assert self._plan is not None
        behind_s = min(BEHIND_S, self._into_s)
        self._plan = self._plan.joined(plan, self._into_s - behind_s, self._into_s + self._ahead_s)
        self._into_s = behind_s

    def _lead_in(self, now_ns: int) -> None:
        """Begin to lead the controller, which may hold the last setpoint or what is measured, to where motion begins.

        The controller itself interpolates to a first point that is still to come, from whatever it holds.
        """
        measured = self._measured
        assert measured is not None  # or the gate would brake
        before = self._setpoint
        self._hold(measured)
        assert self._plan is not None
        held = self._plan.at(0.0).position
        slower = 1.0 / (self.speed_scale * max(self.driver.speed, SLOWEST))
        self._lead(held, self._unknown_distance(held, measured, before), now_ns, slower)

    def _unknown_distance(self, position: Float, measured: Measured, setpoint: Float | None) -> Float:
        """How far (J,) a controller may be from a position that holds a setpoint, or what was measured once.

        One that was restarted holds what was measured then, and the arm hangs a little below that by now.
        """
        from_setpoint = UNKNOWN_TOLERANCES * self._sag if setpoint is None else position - setpoint
        distance: Float = np.maximum(np.abs(position - measured.position), np.abs(from_setpoint)) + self._sag
        return distance

    def _lead(self, position: Float, distance: Float, now_ns: int, slower: float = 1.0) -> None:
        """Tell the controller, which is up to ``distance`` (J,) away, where (J,) to be, and when.

        It takes ``slower`` times as long as the limits allow. It is told once: told again it would begin anew from its
        last command, which it books at another time: a step.
        """
        self._lead_left_s = slower * lead_in_s(distance, self.limits) + self._ahead_s
        self._queued = self._still_at(position, now_ns + round(self._lead_left_s * 1e9))
        self._setpoint = position

    def _still_at(self, position: Float, then_ns: int) -> Trajectory:
        """Standing at a position (J,) from a time on."""
        positions = np.repeat(position[None], 2, axis=0)
        still, times_s = np.zeros_like(positions), np.array([0.0, BEHIND_S + self._lasting_s])
        return Trajectory(self.limits.names, times_s, positions, still, then_ns, still)

    def _toward(self, motion: Motion, target: tuple[Float, Float]) -> Plan | None:
        """Plan toward a target, slower if surprise or nearness say so; None if limits or distances forbid it.

        A plan that they forbid is tried again at half the speed: a stop out of an acceleration may swerve.
        """
        aim, share = self._limiter.aim(motion, *target), self._share
        ahead, aim = self._limiter.ahead(motion, aim), share * aim
        self.look = FREE if self.collision is None else self.collision.look(motion.position, ahead)
        aim, share = self.look.speed * aim, self.look.speed * share
        plan = self._follow(motion, aim, share)
        broken = self._broken(plan)
        if broken is None:
            return plan
        self.look = replace(self.look, clear=False, pair=broken)
        return self._clear(self._follow(motion, SECOND_SPEED * aim, SECOND_SPEED * share))

    def _follow(self, motion: Motion, aim: Float, share: float) -> Plan | None:
        """Plan toward a velocity (J,), at a share of the speed; grippers no farther than they may squeeze."""
        if self._squeeze is None:
            return self._limiter.follow(motion, aim)
        assert self._measured is not None  # or the gate would brake
        return self._limiter.follow(motion, *self._squeeze.aim(motion, aim, self._measured.position, share))

    def _broken(self, plan: Plan | None) -> str | None:
        """Why a plan may not be taken; None if it may."""
        if plan is None:
            return self._limiter.lacking
        return None if self.collision is None else self.collision.broken(plan)

    def _clear(self, plan: Plan | None) -> Plan | None:
        """The plan, if nothing forbids it."""
        return None if self._broken(plan) is not None else plan

    def _settle(self, now_ns: int) -> None:
        """Disarm a gate that has braked and stands still; after silence, give the brain a while to come back.

        After a contact it goes back a little first.
        """
        if self.state not in (State.SLOWING, State.STOPPED) or self._plan is None or not self._still():
            return
        if self._queued is not None or not self._led_to_arm(now_ns) or self.state is State.STOPPED:
            return
        back = self._trail.back() if self.cause is Event.FORCE else None
        if back is not None:
            end = self._plan.at(self._plan.duration_s)
            back = back if self._squeeze is None else self._squeeze.opened(end.position, back)
            retreat = self._clear(self._limiter.go(end, back))
            if retreat is not None:
                self._join(retreat)
                self._retreats = True
                return
        if not (self.machine.resumable and self._silent_s(now_ns) <= self.settings.disarm_after_s):
            self._fire(Event.STILL, now_ns)
            self._plan = None

    def _led_to_arm(self, now_ns: int) -> bool:
        """Lead the controller to where a driver that is not ready has stopped the arm: nothing leaps afterwards.

        Grippers keep what they hold.
        False until that is done; an arm that is not seen to stand still is waited for `PATIENCE_S` at most.
        """
        measured = self._measured
        if self._unready_ns is None or self._yielded:
            return True
        if measured is None or not measured.fresh(now_ns, self._joints_max_age_s):
            return True
        if not measured.still(self.limits) and (now_ns - self._unready_ns) * 1e-9 < PATIENCE_S:
            return False
        if self._lead_left_s:  # told anything before that is over, it steps, also while its time stands
            return False
        assert self._plan is not None
        before, still = self._setpoint, self._plan.at(self._into_s).position
        # A gripper may hold something, and would let go of it.
        self._stand(np.where(self.watched, measured.position, self._held(measured.position, still)))
        held = self._plan.at(0.0).position
        self._lead(held, self._unknown_distance(held, measured, before), now_ns)
        self._yielded = True
        return False

    def _outgoing(self, now_ns: int) -> Trajectory | None:
        """The rest of the plan. A still arm is not told to stand still: the controller holds its last point."""
        queued, self._queued = self._queued, None
        if queued is not None and not self.streaming:
            return queued
        if self._plan is None or not self.led_in or (self.state is not State.TRACKING and self._still()):
            return None  # a controller that is not led yet would step to it
        behind_ns = round(min(BEHIND_S, self._into_s) * 1e9)
        from_s, soon_s = self._into_s - behind_ns * 1e-9, self._cycle_s + self._ahead_s + EXACT_S
        knots = self._plan.points(from_s, self._into_s, self._cycle_s, soon_s, MAX_POINTS)
        lasting_s = behind_ns * 1e-9 + self._lasting_s
        if knots.times_s[-1] < lasting_s:
            knots = knots.lasting(lasting_s)
        if not self.streaming:
            self._setpoint = knots.positions[-1]
        return Trajectory(self.limits.names, *knots[:3], now_ns - behind_ns, knots.accelerations)

    @property
    def reference(self) -> Motion | None:
        """The commanded motion now; while disarmed the measured one, None if nothing is known."""
        if self._plan is not None:
            return self._paced(self._plan.at(self._into_s))
        if self._measured is not None:
            return Motion(self._measured.position, self._measured.velocity, np.zeros_like(self._measured.position))
        return None

    def _paced(self, motion: Motion) -> Motion:
        """A motion of the plan as it is on the clock."""
        pace = self.driver.pace
        return motion if pace == 1.0 else Motion(motion.position, pace * motion.velocity, pace**2 * motion.acceleration)

    def _still(self) -> bool:
        return self._plan is None or self._into_s >= self._plan.duration_s

    @property
    def _at_rest(self) -> bool:
        """Whether nothing moves, nor begins to before a new plan could."""
        if self.state is not State.TRACKING or self._plan is None or self._still():
            return self._still()
        now, soon = (self._plan.at(self._into_s + ahead_s) for ahead_s in (0.0, self._ahead_s))
        speed = np.maximum(np.abs(now.velocity), np.abs(soon.velocity)) / self.limits.velocity
        return bool(np.all(np.maximum(speed, np.abs(soon.acceleration) / self.limits.acceleration) < AT_REST))

    def _change_owner(self, now_ns: int) -> None:
        """Hand over to who is asked for, if nothing moves; brake before, if it does not take over in motion."""
        asked = self.ownership.asked
        assert asked is not None
        if self.state is State.SLOWING and not self.machine.resumable:
            return  # it may go back yet, after a contact
        if self._still() or (self._at_rest and asked.name is not None):
            self._hand_over(now_ns)
        elif asked.name is None or (now_ns - asked.since_ns) * 1e-9 > self._silence_of(asked.name):
            self._brake_to_hand_over(now_ns)

    def _brake_to_hand_over(self, now_ns: int) -> None:
        if not self.machine.handing_over:
            self._fire(Event.HAND_OVER, now_ns)

    def _hand_over(self, now_ns: int) -> None:
        """Who is asked for owns the gate, and is silent from now on."""
        self.ownership.take_over(now_ns)
        self._command, self._command_ns = None, now_ns
        self._silence_s = self._silence_of(self.ownership.owner)

    def _refuse_join(self, now_ns: int, command: Trajectory) -> Refusal | None:
        """Why the motion at hand cannot go over to the next owner's command within the limits; None if it can."""
        assert self._plan is not None
        assert self._step_ns is not None
        if self.machine.handing_over:
            return Refusal(JOIN, None, "the gate brakes before it hands over", "at rest")
        passed_s = min(max((now_ns - self._step_ns) * 1e-9, 0.0), self._cycle_s)
        motion = self._plan.at(self._into_s + passed_s + self._ahead_s)
        position, velocity = command.sample(now_ns + round((self._ahead_s + self._limiter.lead_s) * 1e9))
        apart = self._limiter.apart(motion, position, velocity, self._share)
        if apart is None:
            return None
        joint, needed = apart
        legal = f"what can follow {motion.velocity[joint]:.3g} in {self._limiter.lead_s:g} s within the limits"
        return Refusal(JOIN, self.limits.names[joint], f"needs the velocity {needed:.3g}", legal)

    @property
    def _share(self) -> float:
        """Share of the speed at which commands are followed."""
        return self.alarms.speed() * self.driver.speed * self.speed_scale

    def _silence_of(self, source: str | None) -> float:
        """How long a source may be silent; the step nearest to that brakes, so it is off by half a cycle at most."""
        rate_hz = None if source is None else self.ownership.sources[source].rate_hz
        period_s = self._tick_s if rate_hz is None else 1.0 / rate_hz
        return self.settings.silence_ticks * period_s - 0.5 * self._cycle_s

    def _silent_s(self, now_ns: int) -> float:
        return (now_ns - self._command_ns) * 1e-9

    def _fire(self, event: Event, now_ns: int) -> None:
        transition = self.machine.fire(event, now_ns)
        if transition is not None:
            self._transitions.append(transition)
