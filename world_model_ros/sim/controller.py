"""Simulates joint_trajectory_controller by version: refusals, splicing, discrete updates; without its tolerances.

It follows the C++ sources of ros2_controllers, takes position commands, and has ``interpolate_from_desired_state`` set.

What matters of the real one, and what a controller in continuous time does not show:

- It is sampled at a finite update rate. The command of an update at time t is the trajectory at t + one update since
  4.18 (ros2_controllers pull request 1306), the trajectory at t before.
- A new trajectory is taken by the first update after it has come. Where its first point is still to come by then, the
  controller makes the first segment itself, from its last command. Since 4.21 (pull request 780) it books that command,
  which is the one for t + one update, at the time t of the update that gave it: one update too early.
- Segments are linear, cubic or quintic, by whether both ends have velocities and accelerations.
- It makes no finiteness check; that is the gate's job.
- With a scaled time (``speed_scaling``) the trajectory's time passes more slowly between two messages; a new message
  sets it to the clock's again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import AnyFloat, Float, Int
from world_model_ros.core.trajectory import Trajectory

Version = Literal["4.42", "4.20", "4.17"]
_READ_NS = 100_000  # an update reads what has come this long after the time that it counts with was taken
_FLOAT_EPSILON = 1.1920929e-07  # of C's float: the largest velocity of a last point


class Updates(NamedTuple):
    """What N updates said.

    Args:
        times_ns: of the updates, (N,).
        command: position (N, J) that the hardware is sent, for the update after it (``4.17``: for the same).
        velocity: that goes with it, (N, J).
        acceleration: reported of the reference at the time of the update, (N, J).
    """

    times_ns: Int
    command: Float
    velocity: Float
    acceleration: Float


class JointTrajectoryController:
    """Follows joint trajectories at an update rate.

    Args:
        names: J joint names; every trajectory must hold exactly these, in any order.
        position: (J,) where it holds at the start, rad (m for slides).
        start_ns: time of its first update.
        update_hz: updates per second.
        version: ``4.42`` stands for 4.21 and later, ``4.20`` for 4.18 to 4.20, ``4.17`` for what was before.

    Attributes:
        active: a controller that is not takes no trajectory and commands nothing.
        scaling: share of the speed at which its time passes, 0 to 1.
    """

    def __init__(
        self,
        names: Sequence[str],
        position: Float,
        start_ns: int = 0,
        update_hz: float = 500.0,
        version: Version = "4.42",
    ) -> None:
        self.names = tuple(names)
        self.version = version
        self.active = True
        self.scaling = 1.0
        self._period_ns = round(1e9 / update_hz)
        self._next_ns = start_ns
        self._arrived: list[tuple[int, Trajectory]] = []
        self.hold(np.array(position, dtype=np.float64))

    @property
    def held(self) -> Float:
        """The last command: position, velocity and acceleration (3, J)."""
        return self._last

    def hold(self, position: Float) -> None:
        """Command a position (J,) from the next update on, at once: what activation does."""
        self._last = np.array([position, np.zeros_like(position), np.zeros_like(position)])
        self._last_ns: int | None = None
        self._times_ns: Int = np.zeros(1, np.int64)
        self._knots: Float = self._last[None]
        self._degree = 0
        self._sampled_ns: int | None = None  # time of the trajectory, at the next update
        self._arrived.clear()

    def deactivate(self) -> None:
        """Give up the joints: the hardware stays at the last command."""
        self.active = False
        self._arrived.clear()

    def activate(self, position: Float) -> None:
        """Take the joints over where they are (J,), and hold them there."""
        self.active = True
        self.hold(position)

    def receive(self, trajectory: Trajectory, now_ns: int) -> str | None:
        """Take a message (stamp 0 means from the first update on). Returns why it was refused, or None."""
        reason = self._refusal(trajectory, now_ns)
        if reason is None:
            self._arrived.append((now_ns, trajectory))
        return reason

    def run(self, until_ns: int) -> Updates:
        """Make the updates before a time."""
        said: list[Updates] = []
        while self._next_ns < until_ns:
            arrived = [each for each in self._arrived if each[0] <= self._next_ns + _READ_NS]
            if arrived and self.active:  # of several, the newest counts
                self._arrived = self._arrived[len(arrived) :]
                self._take(arrived[-1][1], self._next_ns)
            later_ns = self._arrived[0][0] - _READ_NS if self._arrived else until_ns
            count = max(1, -(-(min(later_ns, until_ns) - self._next_ns) // self._period_ns))
            said.append(self._update(self._next_ns + self._period_ns * np.arange(count, dtype=np.int64)))
            self._next_ns += count * self._period_ns
        if not said:
            empty = np.zeros((0, len(self.names)))
            return Updates(np.zeros(0, np.int64), empty, empty, empty)
        return Updates(*(np.concatenate(parts) for parts in zip(*said)))

    def set_clock(self, now_ns: int) -> None:
        """Go on at another time, after the clock was set: the next update is then."""
        self._next_ns = now_ns

    def _take(self, trajectory: Trajectory, time_ns: int) -> None:
        """The first sample of a new trajectory."""
        order = [trajectory.names.index(name) for name in self.names]
        start_ns = trajectory.stamp_ns or time_ns
        times_s = np.nan_to_num(np.asarray(trajectory.times_s, dtype=np.float64))
        times_ns = start_ns + np.round(times_s * 1e9).astype(np.int64)
        count = len(times_ns)
        states, has = np.zeros((count, 3, len(self.names))), 0
        fields = (trajectory.positions, trajectory.velocities, trajectory.accelerations)
        for i, rows in enumerate(fields):
            if rows is not None and np.size(rows):
                states[:, i], has = np.asarray(rows, dtype=np.float64)[:, order], i
        # The segment before the first point has the degree of the others: the state before has what a point has.
        before, before_ns = self._before(time_ns)
        self._times_ns = np.concatenate([[before_ns], times_ns])
        self._knots = np.concatenate([before[None], states])
        self._degree = has
        self._sampled_ns = time_ns

    def _before(self, time_ns: int) -> tuple[Float, int]:
        """The state that a first segment begins with, and the time for which it is booked."""
        booked_ns = self._last_ns if self.version == "4.42" and self._last_ns is not None else time_ns
        return np.array(self._last), booked_ns

    def _update(self, times_ns: Int) -> Updates:
        if not self.active:
            held = np.repeat(self._last[0][None], len(times_ns), axis=0)
            return Updates(times_ns, held, np.zeros_like(held), np.zeros_like(held))
        begin_ns = self._sampled_ns if self._sampled_ns is not None else int(times_ns[0])
        passed_ns = np.append(times_ns - times_ns[0], len(times_ns) * self._period_ns)
        if self.scaling != 1.0:
            passed_ns = np.round(passed_ns * self.scaling).astype(np.int64)
        sampled_ns = begin_ns + passed_ns[:-1]
        self._sampled_ns = begin_ns + int(passed_ns[-1])
        ahead_ns = 0 if self.version == "4.17" else self._period_ns
        states = self._sample(np.concatenate([sampled_ns, sampled_ns + ahead_ns]))
        desired, command = states[: len(sampled_ns)], states[len(sampled_ns) :]
        self._last, self._last_ns = command[-1], int(times_ns[-1])
        return Updates(times_ns, command[:, 0], command[:, 1], desired[:, 2])

    def _sample(self, times_ns: Int) -> Float:
        """States (N, 3, J) of the trajectory; still before the first knot and from the last one on."""
        knots = self._times_ns
        last = len(knots) - 1
        i = np.searchsorted(knots[1:], times_ns, side="right")  # the first segment is the controller's own
        ended = i >= last
        i = np.minimum(i, max(last - 1, 0))
        states = np.empty((len(times_ns), 3, len(self.names)))
        going = ~ended
        if going.any():
            j = i[going]
            spans = (knots[j + 1] - knots[j]) * 1e-9
            into = np.clip((times_ns[going] - knots[j]) * 1e-9, 0.0, None)
            states[going] = _interpolated(self._knots[j], self._knots[j + 1], spans, into, self._degree)
        if ended.any():
            states[ended, 0] = self._knots[-1, 0]
            states[ended, 1:] = 0.0
        return states

    def _refusal(self, trajectory: Trajectory, now_ns: int) -> str | None:
        times_s = np.asarray(trajectory.times_s, dtype=np.float64)
        if not self.active:
            return "the controller is not active"
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
        for what in ("positions", "velocities", "accelerations"):
            values = getattr(trajectory, what)
            if np.shape(values) != shape and not (what == "accelerations" and values is None):
                return f"{what} of shape {np.shape(values)}, expected {shape}"
        if np.any(np.abs(trajectory.velocities[-1]) > _FLOAT_EPSILON):
            return "velocity of the last point is not zero"
        if trajectory.stamp_ns != 0 and trajectory.stamp_ns + round(np.nan_to_num(times_s[-1]) * 1e9) < now_ns:
            return "the whole trajectory is in the past"
        if not np.all(np.diff(times_s) > 0) or times_s[0] < 0:
            return "time_from_start does not strictly increase"
        return None


def _interpolated(before: Float, after: Float, spans: AnyFloat, into: AnyFloat, has: int) -> Float:
    """States (N, 3, J) within segments: ``has`` 0 interpolates positions, 1 velocities too, 2 accelerations too."""
    h, t = np.maximum(spans, 1e-9)[:, None], into[:, None]  # no span of a sampled segment is shorter
    (p0, v0, a0), (p1, v1, a1) = before.transpose(1, 0, 2), after.transpose(1, 0, 2)
    move = p1 - p0
    if has == 0:
        coefficients = [p0, move / h]
    elif has == 1:
        coefficients = [p0, v0, (3 * move - (2 * v0 + v1) * h) / h**2, ((v0 + v1) * h - 2 * move) / h**3]
    else:
        u0, u1, b0, b1 = v0 * h, v1 * h, a0 * h**2, a1 * h**2
        c3 = (20 * move - 12 * u0 - 8 * u1 - 3 * b0 + b1) / (2 * h**3)
        c4 = (-30 * move + 16 * u0 + 14 * u1 + 3 * b0 - 2 * b1) / (2 * h**4)
        c5 = (12 * move - 6 * (u0 + u1) - b0 + b1) / (2 * h**5)
        coefficients = [p0, v0, 0.5 * a0, c3, c4, c5]
    states: Float = np.zeros((len(p0), 3, p0.shape[1]))
    position, velocity, acceleration = states[:, 0], states[:, 1], states[:, 2]
    for c in reversed(coefficients):  # Horner's scheme, of the derivatives too
        acceleration *= t
        acceleration += 2 * velocity
        velocity *= t
        velocity += position
        position *= t
        position += c
    return states


def trajectory_from_message(message: Any) -> Trajectory | str:
    """A `Trajectory` from a trajectory_msgs/JointTrajectory, or why it cannot be one.

    Points without velocities are given velocity 0. Accelerations count where every point has them.
    """
    names = tuple(message.joint_names)
    points, still = list(message.points), [0.0] * len(names)
    for index, point in enumerate(points):
        lengths = len(point.positions), len(point.velocities), len(point.accelerations)
        if lengths[0] != len(names) or lengths[1] not in (0, len(names)) or lengths[2] not in (0, len(names)):
            return f"point {index} has {lengths[0]} positions, {lengths[1]} velocities and {lengths[2]} accelerations"
    shape = (len(points), len(names))
    accelerations = [point.accelerations for point in points if len(point.accelerations)]
    return Trajectory(
        names,
        np.array([point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in points]),
        np.array([point.positions for point in points], np.float64).reshape(shape),
        np.array([point.velocities if len(point.velocities) else still for point in points], np.float64).reshape(shape),
        stamp_ns(message),
        np.array(accelerations, np.float64).reshape(shape) if points and len(accelerations) == len(points) else None,
    )
