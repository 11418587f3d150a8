"""The trajectory controller of the simulated arm, with the rules of ros2_controllers' joint_trajectory_controller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.trajectory import Trajectory

Float = NDArray[np.float64]


class TrajectoryController:
    """Follows joint trajectories by cubic splines, from its own desired state (``interpolate_from_desired_state``).

    A new trajectory replaces what is left of the old one from its stamp on; a trajectory that starts in the future
    lets the old one run until then. Past its end the last position is held. Like the real controller it does **not**
    check that numbers are finite: that is the gate's job.

    Args:
        names: J joint names; every trajectory must hold exactly these, in any order.
        position: (J,) where it holds at the start, rad.
    """

    def __init__(self, names: Sequence[str], position: Float) -> None:
        self.names = tuple(names)
        hold = np.array(position, dtype=np.float64)
        # Spline knots: time ns (K,), position (K, J), velocity (K, J). Always at least one.
        self._times_ns: NDArray[np.int64] = np.zeros(1, np.int64)
        self._positions: Float = hold[None]
        self._velocities: Float = np.zeros((1, len(hold)))

    def set_trajectory(self, trajectory: Trajectory, now_ns: int) -> str | None:
        """Take a trajectory (stamp 0 means now). Returns why it was refused, or None."""
        times_s = np.asarray(trajectory.times_s, dtype=np.float64)
        reason = self._refusal(trajectory, times_s, now_ns)
        if reason is not None:
            return reason
        order = [trajectory.names.index(name) for name in self.names]
        start_ns = trajectory.stamp_ns or now_ns
        times_ns = start_ns + np.round(np.nan_to_num(times_s) * 1e9).astype(np.int64)
        positions = np.asarray(trajectory.positions, dtype=np.float64)[:, order]
        velocities = np.asarray(trajectory.velocities, dtype=np.float64)[:, order]
        # Keep the old knots up to where the new trajectory begins, and one more at that place.
        begin_ns = max(start_ns, now_ns)
        later = times_ns > begin_ns
        knot_position, knot_velocity = self.sample(np.array([begin_ns]))
        old = (self._times_ns < begin_ns) & (self._times_ns >= now_ns)
        # The spline that runs now until begin_ns is kept by its state at now_ns.
        now_position, now_velocity = self.sample(np.array([now_ns]))
        head = [(np.array([now_ns]), now_position, now_velocity)] if begin_ns > now_ns else []
        if begin_ns > now_ns:
            old &= self._times_ns > now_ns
            head.append((self._times_ns[old], self._positions[old], self._velocities[old]))
        parts = [*head, (np.array([begin_ns]), knot_position, knot_velocity)]
        parts.append((times_ns[later], positions[later], velocities[later]))
        self._times_ns = np.concatenate([part[0] for part in parts])
        self._positions = np.concatenate([part[1] for part in parts])
        self._velocities = np.concatenate([part[2] for part in parts])
        return None

    def _refusal(self, trajectory: Trajectory, times_s: Float, now_ns: int) -> str | None:
        if not trajectory.names:
            return "no joint names"
        if len(times_s) == 0:
            return "no points"
        unknown = sorted(set(trajectory.names) - set(self.names))
        if unknown:
            return f"unknown joints {unknown}"
        missing = sorted(set(self.names) - set(trajectory.names))
        if missing:
            return f"missing joints {missing}"
        if len(trajectory.names) != len(set(trajectory.names)):
            return "a joint is named twice"
        shape = (len(times_s), len(trajectory.names))
        for what, values in (("positions", trajectory.positions), ("velocities", trajectory.velocities)):
            if np.shape(values) != shape:
                return f"{what} of shape {np.shape(values)}, expected {shape}"
        if not np.all(np.diff(times_s) > 0) or times_s[0] < 0:
            return "time_from_start does not strictly increase"
        if np.any(np.abs(trajectory.velocities[-1]) > 1e-6):
            return "velocity of the last point is not zero"
        if trajectory.stamp_ns != 0 and trajectory.stamp_ns + times_s[-1] * 1e9 < now_ns:
            return "the whole trajectory is in the past"
        return None

    def sample(self, times_ns: NDArray[np.int64]) -> tuple[Float, Float]:
        """Desired position and velocity, (N, J) each, at N times; constant before the first and after the last knot."""
        knots = self._times_ns
        if len(knots) == 1:
            hold = np.repeat(self._positions, len(times_ns), axis=0)
            return hold, np.zeros_like(hold)
        i = np.clip(np.searchsorted(knots, times_ns, side="right") - 1, 0, len(knots) - 2)
        span = ((knots[i + 1] - knots[i]) * 1e-9)[:, None]
        s = np.clip((times_ns - knots[i])[:, None] * 1e-9 / span, 0.0, 1.0)
        p0, p1 = self._positions[i], self._positions[i + 1]
        v0, v1 = self._velocities[i] * span, self._velocities[i + 1] * span
        position = (2 * s**3 - 3 * s**2 + 1) * p0 + (s**3 - 2 * s**2 + s) * v0
        position = position + (3 * s**2 - 2 * s**3) * p1 + (s**3 - s**2) * v1
        velocity = (6 * s**2 - 6 * s) * (p0 - p1) + (3 * s**2 - 4 * s + 1) * v0 + (3 * s**2 - 2 * s) * v1
        velocity = velocity / span
        velocity[times_ns >= knots[-1]] = 0.0
        return position, velocity


def trajectory_from_message(message: Any) -> Trajectory | str:
    """A `Trajectory` from a trajectory_msgs/JointTrajectory, or why it cannot be one.

    Points without velocities get linear interpolation's stand-in: zero velocity in every point.
    """
    names = tuple(message.joint_names)
    points = list(message.points)
    for index, point in enumerate(points):
        if len(point.positions) != len(names) or len(point.velocities) not in (0, len(names)):
            return f"point {index} has {len(point.positions)} positions and {len(point.velocities)} velocities"
    return Trajectory(
        names,
        np.array([point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in points]),
        np.array([list(point.positions) for point in points]).reshape(len(points), len(names)),
        np.array([list(point.velocities) or [0.0] * len(names) for point in points]).reshape(len(points), len(names)),
        message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec,
    )
