"""Jerk-limited motion plans, every one of which ends in a stop inside the position limits (Ruckig).

Ruckig: Berscheid and Kroeger, Jerk-limited real-time trajectory generation with arbitrary target states, RSS 2021.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain
from typing import NamedTuple, Union

import numpy as np
import ruckig
from numpy.typing import NDArray

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits

EXACT_S = 0.06
_GAIN = 6.0  # share of the position error made up for, 1/s; stable while well below 1 / ``lead_s``
_SOON_S = 0.02
_KNOT_GAP_S = 1e-7  # knots nearer to each other than this would only be rounding
_SLACK = 1e-9  # rad or m, for rounding in the comparison with position limits
# Of the velocity limit: where what was sent is sparse, a spline through it runs up to 2e-4 faster than the plan.
_HEADROOM = 0.998
_SLOWEST = 1e-3  # of the velocity limit, of a joint that is led to a place: slower than that would take for ever
_NONE: Mapping[int, tuple[float, float]] = {}
_NO_MOTION = "no motion within the limits"


@dataclass(frozen=True)
class Motion:
    """Where J joints are, in rad (m for slides) and s: position, velocity and acceleration, (J,) each."""

    position: Float
    velocity: Float
    acceleration: Float

    @classmethod
    def still(cls, position: Float) -> Motion:
        return cls(position, np.zeros_like(position), np.zeros_like(position))


class Points(NamedTuple):
    """Knots: times (T,) in s, positions, velocities and accelerations (T, J)."""

    times_s: Float
    positions: Float
    velocities: Float
    accelerations: Float

    def lasting(self, until_s: float) -> Points:
        """The same points, which stand still at their end until a later time."""
        still = np.zeros_like(self.positions[-1:])
        return Points(
            np.append(self.times_s, until_s),
            np.concatenate([self.positions, self.positions[-1:]]),
            np.concatenate([self.velocities, still]),
            np.concatenate([self.accelerations, still]),
        )


class _Apart:
    """A Ruckig trajectory, with joints that have one of their own in it."""

    def __init__(self, together: ruckig.Trajectory, apart: Mapping[int, ruckig.Trajectory]) -> None:
        self._together, self._apart = together, apart
        self.duration = max(float(each.duration) for each in (together, *apart.values()))
        self.profiles = [list(together.profiles[0])]
        self.position_extrema = list(together.position_extrema)
        for joint, each in apart.items():
            self.profiles[0][joint], self.position_extrema[joint] = each.profiles[0][0], each.position_extrema[0]

    def at_time(self, time_s: float) -> tuple[list[float], list[float], list[float]]:
        rows: tuple[list[float], list[float], list[float]] = self._together.at_time(time_s)
        for joint, each in self._apart.items():
            for row, own in zip(rows, each.at_time(min(time_s, each.duration))):
                row[joint] = own[0]
        return rows


Course = Union[ruckig.Trajectory, _Apart]


MotionState = tuple[list[float], list[float], list[float]]  # position, velocity and acceleration, J each


class Piece(NamedTuple):
    """``length_s`` seconds of a Ruckig trajectory from ``from_s`` on; still at its end once it is over.

    ``changes_s`` holds all times of the trajectory at which the jerk of a joint may change.
    """

    trajectory: Course
    changes_s: Float
    from_s: float
    length_s: float

    def at(self, times_s: Iterable[float]) -> Iterator[MotionState]:
        """The states at times after the piece began."""
        at_time, from_s, duration_s = self.trajectory.at_time, self.from_s, self.trajectory.duration
        for time_s in times_s:
            into_s = from_s + time_s
            if into_s < duration_s:
                yield at_time(into_s)
            else:
                end = at_time(duration_s)[0]
                yield end, [0.0] * len(end), [0.0] * len(end)

    def switches(self) -> Float:
        """Times after the piece began at which the jerk of a joint may change, its ends included."""
        inside = self.changes_s - self.from_s
        return np.concatenate([[0.0], inside[(inside > 0.0) & (inside < self.length_s)], [self.length_s]])


class Plan:
    """A motion over time that ends still: pieces of trajectories, one after the other.

    Args:
        pieces: at least one; the last one is a stop.
        lead_s: seconds that lead toward a target before the stop; 0 for a plan that only stops.
    """

    def __init__(self, pieces: Sequence[Piece], lead_s: float = 0.0) -> None:
        self.pieces = tuple(pieces)
        self.lead_s = lead_s
        self._starts = [0.0, *accumulate(piece.length_s for piece in self.pieces)]
        self.duration_s = self._starts[-1]
        self._asked: tuple[float, Motion] | None = None

    def at(self, time_s: float) -> Motion:
        """The motion ``time_s`` after the plan began; still at its end and afterwards."""
        if self._asked is None or self._asked[0] != time_s:  # a cycle asks for the same moment several times
            self._asked = time_s, self._motion(time_s)
        return self._asked[1]

    def positions(self, spacing_s: float, most: int, from_s: float = 0.0) -> Float:
        """Positions (K, J) along the plan from a time on, evenly spaced by ``spacing_s``; wider if over ``most``."""
        span_s = max(self.duration_s - from_s, 0.0)
        count = min(most, max(2, math.ceil(span_s / spacing_s) + 1))
        rows = self._states([from_s + span_s * i / (count - 1) for i in range(count)])
        return _array([position for position, _, _ in rows])

    def joined(self, after: Plan, from_s: float, at_s: float) -> Plan:
        """This plan from ``from_s`` to ``at_s``, then another one, which begins with the motion there."""
        kept = []
        ends = [*self._starts[1:-1], math.inf]  # the last one stands still for ever
        for start, end, piece in zip(self._starts, ends, self.pieces):
            low, high = max(start, from_s), min(end, at_s)
            if high - low > 0.0:
                kept.append(piece._replace(from_s=piece.from_s + low - start, length_s=high - low))
        return Plan([*kept, *after.pieces], after.lead_s)

    def points(self, from_s: float, now_s: float, cycle_s: float, soon_s: float, most: int) -> Points:
        """The plan after ``from_s``, for a controller that is told so at ``now_s``; times count from ``from_s``.

        A knot at ``from_s``, at ``now_s`` and each of the next two cycles, where the next trajectory will be joined,
        and wherever jerk changes up to ``soon_s`` after ``now_s``, so that a spline through them is the plan itself
        until then; afterwards no more than ``most``, evenly spaced. The last one is the end, still. Times are whole
        nanoseconds, because messages cannot say more.
        """
        now_s, rest_s = now_s - from_s, max(self.duration_s - from_s, now_s - from_s + cycle_s)
        exact_s = min(now_s + max(2 * cycle_s, soon_s), rest_s)
        switches = [time - from_s for time in self.switches(from_s + _KNOT_GAP_S, from_s + exact_s)]
        knots = [0.0, now_s, min(now_s + cycle_s, rest_s), min(now_s + 2 * cycle_s, rest_s), exact_s]
        if rest_s > exact_s:
            count = min(most, math.ceil((rest_s - exact_s) / cycle_s))
            knots += [exact_s + (rest_s - exact_s) * i / count for i in range(1, count + 1)]
        times = _apart(knots, switches)
        rows = self._states([*(from_s + time for time in times[:-1]), self.duration_s])
        positions, velocities, accelerations = (_array(list(each)) for each in zip(*rows))
        velocities[-1] = accelerations[-1] = 0.0
        return Points(np.array(times), positions, velocities, accelerations)

    def switches(self, from_s: float, to_s: float) -> list[float]:
        """Times between two, in s after the plan began, at which the jerk of a joint changes."""
        times = np.concatenate([start + switches for start, switches in zip(self._starts, self._switches)])
        found: list[float] = times[(times > from_s) & (times < to_s)].tolist()
        return found

    @cached_property
    def _switches(self) -> list[Float]:
        return [piece.switches() for piece in self.pieces]

    def _motion(self, time_s: float) -> Motion:
        ((position, velocity, acceleration),) = self._states([time_s])
        return Motion(np.array(position), np.array(velocity), np.array(acceleration))

    def _states(self, times_s: list[float]) -> list[MotionState]:
        """The states at times in ascending order; still from the end of the plan on."""
        firsts = [0, *(bisect_left(times_s, start) for start in self._starts[1:-1]), len(times_s)]
        rows: list[MotionState] = []
        for piece, start, first, last in zip(self.pieces, self._starts, firsts, firsts[1:]):
            rows += piece.at([max(time - start, 0.0) for time in times_s[first:last]])
        return rows


class Limiter:
    """Makes plans within limits.

    A target is followed by its velocity plus a share of the position error, reached jerk-limited, all joints at once.
    Aiming at position and velocity at the same time would be quicker, but backs up in order to arrive with the
    target's velocity whenever the target starts faster than the joints can.

    Args:
        limits: of J joints.
        lead_s: how far ahead the target is looked at, and in what time its velocity is reached if limits allow.
        alone: (J,) joints that stop as soon as they can and wait for no other, as a gripper's; None: all stop together.

    Attributes:
        lacking: why the last call found no plan: the joint whose position limit it would have passed.
    """

    def __init__(self, limits: JointLimits, lead_s: float = 0.1, alone: NDArray[np.bool_] | None = None) -> None:
        self.limits = limits
        self._bounds = list(zip((limits.lower - _SLACK).tolist(), (limits.upper + _SLACK).tolist()))
        self._fastest = _HEADROOM * limits.velocity
        self.lead_s = lead_s
        self.lacking = _NO_MOTION
        self._ruckig, self._one = ruckig.Ruckig(len(limits.names)), ruckig.Ruckig(1)
        self._follow_input = self._input()
        self._follow_input.minimum_duration = lead_s
        self._stop_input = self._input()
        self._stop_input.target_velocity = [0.0] * len(limits.names)
        self._stops = {} if alone is None else dict.fromkeys(np.flatnonzero(alone).tolist(), (0.0, 0.0))

    def aim(self, now: Motion, position: Float, velocity: Float) -> Float:
        """The velocity (J,) to have in ``lead_s``, in order to follow a moving target (J,) as it will be then."""
        return np.minimum(np.maximum(self._unlimited(now, position, velocity), -self._fastest), self._fastest)

    def _unlimited(self, now: Motion, position: Float, velocity: Float) -> Float:
        expected = now.position + 0.5 * self.lead_s * (now.velocity + velocity)
        aim: Float = velocity + _GAIN * (position - expected)
        return aim

    def apart(self, now: Motion, position: Float, velocity: Float, share: float) -> tuple[int, float] | None:
        """The joint that cannot follow a moving target (J,) from ``lead_s`` on, and the velocity that it would need.

        None if every joint can, within the limits of velocity, acceleration and jerk.

        Args:
            share: of the speed at which the target is followed, 0 to 1.
        """
        aim = share * self._unlimited(now, position, velocity)
        self._follow_input.target_velocity = aim.tolist()
        lead = self._trajectory(self._follow_input, now)
        late = lead is None or lead.duration > self.lead_s + _KNOT_GAP_S
        if not late and not np.any(np.abs(aim) > self.limits.velocity):
            return None
        change = np.maximum(np.abs(aim - now.velocity) / self.limits.acceleration, np.abs(aim) / self.limits.velocity)
        joint = int(np.argmax(change))
        return joint, float(aim[joint])

    def ahead(self, now: Motion, aim: Float) -> tuple[Float, Float]:
        """Where (J,) the motion goes on to at once, and where an aim leads to within ``lead_s`` if limits let it."""
        return now.position + _SOON_S * now.velocity, now.position + 0.5 * self.lead_s * (now.velocity + aim)

    def follow(self, now: Motion, aim: Float, ends: Float | None = None) -> Plan | None:
        """Plan toward the velocity ``aim`` (J,), then to a stop; None if it would pass a position limit.

        A joint that may stop alone stops at ``ends`` (J,) at the latest, if it still can, else it comes back there; NaN
        where it goes with the others.
        """
        self._follow_input.target_velocity = aim.tolist()
        goals = [] if ends is None else list(enumerate(zip(aim.tolist(), ends.tolist())))
        alone = {joint: goal for joint, goal in goals if not math.isnan(goal[1])}
        lead = self._trajectory(self._follow_input, now, alone)
        if lead is None or not self._inside(lead, now, self.lead_s):
            return None
        end = _motion(lead, self.lead_s)
        stop = self._trajectory(self._stop_input, end, self._stops)
        if stop is None or not self._inside(stop, end):
            return None
        return Plan([_whole(lead)._replace(length_s=self.lead_s), _whole(stop)], self.lead_s)

    def stop(self, now: Motion) -> Plan | None:
        """Plan of a stop of all joints together; None if it would pass a position limit."""
        stop = self._trajectory(self._stop_input, now, self._stops)
        return Plan([_whole(stop)]) if stop is not None and self._inside(stop, now) else None

    def go(self, now: Motion, position: Float) -> Plan | None:
        """Plan from a standstill to a standstill at ``position`` (J,), all joints on a straight line together."""
        parameters = self._input()
        parameters.control_interface = ruckig.ControlInterface.Position
        parameters.synchronization = ruckig.Synchronization.Phase
        parameters.target_position = position
        way = self._trajectory(parameters, now)
        return Plan([_whole(way)], float(way.duration)) if way is not None and self._inside(way, now) else None

    def _input(self) -> ruckig.InputParameter:
        parameters = ruckig.InputParameter(len(self.limits.names))
        parameters.control_interface = ruckig.ControlInterface.Velocity
        parameters.max_velocity = self.limits.velocity
        parameters.max_acceleration = self.limits.acceleration
        parameters.max_jerk = self.limits.jerk
        return parameters

    def _trajectory(
        self, parameters: ruckig.InputParameter, now: Motion, alone: Mapping[int, tuple[float, float]] = _NONE
    ) -> Course | None:
        """The motion from ``now``; of joints ``alone``, no faster than a speed to an end."""
        parameters.current_position = now.position.tolist()
        parameters.current_velocity = now.velocity.tolist()
        parameters.current_acceleration = now.acceleration.tolist()
        if self._stops:
            parameters.enabled = [joint not in alone for joint in range(len(self.limits.names))]
        self.lacking = _NO_MOTION
        together = _calculated(self._ruckig, parameters)
        if together is None or not alone:
            return together
        apart = {joint: self._single(now, joint, *goal) for joint, goal in alone.items()}
        found = {joint: course for joint, course in apart.items() if course is not None}
        return _Apart(together, found) if len(found) == len(apart) else None

    def _single(self, now: Motion, joint: int, speed: float, end: float) -> ruckig.Trajectory | None:
        """One joint's way to an end, no faster than a speed, as soon as it can; a stop where that is nothing."""
        parameters, fastest = ruckig.InputParameter(1), float(self.limits.velocity[joint])
        if abs(speed) > _SLOWEST * fastest:
            parameters.target_position, fastest = [end], abs(speed)
        else:
            parameters.control_interface = ruckig.ControlInterface.Velocity
        parameters.max_velocity = [fastest]
        parameters.max_acceleration = self.limits.acceleration[joint : joint + 1]
        parameters.max_jerk = self.limits.jerk[joint : joint + 1]
        parameters.current_position = now.position[joint : joint + 1]
        parameters.current_velocity = now.velocity[joint : joint + 1]
        parameters.current_acceleration = now.acceleration[joint : joint + 1]
        return _calculated(self._one, parameters)

    def _inside(self, trajectory: Course, now: Motion, until_s: float = math.inf) -> bool:
        """Whether a trajectory from ``now`` keeps the position limits; extrema only count where these are in reach.

        What is after ``until_s`` does not count: the motion does not go that far.
        """
        peak = np.abs(now.velocity) + now.acceleration**2 / (2 * self.limits.jerk)
        reach = np.maximum(self.limits.velocity, peak) * trajectory.duration
        if np.all((now.position - reach >= self.limits.lower) & (now.position + reach <= self.limits.upper)):
            return True
        for joint, (bound, (low, high)) in enumerate(zip(trajectory.position_extrema, self._bounds)):
            if not (low <= bound.min and bound.max <= high):
                least, most = _extrema(trajectory.profiles[0][joint], until_s)
                if not (low <= least and most <= high):
                    self.lacking = f"{self.limits.names[joint]} and its limit"
                    return False
        return True


