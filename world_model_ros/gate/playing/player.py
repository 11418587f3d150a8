"""Plays FollowJointTrajectory goals as commands to the gate, with feedback, tolerances, cancellation and a result.

A goal waits until the gate takes commands and has led the controller, is played, and ends once the gate's reference and
the measured joints are where the trajectory ends. Then its end is held, so that the gate stays armed. Time of a
trajectory passes more slowly where the gate follows more slowly, so the robot stays on it: with ``speed_scale``, near
obstacles, or beyond what accelerations allow. Whatever the gate does by itself (it brakes, refuses, hears another
source) ends the goal, and nothing is sent until the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits, Trajectory
from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.playing.course import Course
from world_model_ros.gate.playing.endings import Code, Ending, GoalError
from world_model_ros.gate.playing.goal import Asked, Tolerances, led_from, per_joint, read, require_limits
from world_model_ros.gate.playing.news import GateNews
from world_model_ros.gate.playing.spline import Spline
from world_model_ros.gate.states import State

_LOST_S = 1.5  # without a word of the gate, which says something twice a second
_MOTION_LOST_S = 0.5  # without its reference
_UNTAKEN_S = 2.0  # in which the gate takes a first command
_UNHEARD_S = 5.0  # in which a controller begins to listen
_STUCK_S = 2.0  # in which the reference goes on
_STUCK = 0.05  # share of the pace that counts as none
_CLOCK_JUMP_S = 0.5
_BEHIND_S, _TOO_FAR_S = 0.05, 0.2  # at the velocity limit, behind which the pace falls, and is 0
_ARRIVED = 5e-4  # rad, of the gate's reference at the end; a fifth of it in m
_STANDS = 4.0  # times that, where it has stopped
_STILL = 0.01  # rad/s or m/s of a reference that stands


class Phase(Enum):
    """What becomes of a goal."""

    PREPARING = "preparing"
    PLAYING = "playing"
    SETTLING = "settling"
    STOPPING = "stopping"


@dataclass(frozen=True)
class PlayerSettings:
    """How goals are played.

    Args:
        source: of the gate, as the contract names it.
        start_tolerance: (J,) how far from where the robot is a trajectory may begin, rad (m for slides).
        tolerances: of goals that name none.
        partial: whether goals may leave out joints, which then stay where they are.
        watched: (J,) joints that have to get where they are led; a gripper need not.
        arrived: (J,) how near the gate's reference has to be at the end.
        horizon_s: how far ahead a command says what comes.
    """

    source: str
    start_tolerance: Float
    tolerances: Tolerances
    partial: bool
    watched: NDArray[np.bool_]
    arrived: Float
    horizon_s: float = 0.5


def arrived(units: Mapping[str, str], joints: Sequence[str]) -> Float:
    """How near (J,) the gate's reference has to be at the end of a trajectory."""
    return per_joint(_ARRIVED, units, joints)


@dataclass(frozen=True)
class Stamped:
    """Positions and velocities (J,) at a stamp, ns."""

    stamp_ns: int
    position: Float
    velocity: Float


@dataclass(frozen=True)
class Feedback:
    """How a goal goes on: motions that are desired and measured, and which point comes next."""

    stamp_ns: int
    desired: Motion
    actual: Stamped
    index: int


@dataclass(frozen=True)
class Step:
    """What a step says: a command for the gate, feedback of the goal, and its end; None where there is none."""

    command: Trajectory | None = None
    feedback: Feedback | None = None
    ending: Ending | None = None


@dataclass
class _Goal:
    spline: Spline
    tolerances: Tolerances
    start_s: float  # time of the trajectory when it was asked for
    stamp_ns: int
    began_ns: int
    refused: int
    led: int  # points that stand before its own
    holding: bool  # whether the gate was armed and not commanded yet
    phase: Phase = Phase.PREPARING
    settling_s: float = 0.0  # since its end, at the gate's speed
    stopping_ns: int | None = None  # since when
    stuck_ns: int | None = None  # since when the gate does not get on


