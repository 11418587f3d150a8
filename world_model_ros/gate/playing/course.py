"""Advances along a trajectory at a variable pace, and brakes along its path within acceleration and jerk limits."""

from __future__ import annotations

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits, Trajectory
from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.playing.spline import Spline

_SPACING_S = 0.02  # of points of a command
_FINE_S = 0.002  # of places among which the nearest is looked for
_APART_S = 1e-3  # points nearer to each other than this are one
_SHARE = 0.5  # of acceleration and jerk limits, that braking along the way may take
_LEAST_S = 0.1  # of braking
_KEPT_S = 0.14  # until braking begins: the gate has led to what it was told of this until now, and would come back
_LOOK_S = 0.7  # how far ahead speeds count for it


class Course:
    """A trajectory of which some is done.

    Args:
        spline: of J joints.
        at_s: its time now; before its first point it stands still.
        pace: at which its time passes, 0 to 1.

    Attributes:
        spline, at_s, pace: as given; pace may be changed at any time, and is 0 once it has braked.
    """

    def __init__(self, spline: Spline, at_s: float = 0.0, pace: float = 1.0) -> None:
        self.spline, self.at_s, self.pace = spline, at_s, pace
        self._brake_s: float | None = None  # how long braking takes
        self._braked_s = 0.0  # of it

    @classmethod
    def still(cls, position: Float) -> Course:
        return cls(Spline.still(position), pace=0.0)

    @property
    def braking(self) -> bool:
        """Whether it brakes, or has."""
        return self._brake_s is not None

    @property
    def over(self) -> bool:
        """Whether nothing moves any more."""
        return self.at_s >= self.spline.end_s or (self._brake_s is not None and self._braked_s >= self._brake_s)

    def advance(self, span_s: float) -> None:
        """Let time pass."""
        passed, _ = self._ahead(np.array([span_s]))
        self.at_s += float(passed[0])
        if self._brake_s is not None:
            self._braked_s += span_s

    def brake(self, limits: JointLimits) -> None:
        """Slow down along the way until it stands, with acceleration and jerk within half the limits.

        That begins a little later, as far ahead as the gate looks.
        """
        if self.braking:
            return
        _, speed, _ = self.spline.sample(self.at_s + np.arange(0.0, _LOOK_S, _SPACING_S) * self.pace)
        most = self.pace * np.abs(speed).max(axis=0)
        # The pace falls by a smooth step of x = t / T: its slope is 1.5 / T at most, that of the slope 6 / T^2.
        slow_s = float(np.max(1.5 * most / (_SHARE * limits.acceleration)))
        smooth_s = float(np.max(np.sqrt(6.0 * most / (_SHARE * limits.jerk))))
        self._brake_s, self._braked_s = max(slow_s, smooth_s, _LEAST_S), -_KEPT_S

    def back_to(self, position: Float, velocity: Float, limits: JointLimits) -> None:
        """Go back in time to where it was nearest to a robot that could not follow, and as slow (J,) as that is."""
        before = np.arange(0.0, self.at_s - self.spline.times_s[0] + _FINE_S, _FINE_S)
        ways, speeds, _ = self.spline.sample(self.at_s - before)
        nearest = int(np.argmin(np.max(np.abs(ways - position) / limits.velocity, axis=1)))
        self.at_s -= float(before[nearest])
        along, whole = float(speeds[nearest] @ velocity), float(speeds[nearest] @ speeds[nearest])
        self.pace = min(self.pace, max(along / whole, 0.0)) if whole > 0.0 else 0.0

    def at(self, span_s: float = 0.0) -> Motion:
        """The motion a span of time from now, or ago."""
        position, velocity, acceleration = self._motions(np.array([span_s]))
        return Motion(position[0], velocity[0], acceleration[0])

    def command(self, names: tuple[str, ...], stamp_ns: int, horizon_s: float) -> Trajectory:
        """What comes within a horizon, as a trajectory from a stamp on."""
        steps = max(2, int(horizon_s / _SPACING_S + 1e-9) + 1)
        times = np.linspace(0.0, horizon_s, steps)
        if self.pace > 0.0 and not self.braking:
            knots = (self.spline.times_s - self.at_s) / self.pace
            knots = knots[(knots > _APART_S) & (knots < horizon_s)]
            if len(knots):
                apart = np.min(np.abs(times[:, None] - knots[None]), axis=1) > _APART_S
                apart[0] = True
                times = np.sort(np.concatenate([times[apart], knots]))
                times = times[np.concatenate([[True], np.diff(times) > 1e-6])]
        position, velocity, _ = self._motions(times)
        return Trajectory(names, times, position, velocity, stamp_ns)

    def _motions(self, spans_s: Float) -> tuple[Float, Float, Float]:
        passed, pace = self._ahead(spans_s)
        position, velocity, acceleration = self.spline.sample(self.at_s + passed)
        return position, velocity * pace[:, None], acceleration * pace[:, None] ** 2

    def _ahead(self, spans_s: Float) -> tuple[Float, Float]:
        """How much of the trajectory's time passes in spans (N,) from now, and the pace (N,) then."""
        if self._brake_s is None:
            return self.pace * spans_s, np.full_like(spans_s, self.pace)
        since_s = self._braked_s + np.append(spans_s, 0.0)
        x = np.clip(since_s / self._brake_s, 0.0, 1.0)
        way = self.pace * np.where(since_s < 0.0, since_s, self._brake_s * (x - x**3 + 0.5 * x**4))
        return way[:-1] - way[-1], self.pace * (1.0 - x[:-1] ** 2 * (3.0 - 2.0 * x[:-1]))
