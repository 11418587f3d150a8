"""Computes the motion that a joint_trajectory_controller makes of sent trajectories; shares no code with the gate.

Splines are quintic where points have accelerations, as in ros2_controllers, and a new trajectory is joined from the
state that is desired at that moment (``interpolate_from_desired_state``).
"""

from __future__ import annotations

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory

_NOW_S = 1e-9


class Executed:
    """The motion of J joints that are sent trajectories, as segments of quintic splines, in continuous time.

    Args:
        position: (J,) where they stand at the start.
        now_ns: time then.

    Attributes:
        segments: ``(span_s, before, after)``, oldest first; states of position, velocity and acceleration (3, J).
        now_ns: the time that stamps are compared with; may be set to another one when a clock leaps.
    """

    def __init__(self, position: Float, now_ns: int = 0) -> None:
        self.segments: list[tuple[float, Float, Float]] = []
        self.now_ns = now_ns
        self._times: list[float] = [0.0]  # of the knots, s from now
        self._knots: list[Float] = [np.array([position, np.zeros_like(position), np.zeros_like(position)])]

    @property
    def state(self) -> Float:
        """Position, velocity and acceleration now, (3, J)."""
        return self._knots[0]

    def take(self, sent: Trajectory) -> Float:
        """Follow another trajectory from now on; returns the step (3, J) from the state now to what it says of now.

        One that begins later is joined from the state now, so there is no step.
        """
        accelerations = np.zeros_like(sent.positions) if sent.accelerations is None else sent.accelerations
        knots = np.stack([sent.positions, sent.velocities, accelerations], axis=1)
        times = sent.times_s + (sent.stamp_ns - self.now_ns) * 1e-9
        passed = int(np.searchsorted(times, _NOW_S, side="right"))
        before, state = self.state, self.state
        if passed:
            state = knots[passed - 1]
            if passed == len(times):
                state = np.array([state[0], np.zeros_like(state[0]), np.zeros_like(state[0])])
            elif times[passed - 1] < -_NOW_S:
                span = times[passed] - times[passed - 1]
                state = quintic(span, state, knots[passed], -times[passed - 1] / span)[:3]
        self._times, self._knots = [0.0, *times[passed:].tolist()], [state, *knots[passed:]]
        step: Float = state - before
        return step

    def run(self, span_s: float) -> None:
        """Let time pass."""
        self.now_ns += round(span_s * 1e9)
        times, knots = self._times, self._knots
        passed = 1
        while passed < len(times) and times[passed] <= span_s + _NOW_S:
            self._keep(times[passed] - times[passed - 1], knots[passed - 1], knots[passed])
            passed += 1
        state, into_s = knots[passed - 1], span_s - times[passed - 1]
        if passed == len(times):
            state = np.array([state[0], np.zeros_like(state[0]), np.zeros_like(state[0])])
        elif into_s > _NOW_S:
            span = times[passed] - times[passed - 1]
            after = quintic(span, state, knots[passed], into_s / span)[:3]
            self._keep(into_s, state, after)
            state = after
        self._times = [0.0, *(time - span_s for time in times[passed:])]
        self._knots = [state, *knots[passed:]]

    def _keep(self, span_s: float, before: Float, after: Float) -> None:
        self.segments.append((span_s, before, after))


def quintic(span_s: float | Float, before: Float, after: Float, share: float | Float) -> Float:
    """Position, velocity, acceleration and jerk (4, ...) at a share of the way, 0 to 1, between two states (3, ...)."""
    h = span_s
    (p0, v0, a0), (p1, v1, a1) = before, after
    b, c = v0 * h, a0 * h * h / 2
    # What is left for the three highest powers, in units of the segment.
    p, v, a = p1 - p0 - b - c, v1 * h - b - 2 * c, a1 * h * h - 2 * c
    d, e, f = 10 * p - 4 * v + a / 2, -15 * p + 7 * v - a, 6 * p - 3 * v + a / 2
    s = share
    return np.array(
        [
            p0 + s * (b + s * (c + s * (d + s * (e + s * f)))),
            (b + s * (2 * c + s * (3 * d + s * (4 * e + s * 5 * f)))) / h,
            (2 * c + s * (6 * d + s * (12 * e + s * 20 * f))) / h**2,
            (6 * d + s * (24 * e + s * 60 * f)) / h**3,
        ]
    )
