"""Judges a commanded trajectory as a whole (form, finite numbers, times, stamp, limits); names the broken rule."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.checks import numbers, whole_ns
from world_model_ros.core.errors import some_of
from world_model_ros.core.trajectory import JointLimits, Trajectory

MAX_POINTS = 1000
FUTURE_S = 0.1  # a stamp may be this far ahead, for clocks that differ a little
_ROUNDING = 1e-9  # rad or m, of the extrema of a spline
_MOST_WORDS = 200  # signs
_WANTED = {
    "names": "the names of the joints",
    "times_s": "a time of each point, in s after the stamp",
    "positions": "a position of each joint at each point",
    "velocities": "a velocity of each joint at each point",
}
_FORM = "joint names, lists of real numbers, and a stamp in whole ns"
VELOCITY_RATIO = 2.0  # beyond the limit by more than this is a mistake; less is limited


class TrajectoryLike(Protocol):
    """A `Trajectory`, or the same fields in plain lists straight from a message, of any content."""

    @property
    def names(self) -> Sequence[str]: ...
    @property
    def times_s(self) -> Sequence[float] | Float: ...
    @property
    def positions(self) -> Sequence[Sequence[float]] | Float: ...
    @property
    def velocities(self) -> Sequence[Sequence[float]] | Float: ...
    @property
    def stamp_ns(self) -> int: ...


@dataclass(frozen=True)
class Proposal:
    """A command as it came in: nothing about it is certain yet. See `Trajectory` for the fields."""

    names: Sequence[str]
    times_s: Sequence[float]
    positions: Sequence[Sequence[float]]
    velocities: Sequence[Sequence[float]]
    stamp_ns: int


@dataclass(frozen=True)
class Refusal:
    """Why something was refused.

    Args:
        rule: name of the rule.
        joint: the joint that broke it, if one did.
        value: what was found.
        limit: what would have been accepted.
    """

    rule: str
    joint: str | None
    value: str | float
    limit: str | float

    def __str__(self) -> str:
        about = f" of {self.joint}" if self.joint else ""
        return f"{self.rule}{about}: {self.value}; legal: {self.limit}"


def judge(
    command: TrajectoryLike,
    limits: JointLimits,
    now_ns: int,
    max_age_s: float,
    newest_ns: int | None = None,
    horizon_s: float = np.inf,
) -> Trajectory | Refusal:
    """The command with its joints in the order of ``limits``, or the first rule it breaks.

    Args:
        command: positions in rad (m for slides), velocities per s, times in s after its stamp.
        limits: of exactly the joints that must be named, in any order.
        max_age_s: the oldest stamp that is accepted; a stamp is the time of the observation that was decided on.
        newest_ns: stamp of the newest accepted command; an older one came out of order.
        horizon_s: the latest time after the stamp that is accepted.
    """
    try:
        trajectory = _judge_form(command, limits.names) or _read(command, limits.names)
    except Exception as error:  # nothing is certain of what was handed in, not even its type
        trajectory = Refusal("form", None, f"{type(command).__name__}: {error}"[:_MOST_WORDS], _FORM)
    if isinstance(trajectory, Refusal):
        return trajectory
    return (
        _judge_finite(trajectory)
        or _judge_times(trajectory, horizon_s)
        or _judge_stamp(trajectory, now_ns, max_age_s, newest_ns)
        or _judge_limits(trajectory, limits)
        or trajectory
    )


def _judge_form(command: TrajectoryLike, joints: tuple[str, ...]) -> Refusal | None:
    for field, wanted in _WANTED.items():
        found = getattr(command, field)
        if not isinstance(found, Sized):
            return Refusal(
                "form", None, f"no {field}" if found is None else f"{field} of {type(found).__name__}", wanted
            )
    if len(command.names) != len(joints) or sorted(command.names) != sorted(joints):
        return Refusal("joint_names", None, some_of(list(command.names)), f"exactly {', '.join(joints)}")
    count = len(command.times_s)
    if not 1 <= count <= MAX_POINTS:
        return Refusal("points", None, count, f"1 to {MAX_POINTS}")
    for field, rows in (("positions", command.positions), ("velocities", command.velocities)):
        if len(rows) != count:
            return Refusal("lengths", None, f"{len(rows)} points with {field}", count)
        for row in rows:
            if len(row) == 0 and len(joints) > 0:
                return Refusal("lengths", None, f"a point without {field}", _WANTED[field])
            if len(row) != len(joints):
                return Refusal("lengths", None, f"{len(row)} {field} in a point", len(joints))
    return None


def _read(command: TrajectoryLike, joints: tuple[str, ...]) -> Trajectory | Refusal:
    """The numbers of a command, joints in order."""
    stamp_ns, names = whole_ns("stamp_ns", command.stamp_ns), list(command.names)
    wide = (len(command.times_s), len(joints))
    read = {}
    for field, shape in (("times_s", wide[:1]), ("positions", wide), ("velocities", wide)):
        found = numbers(getattr(command, field))
        if found is None or found.shape != shape:
            return Refusal("form", None, f"{field} that are not all numbers", _FORM)
        read[field] = found
    accelerations = getattr(command, "accelerations", None)
    if accelerations is not None:  # the gate finds its own; numbers that are none tell of a plan that went wrong
        found = numbers(accelerations)
        if found is None or found.shape != wide or not np.isfinite(found).all():
            return Refusal("form", None, "accelerations that are not all finite numbers", _FORM)
    order = [names.index(name) for name in joints]
    return Trajectory(joints, read["times_s"], read["positions"][:, order], read["velocities"][:, order], stamp_ns)


def _judge_finite(trajectory: Trajectory) -> Refusal | None:
    if not np.all(np.isfinite(trajectory.times_s)):
        return Refusal("finite", None, "a time that is not", "finite numbers")
    for field, values in (("position", trajectory.positions), ("velocity", trajectory.velocities)):
        rows, columns = np.nonzero(~np.isfinite(values))
        if len(rows):
            joint = trajectory.names[columns[0]]
            return Refusal("finite", joint, f"{field} {values[rows[0], columns[0]]}", "finite numbers")
    return None


def _judge_times(trajectory: Trajectory, horizon_s: float) -> Refusal | None:
    times = trajectory.times_s
    if times[0] < 0 or np.any(np.diff(times) <= 0):
        return Refusal("times", None, ", ".join(f"{time:g}" for time in times[:20]), "strictly increasing from 0 s")
    if times[-1] > horizon_s:
        return Refusal("horizon", None, f"{times[-1]:g} s ahead", f"up to {horizon_s:g} s")
    return None


def _judge_stamp(trajectory: Trajectory, now_ns: int, max_age_s: float, newest_ns: int | None) -> Refusal | None:
    age_s = (now_ns - trajectory.stamp_ns) * 1e-9
    if not -FUTURE_S <= age_s <= max_age_s:
        return Refusal("stamp", None, f"age {age_s:.3f} s", f"{-FUTURE_S} to {max_age_s} s")
    if newest_ns is not None and trajectory.stamp_ns < newest_ns:
        late_s = (newest_ns - trajectory.stamp_ns) * 1e-9
        return Refusal("order", None, f"{late_s:.3f} s older than the command before it", "stamps in order")
    return None


def _judge_limits(trajectory: Trajectory, limits: JointLimits) -> Refusal | None:
    p = trajectory.positions
    lowest, highest, fastest = _extrema(trajectory)
    for found, bound, sign, slack in (  # a point that is wrong says more than how far the spline overshoots it
        (p.min(axis=0), limits.lower, 1.0, 0.0),
        (p.max(axis=0), limits.upper, -1.0, 0.0),
        (lowest, limits.lower, 1.0, _ROUNDING),
        (highest, limits.upper, -1.0, _ROUNDING),
    ):
        excess = sign * (bound - found)
        if np.any(excess > slack):
            joint = int(np.argmax(excess))
            return Refusal("position", limits.names[joint], _number(found[joint]), float(bound[joint]))
    legal = VELOCITY_RATIO * limits.velocity
    if np.any(fastest > legal):
        joint = int(np.argmax(np.log(fastest + legal) - np.log(legal)))  # by ratio, which may be too large to compute
        return Refusal("velocity", limits.names[joint], _number(fastest[joint]), float(legal[joint]))
    return None


def _extrema(trajectory: Trajectory) -> tuple[Float, Float, Float]:
    """Lowest and highest position and largest speed of each joint (J,), exact along the cubic Hermite spline."""
    p, v = trajectory.positions, trajectory.velocities
    if len(p) == 1:
        return p[0], p[0], np.abs(v[0])
    with np.errstate(all="ignore"):  # finite numbers can still be absurdly large; then nothing is certain
        span = np.diff(trajectory.times_s)[:, None]
        # In s = 0 to 1 along a segment: p0 + b s + c s^2 + d s^3.
        b, end, move = v[:-1] * span, v[1:] * span, np.diff(p, axis=0)
        c, d = 3 * move - 2 * b - end, b + end - 2 * move
        root = np.sqrt(np.maximum(c * c - 3 * b * d, 0.0))
        half = -(c + np.copysign(root, c))  # the other way round digits would cancel
        turns = np.stack([half / (3 * d), b / half])
        turns = np.clip(np.nan_to_num(turns, nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)
        between = p[:-1] + turns * (b + turns * (c + turns * d))
        bend = np.clip(np.nan_to_num(-c / (3 * d), nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)
        speeds = np.vstack([np.abs(v), np.abs((b + bend * (2 * c + bend * 3 * d)) / span)])
        positions = np.vstack([p, *between])
    sure = np.isfinite(positions)
    lowest = np.where(sure, positions, -np.inf).min(axis=0)
    highest = np.where(sure, positions, np.inf).max(axis=0)
    return lowest, highest, np.nan_to_num(speeds, nan=np.inf).max(axis=0)


def _number(value: float) -> float | str:
    """A float that JSON can hold, or words."""
    return float(value) if np.isfinite(value) else "too large to compute"