def _apart(knots: list[float], switches: list[float]) -> list[float]:
    """All of them in whole nanoseconds, and in order; of two that are next to each other the switch. The last stays."""
    needed = {round(time * 1e9) for time in (*switches, max(knots))}
    times: list[int] = []
    for time in sorted(needed | {round(knot * 1e9) for knot in knots}):
        if not times or time - times[-1] > _KNOT_GAP_S * 1e9:
            times.append(time)
        elif time in needed:
            times[-1] = time
    return [time * 1e-9 for time in times]


def _calculated(planner: ruckig.Ruckig, parameters: ruckig.InputParameter) -> ruckig.Trajectory | None:
    trajectory = ruckig.Trajectory(parameters.degrees_of_freedom)
    try:
        result = planner.calculate(parameters, trajectory)
    except ruckig.RuckigError:
        return None
    return trajectory if result in (ruckig.Result.Working, ruckig.Result.Finished) else None


def _array(rows: list[list[float]]) -> Float:
    """Rows of one length, in two thirds of the time that `numpy.array` takes."""
    return np.fromiter(chain.from_iterable(rows), np.float64).reshape(len(rows), -1)


def _extrema(profile: ruckig.Profile, until_s: float = math.inf) -> tuple[float, float]:
    """The lowest and highest position of one joint, up to a time.

    Those that Ruckig itself gives may hold the target position, which is 0 where a velocity is asked for: too far for a
    joint whose range leaves 0 out, as that of many an elbow.
    """
    found, left_s = [], until_s
    for part in (profile.brake, profile):
        for length, position, speed, acceleration, jerk in zip(part.t, part.p, part.v, part.a, part.j):
            span = min(length, left_s)
            left_s -= span
            root = math.sqrt(max(acceleration**2 - 2 * jerk * speed, 0.0))
            turns = [(-acceleration + sign * root) / jerk for sign in (1, -1)] if jerk else []
            turns += [-speed / acceleration] if acceleration and not jerk else []
            for time in (0.0, *(each for each in turns if 0.0 < each < span), span) if span > 0 else ():
                found.append(position + time * (speed + time * (acceleration / 2 + time * jerk / 6)))
    return (min(found), max(found)) if found else (profile.p[0], profile.p[0])


def _whole(trajectory: Course) -> Piece:
    spans = _array([[*profile.brake.t, *profile.t] for profile in trajectory.profiles[0]])
    return Piece(trajectory, spans.cumsum(axis=1).ravel(), 0.0, float(trajectory.duration))


def _motion(trajectory: Course, time_s: float) -> Motion:
    position, velocity, acceleration = trajectory.at_time(time_s)
    return Motion(np.array(position), np.array(velocity), np.array(acceleration))
