"""Joint trajectories and joint limits as plain arrays, and the cubic spline between a trajectory's points."""

from __future__ import annotations

from dataclasses import dataclass
from operator import lt

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import ByValue, Float
from world_model_ros.core.checks import numbers, whole_ns
from world_model_ros.core.errors import UserError

LIMIT_TOLERANCE = 1e-3  # rad or m; a joint that rests at its limit may measure a little more


@dataclass(frozen=True, eq=False)
class JointLimits(ByValue):
    """Limits of J joints, in contract order; rad and s for hinges, m and s for slides.

    Args:
        names: J joint names, each once.
        lower: least position, (J,).
        upper: greatest position, (J,), > lower.
        velocity: symmetric limit, (J,), > 0.
        acceleration: symmetric limit, (J,), > 0.
        jerk: symmetric limit, (J,), > 0.
        effort: symmetric limit, (J,), > 0, N m or N.

    Raises:
        UserError: names are not texts or stand twice, or numbers are not finite or not in these ranges.
    """

    names: tuple[str, ...]
    lower: Float
    upper: Float
    velocity: Float
    acceleration: Float
    jerk: Float
    effort: Float

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", _joint_names(self.names))
        for field in ("lower", "upper", "velocity", "acceleration", "jerk", "effort"):
            given = getattr(self, field)
            value = numbers(given)
            if value is None or value.shape != (len(self.names),):
                raise UserError(f"limits: {field}", given, f"{len(self.names)} numbers, one a joint")
            value.setflags(write=False)
            self._require(field, value, np.isfinite(value), "a finite number")
            object.__setattr__(self, field, value)
        self._require("upper", self.upper, self.lower < self.upper, "a number over the lower limit")
        for field in ("velocity", "acceleration", "jerk", "effort"):
            self._require(field, getattr(self, field), getattr(self, field) > 0.0, "a number, more than zero")

    def _require(self, field: str, value: Float, fits: NDArray[np.bool_], legal: str) -> None:
        """`UserError` of the first joint whose limit does not fit."""
        if not fits.all():
            joint = int(np.argmin(fits))
            raise UserError(f"limits: {field}: {self.names[joint]}", float(value[joint]), legal)


def _joint_names(names: object) -> tuple[str, ...]:
    if not isinstance(names, tuple | list) or not names or not all(isinstance(name, str) and name for name in names):
        raise UserError("limits: names", names, "names of joints, one at least")
    if len(set(names)) != len(names):
        raise UserError("limits: names", names, "each name once")
    return tuple(names)


@dataclass(frozen=True, eq=False)
class Trajectory(ByValue):
    """Positions and velocities of J joints at T times; cubic Hermite in between.

    A controller that reads accelerations interpolates with quintic polynomials, and then accelerates without steps.

    Args:
        names: J joint names.
        times_s: seconds after the stamp, (T,), strictly increasing.
        positions: (T, J).
        velocities: (T, J).
        stamp_ns: time of ``times_s == 0``, ns.
        accelerations: (T, J), or None.
    """

    names: tuple[str, ...]
    times_s: Float
    positions: Float
    velocities: Float
    stamp_ns: int
    accelerations: Float | None = None

    def sample(self, now_ns: int) -> tuple[Float, Float]:
        """Position and velocity (J,) each at a time; held at the ends (velocity 0 past the last point).

        `UserError` of a time that is not in whole nanoseconds, and of a trajectory without a point, with times that do
        not increase, or with more or fewer positions or velocities than times.
        """
        time_s = (whole_ns("now_ns", now_ns) - self.stamp_ns) * 1e-9
        if not len(self.times_s):
            raise UserError("times_s", self.times_s, "one point at least")
        self._require_points()
        if time_s <= self.times_s[0]:
            return self.positions[0], self.velocities[0]
        if time_s >= self.times_s[-1]:
            return self.positions[-1], np.zeros_like(self.velocities[-1])
        i = int(np.searchsorted(self.times_s, time_s, side="right")) - 1
        return hermite(
            time_s - self.times_s[i],
            self.times_s[i + 1] - self.times_s[i],
            self.positions[i],
            self.velocities[i],
            self.positions[i + 1],
            self.velocities[i + 1],
        )

    def _require_points(self) -> None:
        count = len(self.times_s)
        for field in ("positions", "velocities"):
            if len(getattr(self, field)) != count:
                raise UserError(field, f"{len(getattr(self, field))} rows", f"{count}, one a time")
        times_s = self.times_s.tolist() if isinstance(self.times_s, np.ndarray) else self.times_s
        if not all(map(lt, times_s, times_s[1:])):
            raise UserError("times_s", times_s, "times that increase")


def hermite(
    time_s: float | Float, span_s: float | Float, p0: Float, v0: Float, p1: Float, v1: Float
) -> tuple[Float, Float]:
    """Cubic Hermite position and velocity at ``time_s`` in a segment of ``span_s`` (ros2_controllers' spline)."""
    s = time_s / span_s
    position = (
        (2 * s**3 - 3 * s**2 + 1) * p0
        + (s**3 - 2 * s**2 + s) * span_s * v0
        + (3 * s**2 - 2 * s**3) * p1
        + (s**3 - s**2) * span_s * v1
    )
    velocity = (6 * s**2 - 6 * s) / span_s * (p0 - p1) + (3 * s**2 - 4 * s + 1) * v0 + (3 * s**2 - 2 * s) * v1
    return position, velocity
