"""Judges goals of control_msgs/action/FollowJointTrajectory before anything of them is played.

What joint_trajectory_controller rejects ends here too, with a code and words. Two things are stricter: a tolerance that
makes no sense costs the goal, where the controller takes its defaults, and what the gate would refuse later, or where
the robot is not, is refused at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.stamps import stamp_ns, time_ns
from world_model_ros.core.arrays import Float, Int
from world_model_ros.core.checks import numbers
from world_model_ros.core.errors import some_of
from world_model_ros.core.trajectory import JointLimits
from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.playing.endings import Code, GoalError
from world_model_ros.gate.playing.spline import CUBIC, LINEAR, QUINTIC, Spline

_FLOAT_EPSILON = 1.1920929e-07  # of C's float: the largest velocity of a last point, and how near -1 is -1
_MOST_SPEED = 1.05  # of a velocity limit; splines of planners run a little over it between their points
_LOOK_S = 0.005  # between the times at which limits are judged
_PIECE = 4000  # of them at once
_POSITION_SLACK = 1e-6  # rad or m, for rounding of a planner
_ERASED = -1.0  # a tolerance that takes a default back


@dataclass(frozen=True)
class Asked:
    """A goal as it came in: nothing about it is certain yet.

    Args:
        names: of its joints.
        times_ns: after the stamp, by point.
        positions, velocities, accelerations, effort: rows by point; empty where a point does not carry them.
        stamp_ns: of the start; 0 for now.
        path, goal: tolerances of joints: (position, velocity, acceleration) by name.
        goal_time_s: by which the goal may be late.
        multi_dof: whether it moves joints of more than one degree of freedom.
    """

    names: Sequence[str]
    times_ns: Sequence[int]
    positions: Sequence[Sequence[float]]
    velocities: Sequence[Sequence[float]] = ()
    accelerations: Sequence[Sequence[float]] = ()
    effort: Sequence[Sequence[float]] = ()
    stamp_ns: int = 0
    path: Sequence[tuple[str, float, float, float]] = ()
    goal: Sequence[tuple[str, float, float, float]] = ()
    goal_time_s: float = 0.0
    multi_dof: bool = False


def asked_from(message: Any) -> Asked:
    """The goal of a message of the action."""
    trajectory = message.trajectory
    points = list(trajectory.points)
    multi = message.multi_dof_trajectory
    return Asked(
        list(trajectory.joint_names),
        [time_ns(point.time_from_start) for point in points],
        [list(point.positions) for point in points],
        [list(point.velocities) for point in points],
        [list(point.accelerations) for point in points],
        [list(point.effort) for point in points],
        stamp_ns(trajectory),
        [(each.name, each.position, each.velocity, each.acceleration) for each in message.path_tolerance],
        [(each.name, each.position, each.velocity, each.acceleration) for each in message.goal_tolerance],
        time_ns(message.goal_time_tolerance) * 1e-9,
        bool(multi.joint_names or multi.points or message.component_path_tolerance or message.component_goal_tolerance),
    )


@dataclass(frozen=True)
class Tolerances:
    """How far measured joints may be from what is desired, rad (m for slides) and per s; infinite is not judged.

    Args:
        path_position, path_velocity: (J,), on the way.
        goal_position, goal_velocity: (J,), at the end.
        goal_time_s: after the trajectory's end, by which the goal has to be reached.
    """

    path_position: Float
    path_velocity: Float
    goal_position: Float
    goal_velocity: Float
    goal_time_s: float

    @classmethod
    def default(cls, goal_position: Float, goal_time_s: float) -> Tolerances:
        """Those of a goal that names none: nothing on the way."""
        free = np.full_like(goal_position, np.inf)
        return cls(free, free, goal_position, free, goal_time_s)

    def of(self, asked: Asked, joints: Sequence[str]) -> Tolerances:
        """These, with what a goal says instead: 0 leaves one as it is, and -1 takes it back; `GoalError` of others."""
        path = _resolved("path_tolerance", asked.path, joints, (self.path_position, self.path_velocity))
        goal = _resolved("goal_tolerance", asked.goal, joints, (self.goal_position, self.goal_velocity))
        late_s = _one("goal_time_tolerance", asked.goal_time_s, self.goal_time_s)
        return Tolerances(*path, *goal, late_s)


def _resolved(
    field: str,
    given: Sequence[tuple[str, float, float, float]],
    joints: Sequence[str],
    usual: tuple[Float, Float],
) -> tuple[Float, Float]:
    position, velocity = usual[0].copy(), usual[1].copy()
    for name, *values in given:
        if name not in joints:
            words = f"{field}: {name!r} is no joint; legal: {', '.join(joints)}"
            raise GoalError(Code.INVALID_JOINTS, words)
        joint = list(joints).index(name)
        position[joint] = _one(f"{field} of {name}: position", values[0], position[joint])
        velocity[joint] = _one(f"{field} of {name}: velocity", values[1], velocity[joint])
        if _one(f"{field} of {name}: acceleration", values[2], np.inf) < np.inf:
            raise GoalError(Code.INVALID_GOAL, f"{field} of {name}: acceleration: is not measured; legal: 0 or -1")
    return position, velocity


def _one(field: str, given: float, usual: float) -> float:
    if given > 0.0 and np.isfinite(given):
        return given
    if given == 0.0:
        return usual
    if abs(given - _ERASED) < _FLOAT_EPSILON:
        return np.inf
    raise GoalError(Code.INVALID_GOAL, f"{field}: got {given:g}; legal: more than 0, 0 for the default, -1 for none")


def read(asked: Asked, joints: Sequence[str], partial: bool, now_ns: int) -> Spline:
    """The trajectory of a goal, with its joints as they are named there.

    Args:
        asked: the goal.
        joints: all that are commanded.
        partial: whether it may leave out some of them.

    Raises:
        GoalError: it is not one that joint_trajectory_controller would accept.
    """
    if asked.multi_dof:
        raise GoalError(Code.INVALID_GOAL, "multi_dof_trajectory or component tolerances: no such joint is here")
    _require_joints(asked.names, joints, partial)
    if not len(asked.times_ns):
        raise GoalError(Code.INVALID_GOAL, "trajectory: no points")
    times: Int = np.array(asked.times_ns, dtype=np.int64)
    if times[0] < 0 or np.any(np.diff(times) <= 0):
        told = some_of([f"{time * 1e-9:g}" for time in asked.times_ns])
        raise GoalError(Code.INVALID_GOAL, f"time_from_start: {told}; legal: strictly increasing from 0 s")
    size, count = len(asked.names), len(times)
    positions, has = _rows("positions", asked.positions, size, count)
    if not has.all():
        words = f"positions: none at point {int(np.argmin(has))}; legal: positions at every point"
        raise GoalError(Code.INVALID_GOAL, words)
    velocities, has_velocity = _rows("velocities", asked.velocities, size, count)
    accelerations, has_acceleration = _rows("accelerations", asked.accelerations, size, count)
    if any(len(row) for row in asked.effort):
        raise GoalError(Code.INVALID_GOAL, "effort: is not commanded here; legal: none")
    moving = np.abs(velocities[-1]) > _FLOAT_EPSILON
    if moving.any():
        name, value = asked.names[int(np.argmax(moving))], velocities[-1][moving][0]
        raise GoalError(Code.INVALID_GOAL, f"velocities: {value:g} of {name} at the last point; legal: 0")
    ended_ns = now_ns - asked.stamp_ns - int(times[-1])
    if asked.stamp_ns and ended_ns > 0:
        words = f"header.stamp: the trajectory ended {ended_ns * 1e-9:.3f} s ago; legal: 0, or a stamp of which it ends"
        raise GoalError(Code.OLD_HEADER_TIMESTAMP, f"{words} in the future")
    carries = np.where(has_velocity, np.where(has_acceleration, QUINTIC, CUBIC), LINEAR)
    times_s: Float = times.astype(np.float64) * 1e-9
    return Spline(times_s, positions, velocities, accelerations, carries)


def _require_joints(names: Sequence[str], joints: Sequence[str], partial: bool) -> None:
    legal = f"{'some of' if partial else 'all of'} {', '.join(joints)}, each once"
    unknown = [name for name in names if name not in joints]
    missing = [name for name in joints if name not in names]
    if not names or len(set(names)) != len(names) or unknown or (missing and not partial):
        told = f"unknown {some_of(unknown)}" if unknown else f"missing {some_of(missing)}" if missing else "one twice"
        raise GoalError(Code.INVALID_JOINTS, f"joint_names: {told if names else 'none'}; legal: {legal}")


def _rows(field: str, rows: Sequence[Sequence[float]], size: int, count: int) -> tuple[Float, NDArray[np.bool_]]:
    """Values (T, J), 0 where a point has none, and which points have them (T,)."""
    values, has = np.zeros((count, size)), np.zeros(count, dtype=bool)
    for point, row in enumerate(rows):
        if not len(row):
            continue
        found = numbers(row)
        if found is None or found.shape != (size,):
            words = f"{field}: {len(row)} at point {point}; legal: {size}, one for each joint"
            raise GoalError(Code.INVALID_GOAL, words)
        if not np.isfinite(found).all():
            raise GoalError(Code.INVALID_GOAL, f"{field}: not finite at point {point}; legal: finite numbers")
        values[point], has[point] = found, True
    return values, has


def led_from(
    spline: Spline, names: Sequence[str], joints: Sequence[str], start: Motion, start_s: float, tolerance: Float
) -> Spline:
    """A goal's trajectory for all joints (J,), from a motion at a time on.

    As the controller does, what the robot does leads to a first point that is still to come. Joints that the goal does
    not name stay where they are.

    Raises:
        GoalError: the trajectory starts before that time, and is more than ``tolerance`` (J,) from where the robot is.
    """
    columns = [list(joints).index(name) for name in names]
    count = len(spline.times_s)
    position = np.repeat(start.position[None], count, axis=0)
    velocity, acceleration = np.zeros_like(position), np.zeros_like(position)
    position[:, columns], velocity[:, columns] = spline.positions, spline.velocities
    acceleration[:, columns] = spline.accelerations
    whole = Spline(spline.times_s, position, velocity, acceleration, spline.carries)
    if start_s >= whole.times_s[0]:
        there = whole.at(start_s).position if len(whole.times_s) > 1 else whole.positions[0]
        far = np.abs(there - start.position) - tolerance
        if np.any(far > 0.0):
            joint = int(np.argmax(far))
            words = f"{joints[joint]} begins at {there[joint]:.4g} and is at {start.position[joint]:.4g}"
            raise GoalError(Code.INVALID_GOAL, f"start: {words}; legal: within {tolerance[joint]:g}")
        return whole
    return Spline(
        np.concatenate([[start_s], whole.times_s]),
        np.vstack([start.position, whole.positions]),
        np.vstack([start.velocity, whole.velocities]),
        np.vstack([start.acceleration, whole.accelerations]),
        np.concatenate([[QUINTIC], whole.carries]),
    )


def require_limits(spline: Spline, limits: JointLimits) -> None:
    """`GoalError` of a trajectory that leaves the position limits, or is over a velocity limit by more than 5 %."""
    lowest, highest, fastest = _extremes(spline)
    for found, bound, sign in ((lowest, limits.lower, 1.0), (highest, limits.upper, -1.0)):
        excess = sign * (bound - found)
        if np.any(excess > _POSITION_SLACK):
            joint = int(np.argmax(excess))
            words = f"{found[joint]:.6g} of {limits.names[joint]}; legal: {bound[joint]:g}"
            raise GoalError(Code.INVALID_GOAL, f"position: {words}")
    ratio = fastest / limits.velocity
    if np.any(ratio > _MOST_SPEED):
        joint = int(np.argmax(ratio))
        words = f"{ratio[joint] * limits.velocity[joint]:.4g} of {limits.names[joint]}"
        raise GoalError(Code.INVALID_GOAL, f"velocity: {words}; legal: {limits.velocity[joint]:g}; plan it slower")


def _extremes(spline: Spline) -> tuple[Float, Float, Float]:
    """Lowest and highest position and largest speed (J,), looked for in pieces: a trajectory may be an hour long."""
    lowest, highest = spline.positions.min(axis=0), spline.positions.max(axis=0)
    fastest = np.zeros_like(lowest)
    times = np.concatenate([np.arange(float(spline.times_s[0]), spline.end_s, _LOOK_S), spline.times_s])
    for piece in np.array_split(times, max(1, len(times) // _PIECE)):
        position, velocity, _ = spline.sample(piece)
        lowest, highest = np.minimum(lowest, position.min(axis=0)), np.maximum(highest, position.max(axis=0))
        fastest = np.maximum(fastest, np.abs(velocity).max(axis=0))
    return lowest, highest, fastest


def per_joint(value: float, units: Mapping[str, str], joints: Sequence[str]) -> Float:
    """A tolerance (J,) that is in rad for joints that turn, and a fifth of it in m for slides."""
    return np.array([value / (5.0 if units[name] == "m" else 1.0) for name in joints])
