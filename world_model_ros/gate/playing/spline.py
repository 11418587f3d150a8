"""Interpolates trajectories (linear, cubic or quintic) as ros2_controllers' joint_trajectory_controller does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import Float
from world_model_ros.gate.motion.limiter import Motion

LINEAR, CUBIC, QUINTIC = 0, 1, 2


@dataclass(frozen=True)
class Spline:
    """Positions of J joints at T times, and what is between them: linear, cubic or quintic.

    A segment is quintic where both its ends carry velocities and accelerations, cubic where both carry velocities, else
    linear. Before its first point and from its last one on it stands still.

    Args:
        times_s: (T,), strictly increasing.
        positions, velocities, accelerations: (T, J), in rad (m for slides) and s; 0 where a point does not carry them.
        carries: (T,) `LINEAR` of positions alone, `CUBIC` with velocities, `QUINTIC` with accelerations too.
    """

    times_s: Float
    positions: Float
    velocities: Float
    accelerations: Float
    carries: NDArray[np.int_]

    @classmethod
    def still(cls, position: Float) -> Spline:
        """Standing at a position (J,)."""
        row = position[None].astype(np.float64)
        return cls(np.zeros(1), row, np.zeros_like(row), np.zeros_like(row), np.full(1, QUINTIC))

    @property
    def end_s(self) -> float:
        return float(self.times_s[-1])

    def at(self, time_s: float) -> Motion:
        """The motion at a time."""
        position, velocity, acceleration = self.sample(np.array([time_s]))
        return Motion(position[0], velocity[0], acceleration[0])

    def sample(self, times_s: Float) -> tuple[Float, Float, Float]:
        """Positions, velocities and accelerations (N, J) at times (N,)."""
        t, last = self.times_s, len(self.times_s) - 1
        if last == 0:
            held = np.repeat(self.positions, len(times_s), axis=0)
            return held, np.zeros_like(held), np.zeros_like(held)
        i = np.clip(np.searchsorted(t, times_s, side="right") - 1, 0, last - 1)
        has = np.minimum(self.carries[i], self.carries[i + 1])
        c = _coefficients(
            np.diff(t)[i][:, None],
            self.positions[i],
            self.positions[i + 1],
            np.where(has[:, None] >= CUBIC, self.velocities[i], 0.0),
            np.where(has[:, None] >= CUBIC, self.velocities[i + 1], 0.0),
            np.where(has[:, None] >= QUINTIC, self.accelerations[i], 0.0),
            np.where(has[:, None] >= QUINTIC, self.accelerations[i + 1], 0.0),
            has[:, None],
        )
        s = (times_s - t[i])[:, None]
        position = c[0] + s * (c[1] + s * (c[2] + s * (c[3] + s * (c[4] + s * c[5]))))
        velocity = c[1] + s * (2 * c[2] + s * (3 * c[3] + s * (4 * c[4] + s * 5 * c[5])))
        acceleration = 2 * c[2] + s * (6 * c[3] + s * (12 * c[4] + s * 20 * c[5]))
        before, over = (times_s < t[0])[:, None], (times_s >= t[-1])[:, None]
        position = np.where(before, self.positions[0], np.where(over, self.positions[-1], position))
        rest = before | over
        return position, np.where(rest, 0.0, velocity), np.where(rest, 0.0, acceleration)


def _coefficients(
    h: Float, p0: Float, p1: Float, v0: Float, v1: Float, a0: Float, a1: Float, has: NDArray[np.int_]
) -> list[Float]:
    """Of the polynomials (N, J) from the constant up, in s from the start of each segment."""
    move, nothing = p1 - p0, np.zeros_like(p0)
    u0, u1, b0, b1 = v0 * h, v1 * h, a0 * h**2, a1 * h**2
    linear = [p0, move / h, nothing, nothing, nothing, nothing]
    cubic = [p0, v0, (3 * move - 2 * u0 - u1) / h**2, (u0 + u1 - 2 * move) / h**3, nothing, nothing]
    quintic = [
        p0,
        v0,
        0.5 * a0,
        (20 * move - 12 * u0 - 8 * u1 - 3 * b0 + b1) / (2 * h**3),
        (-30 * move + 16 * u0 + 14 * u1 + 3 * b0 - 2 * b1) / (2 * h**4),
        (12 * move - 6 * (u0 + u1) - b0 + b1) / (2 * h**5),
    ]
    return [np.where(has == LINEAR, a, np.where(has == CUBIC, b, c)) for a, b, c in zip(linear, cubic, quintic)]
