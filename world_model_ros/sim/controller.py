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
    lets the old one run until then; one that began in the past is joined where it is now, with a jump if it is not
    near. Past its end the last position is held. Like the real controller it does **not** check that numbers are
    finite: that is the gate's job.

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
        begin_ns = max(start_ns, now_ns)
        knots = []
        if begin_ns > now_ns:  # the old motion goes on until then
            old = (self._times_ns > now_ns) & (self._times_ns < begin_ns)
            knots.append(self._knot(now_ns))
            knots.append((self._times_ns[old], self._positions[old], self._velocities[old]))
        if times_ns[0] > begin_ns or begin_ns > now_ns:  # from the desired state then to the first point
            knots.append(self._knot(begin_ns))
        passed = int((times_ns <= begin_ns).sum())
        first = max(passed - 1, 0)
        knots.append((times_ns[first:], positions[first:], velocities[first:]))
        self._times_ns = np.concatenate([times for times, _, _ in knots])
        self._positions = np.concatenate([position for _, position, _ in knots])
        self._velocities = np.concatenate([velocity for _, _, velocity in knots])
        return None

    def _knot(self, time_ns: int) -> tuple[NDArray[np.int64], Float, Float]:
        times_ns = np.array([time_ns], np.int64)
        return times_ns, *self.sample(times_ns)

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
        span = np.maximum((knots[i + 1] - knots[i]) * 1e-9, 1e-9)[:, None]
        s = np.clip((times_ns - knots[i])[:, None] * 1e-9 / span, 0.0, 1.0)
        p0, v0, v1 = self._positions[i], self._velocities[i] * span, self._velocities[i + 1] * span
        move = self._positions[i + 1] - p0
        square, cube = 3 * move - 2 * v0 - v1, v0 + v1 - 2 * move
        position = p0 + s * (v0 + s * (square + s * cube))
        velocity = (v0 + s * (2 * square + s * 3 * cube)) / span
        velocity[times_ns >= knots[-1]] = 0.0
        return position, velocity


def trajectory_from_message(message: Any) -> Trajectory | str:
    """A `Trajectory` from a trajectory_msgs/JointTrajectory, or why it cannot be one.

    Points without velocities get linear interpolation's stand-in: zero velocity in every point.
    """
    names = tuple(message.joint_names)
    points, still = list(message.points), [0.0] * len(names)
    for index, point in enumerate(points):
        if len(point.positions) != len(names) or len(point.velocities) not in (0, len(names)):
            return f"point {index} has {len(point.positions)} positions and {len(point.velocities)} velocities"
    return Trajectory(
        names,
        np.array([point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in points]),
        np.array([point.positions for point in points], np.float64).reshape(len(points), len(names)),
        np.array([point.velocities if len(point.velocities) else still for point in points], np.float64).reshape(
            len(points), len(names)
        ),
        message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec,
    )