class Player:
    """Plays one goal at a time; pure, time comes in as ``now_ns`` of the ROS clock.

    Args:
        limits: of J joints.
        settings: see `PlayerSettings`.

    Attributes:
        news: the newest of the gate, or None.
    """

    def __init__(self, limits: JointLimits, settings: PlayerSettings) -> None:
        self._limits, self._settings = limits, settings
        self.news: GateNews | None = None
        self._news_ns = 0
        self._reference: Stamped | None = None
        self._measured: Stamped | None = None
        self._goal: _Goal | None = None
        self._course: Course | None = None
        self._step_ns: int | None = None
        self._tracking_ns: int | None = None  # since when the gate follows what is sent now
        self._refused = False  # whether it has refused something since

    @property
    def phase(self) -> Phase | None:
        """Of the goal; None without one."""
        return None if self._goal is None else self._goal.phase

    def hear_gate(self, news: GateNews, now_ns: int) -> None:
        """Take what the gate says."""
        self.news, self._news_ns = news, now_ns
        if news.state is not State.TRACKING or news.owner != self._settings.source:
            self._refused = False

    def hear_reference(self, stamp_ns: int, position: Float, velocity: Float) -> None:
        """Take the motion that the gate sends the controller (``gate/applied``)."""
        self._reference = Stamped(stamp_ns, position, velocity)

    def hear_joints(self, stamp_ns: int, position: Float, velocity: Float) -> None:
        """Take measured joints."""
        self._measured = Stamped(stamp_ns, position, velocity)

    def begin(self, asked: Asked, now_ns: int) -> tuple[Ending | None, Ending | None]:
        """Begin a goal.

        Returns:
            How this goal ends at once, None if it is played; and how the one before ends, None if it goes on or there
            is none.
        """
        try:
            goal = self._judged(asked, now_ns)
        except GoalError as error:
            return error.ending, None
        before = self._goal
        replaced = None
        if before is not None:
            canceled = before.phase is Phase.STOPPING
            replaced = Ending(Code.INVALID_GOAL, "replaced by a newer goal", canceled)
        self._goal = goal
        if self._course is None:
            assert self._reference is not None
            self._course = Course.still(self._reference.position)
        self._refused = False
        self._play_if_ready(now_ns)
        return None, replaced

    def cancel(self) -> None:
        """Stop along the way; the goal ends once the robot stands."""
        if self._goal is not None and self._goal.phase is not Phase.STOPPING:
            self._goal.phase = Phase.STOPPING
            self._brake()

    def step(self, now_ns: int) -> Step:
        """Go on to a time; what is to be sent, and what became of the goal."""
        passed_s = 0.0 if self._step_ns is None else (now_ns - self._step_ns) * 1e-9
        self._step_ns = now_ns
        trouble = self._trouble(now_ns)
        if trouble is None and not 0.0 <= passed_s <= _CLOCK_JUMP_S:
            trouble = f"the clock went on by {passed_s:.2f} s in one step"
        if trouble is not None and (self._goal is not None or self._course is not None):
            return Step(ending=self._give_up(trouble))
        if self._course is None:
            self._hold()
            return Step(self._command(now_ns))
        if self.news is not None and self.news.state is State.TRACKING:
            self._tracking_ns = self.news.since_ns
        self._pace(now_ns)
        self._course.advance(passed_s)
        self._stay()
        if self._goal is not None and self._goal.phase is Phase.SETTLING and self.news is not None:
            self._goal.settling_s += passed_s * self.news.speed_scale
        self._play_if_ready(now_ns)
        feedback = self._feedback()
        ending = self._judge(now_ns, feedback)
        return Step(self._command(now_ns), feedback, ending)

    def _judged(self, asked: Asked, now_ns: int) -> _Goal:
        """A goal that can be played, or `GoalError`."""
        settings, joints = self._settings, self._limits.names
        spline = read(asked, joints, settings.partial, now_ns)
        tolerances = settings.tolerances.of(asked, joints)
        trouble = self._trouble(now_ns)
        if trouble is None and self._measured is None:
            trouble = "no joint states have come"
        if trouble is not None:
            raise GoalError(Code.INVALID_GOAL, trouble)
        assert self._reference is not None
        assert self.news is not None
        start = self._course.at() if self._course is not None else Motion.still(self._reference.position)
        start_s = max(0.0, (now_ns - asked.stamp_ns) * 1e-9) if asked.stamp_ns else 0.0
        led = led_from(spline, asked.names, joints, start, start_s, settings.start_tolerance)
        require_limits(led, self._limits)
        points = len(led.times_s) - len(spline.times_s)
        holding = self.news.state is State.HOLDING
        return _Goal(led, tolerances, start_s, asked.stamp_ns, now_ns, self.news.refused, points, holding)

    def _trouble(self, now_ns: int) -> str | None:
        """Why nothing can be played now; None if it can."""
        news, reference, source = self.news, self._reference, self._settings.source
        if news is None or (now_ns - self._news_ns) * 1e-9 > _LOST_S:
            return "nothing is heard of a gate that knows this source (gate/state)"
        if reference is None or (now_ns - reference.stamp_ns) * 1e-9 > _MOTION_LOST_S:
            return "nothing is heard of where the gate is (gate/applied)"
        if news.owner != source:
            owner = news.owner or "no source"
            return f"the gate is owned by {owner}; ask for {source!r} on command/owner"
        goal = self._goal
        if goal is not None and news.refused > goal.refused:
            self._refused = True
            return f"the gate has refused a command: {news.refusal}"
        return self._untracked(news, now_ns)

    def _untracked(self, news: GateNews, now_ns: int) -> str | None:
        """Why the gate does not follow what is sent; None if it does, or is about to."""
        goal = self._goal
        if news.handing_over:
            return None
        if news.state is State.TRACKING:  # since another time: it braked meanwhile, and a message of that was missed
            anew = self._tracking_ns not in (None, news.since_ns)
            return "the gate has braked meanwhile" if anew else None
        if news.state is not State.HOLDING:
            return news.words
        if goal is None and self._course is None:
            return None
        if goal is None or not goal.holding or goal.phase is not Phase.PREPARING:
            return "the gate was armed anew"
        late_s = (now_ns - goal.began_ns) * 1e-9
        return None if late_s < _UNTAKEN_S else f"the gate has taken no command for {late_s:.1f} s"

    def _give_up(self, trouble: str) -> Ending | None:
        """Send nothing any more; the gate ends the motion by itself."""
        goal, self._goal, self._course, self._tracking_ns = self._goal, None, None, None
        if goal is None:
            return None
        return Ending(Code.PATH_TOLERANCE_VIOLATED, trouble, goal.phase is Phase.STOPPING)

    def _hold(self) -> None:
        """Keep an armed gate that stands where it is, once this source owns it: silent, it would disarm."""
        news, reference = self.news, self._reference
        if news is None or reference is None or self._refused or news.owner != self._settings.source:
            return
        if (news.state is State.TRACKING or news.handing_over) and np.all(np.abs(reference.velocity) < _STILL):
            self._course = Course.still(reference.position)

    def _play_if_ready(self, now_ns: int) -> None:
        """Begin to play what was prepared, once the gate follows commands."""
        goal, news = self._goal, self.news
        if goal is None or news is None or goal.phase is not Phase.PREPARING:
            return
        if news.state is State.TRACKING and news.led_in:
            at_s = goal.start_s
            if goal.stamp_ns:  # of a start that is still to come
                at_s = min(at_s, (now_ns - goal.stamp_ns) * 1e-9) if at_s == 0.0 else at_s
            goal.phase, self._course = Phase.PLAYING, Course(goal.spline, at_s, news.speed_scale)

    def _pace(self, now_ns: int) -> None:
        """Let the trajectory's time pass as fast as the gate follows."""
        goal, course, news, reference = self._goal, self._course, self.news, self._reference
        if goal is None or course is None or news is None or reference is None:
            return
        if goal.phase is not Phase.PLAYING or course.braking:
            return
        share = min(max((_TOO_FAR_S - self._behind_s(now_ns)) / (_TOO_FAR_S - _BEHIND_S), 0.0), 1.0)
        if share >= _STUCK:
            goal.stuck_ns = None
        elif goal.stuck_ns is None:
            goal.stuck_ns = now_ns
        course.pace = news.speed_scale * share

    def _behind_s(self, now_ns: int) -> float:
        """How far the gate's reference is behind what was asked for, in time at the velocity limits."""
        course, reference = self._course, self._reference
        assert course is not None
        assert reference is not None
        asked = course.at((reference.stamp_ns - now_ns) * 1e-9).position
        behind = np.where(self._settings.watched, np.abs(asked - reference.position), 0.0)
        return float(np.max(behind / self._limits.velocity))

    def _brake(self) -> None:
        """Stop along the way, from where the gate is: of what it could not follow nothing is made up for."""
        if self._course is None or self._reference is None or self._step_ns is None:
            return
        if not self._course.braking and self._behind_s(self._step_ns) > _BEHIND_S:
            self._course.back_to(self._reference.position, self._reference.velocity, self._limits)
        self._course.brake(self._limits)

    def _stay(self) -> None:
        """After a goal, hold where the gate stands: it may stand elsewhere, and would go there once it can."""
        course, reference = self._course, self._reference
        if self._goal is not None or course is None or reference is None or not course.over:
            return
        off = np.abs(course.at().position - reference.position)
        if np.all(np.abs(reference.velocity) < _STILL) and np.any(off > self._settings.arrived):
            self._course = Course.still(reference.position)

    def _judge(self, now_ns: int, feedback: Feedback | None) -> Ending | None:
        """How the goal ends now, or None."""
        goal = self._goal
        if goal is None:
            return None
        ending = {
            Phase.PREPARING: self._prepared,
            Phase.PLAYING: self._played,
            Phase.SETTLING: self._settled,
            Phase.STOPPING: self._stopped,
        }[goal.phase](goal, now_ns, feedback)
        if ending is not None:
            self._goal = None
            if goal.phase is not Phase.SETTLING:
                self._brake()
        return ending

    def _prepared(self, goal: _Goal, now_ns: int, feedback: Feedback | None) -> Ending | None:
        late_s = (now_ns - goal.began_ns) * 1e-9
        if self.news is not None and not self.news.heard and late_s > _UNHEARD_S:
            return Ending(Code.INVALID_GOAL, "no controller listens to the gate")
        return None

    def _played(self, goal: _Goal, now_ns: int, feedback: Feedback | None) -> Ending | None:
        course, news = self._course, self.news
        assert course is not None
        assert news is not None
        if feedback is not None and course.at_s < course.spline.end_s:
            limits = (goal.tolerances.path_position, goal.tolerances.path_velocity)
            words = self._beyond(feedback, *limits)
            if words is not None:
                return Ending(Code.PATH_TOLERANCE_VIOLATED, words)
        if goal.stuck_ns is not None and (now_ns - goal.stuck_ns) * 1e-9 > _STUCK_S:
            near = f", near {news.near}" if news.near else ""
            words = f"the gate has not followed for {_STUCK_S:g} s{near}"
            return Ending(Code.PATH_TOLERANCE_VIOLATED, words)
        if course.over:
            goal.phase = Phase.SETTLING
            return self._settled(goal, now_ns, feedback)
        return None

    def _settled(self, goal: _Goal, now_ns: int, feedback: Feedback | None) -> Ending | None:
        reference, end = self._reference, goal.spline.positions[-1]
        assert reference is not None
        free = ~self._settings.watched
        off = np.abs(reference.position - end)
        there = np.all((off <= self._settings.arrived) | free) and np.all((np.abs(reference.velocity) < _STILL) | free)
        limits = (goal.tolerances.goal_position, goal.tolerances.goal_velocity)
        words = None if feedback is None else self._beyond(feedback, *limits)
        if there and words is None:
            return Ending(Code.SUCCESSFUL, "")
        late_s = goal.settling_s
        if late_s <= goal.tolerances.goal_time_s:
            return None
        if words is None:
            joint = int(np.argmax(np.where(free, 0.0, off)))
            near = self.news.near if self.news is not None else None
            words = (
                f"the gate is {off[joint]:.4g} away at {self._limits.names[joint]}{f', near {near}' if near else ''}"
            )
        return Ending(Code.GOAL_TOLERANCE_VIOLATED, f"{words}, {late_s:.2f} s after the end")

    def _stopped(self, goal: _Goal, now_ns: int, feedback: Feedback | None) -> Ending | None:
        course, reference = self._course, self._reference
        assert course is not None
        assert reference is not None
        goal.stopping_ns = now_ns if goal.stopping_ns is None else goal.stopping_ns
        off = np.abs(reference.position - course.at().position)
        stands = np.all(np.abs(reference.velocity) < _STILL) and np.all(off <= _STANDS * self._settings.arrived)
        if not (course.over and stands) and (now_ns - goal.stopping_ns) * 1e-9 < _STUCK_S:
            return None
        return Ending(Code.SUCCESSFUL, "canceled; the robot holds where it stopped", canceled=True)

    def _beyond(self, feedback: Feedback, position: Float, velocity: Float) -> str | None:
        """The joint that is farthest beyond a tolerance, in words; None if all are within."""
        for field, desired, actual, legal in (
            ("position", feedback.desired.position, feedback.actual.position, position),
            ("velocity", feedback.desired.velocity, feedback.actual.velocity, velocity),
        ):
            excess = np.abs(desired - actual) - legal
            if np.any(excess > 0.0):
                joint = int(np.argmax(excess))
                off = abs(desired[joint] - actual[joint])
                return f"{field}: {self._limits.names[joint]} is off by {off:.4g}; legal: {legal[joint]:g}"
        return None

    def _feedback(self) -> Feedback | None:
        goal, course, measured = self._goal, self._course, self._measured
        if goal is None or course is None or measured is None or self._step_ns is None:
            return None
        desired = course.at((measured.stamp_ns - self._step_ns) * 1e-9)
        index = int(np.searchsorted(goal.spline.times_s, course.at_s, side="right")) - goal.led
        playing = goal.phase in (Phase.PLAYING, Phase.SETTLING)
        return Feedback(measured.stamp_ns, desired, measured, max(index, 0) if playing else 0)

    def _command(self, now_ns: int) -> Trajectory | None:
        if self._course is None:
            return None
        return self._course.command(self._limits.names, now_ns, self._settings.horizon_s)
