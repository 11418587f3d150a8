"""Joint positions at ticks -> a smooth joint trajectory that ends in a stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import AnyFloat, Float
from world_model_ros.core.trajectory import JointLimits, Trajectory

_LED = 0.5  # share of its velocity limit at which a joint is led


def through(
    names: tuple[str, ...], points: Float, stamp_ns: int, tick_s: float, limits: JointLimits | None = None
) -> Trajectory:
    """Trajectory through positions one tick apart, velocities by central differences, zero where a joint stays.

    Near a limit velocities are so low that no spline between positions leads beyond it: those of a short last step
    before it, or of a turn at it, would.

    Where stopping at the last position within one tick would ask for too much acceleration, the last displacement
    takes two ticks at constant deceleration instead: three quarters of it by its own tick, the rest by an extra one.

    Args:
        names: J joint names.
        points: (T, J) positions at 0, ``tick_s``, 2 ``tick_s`` ...; T >= 2.
        stamp_ns: time of the first position.
        limits: of positions, which ``points`` keep, and of accelerations, which decide about the extra point; None
            never adds it.

    Returns:
        T points, or T + 1 with the slower stop.
    """
    count = len(points)
    velocities = np.zeros_like(points)
    velocities[0] = (points[1] - points[0]) / tick_s
    velocities[1:-1] = (points[2:] - points[:-2]) / (2 * tick_s)
    moving = points[1:] != points[:-1]
    velocities[1:-1] *= moving[1:] & moving[:-1]  # else the spline would pass by where a joint stays, as at its limit
    if limits is not None:  # a cubic stays among its ends and their velocities times a third of a tick from them
        room = np.maximum(np.minimum(points - limits.lower, limits.upper - points), 0.0)
        velocities = np.clip(velocities, -3.0 * room / tick_s, 3.0 * room / tick_s)
    step = points[-1] - points[-2]
    # Peak acceleration of the cubic from (p, v) to (p + step, 0), at its two ends.
    begin = 6 * step / tick_s**2 - 4 * velocities[-2] / tick_s
    end = 2 * velocities[-2] / tick_s - 6 * step / tick_s**2
    if limits is not None and np.any(np.maximum(np.abs(begin), np.abs(end)) > limits.acceleration):
        points = np.vstack([points[:-1], points[-2] + 0.75 * step, points[-1]])
        velocities = np.vstack([velocities[:-1], 0.5 * step / tick_s, np.zeros_like(step)])
        count += 1
    return Trajectory(names, np.arange(count, dtype=np.float64) * tick_s, points, velocities, stamp_ns)


def lead_aside(points: Float, aside: NDArray[np.intp], goal: AnyFloat, limits: JointLimits, tick_s: float) -> None:
    """Let some joints go from the first of ``points`` (T, J) to a goal, in place.

    In equal steps, at most half as fast as they may: a short last step would be passed by.

    Args:
        aside: (n,) indices of these joints.
        goal: (J,) positions, of which only theirs count; those that are NaN stay.
    """
    start = points[0, aside]
    there = np.clip(goal[aside], limits.lower[aside], limits.upper[aside])
    away = np.where(np.isnan(there), start, there) - start
    steps = np.maximum(np.ceil(np.abs(away) / (_LED * tick_s * limits.velocity[aside]) - 1e-9), 1.0)
    points[:, aside] = start + away * np.minimum(np.arange(len(points))[:, None] / steps, 1.0)
