"""Jerk-limited motion plans, every one of which ends in a stop inside the position limits (Ruckig).

Ruckig: Berscheid and Kroeger, Jerk-limited real-time trajectory generation with arbitrary target states, RSS 2021.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import ruckig

from world_model_ros.core.trajectory import Float, JointLimits

_SLACK = 1e-9  # rad or m, for rounding in the comparison with position limits


@dataclass(frozen=True)
class Motion:
    """Where J joints are, in rad (m for slides) and s: position, velocity and acceleration, (J,) each."""

    position: Float
    velocity: Float
    acceleration: Float

    @classmethod
    def still(cls, position: Float) -> Motion:
        return cls(position, np.zeros_like(position), np.zeros_like(position))


class Plan:
    """A motion over time: ``lead_s`` seconds of one Ruckig trajectory, then another one that ends still."""

    def __init__(self, lead: ruckig.Trajectory | None, lead_s: float, stop: ruckig.Trajectory) -> None:
        self._lead = lead
        self._stop = stop
        self.lead_s = lead_s
        self.duration_s = lead_s + float(stop.duration)

    def at(self, time_s: float) -> Motion:
        """The motion ``time_s`` after the plan began; still at its end and afterwards."""
        if time_s >= self.duration_s:
            return Motion.still(np.array(self._stop.at_time(self._stop.duration)[0]))
        if time_s < self.lead_s and self._lead is not None:
            return _motion(self._lead, time_s)
        return _motion(self._stop, time_s - self.lead_s)

    def points(self, from_s: float, spacing_s: float, most: int) -> tuple[Float, Float, Float]:
        """Times (T,) after ``from_s``, positions (T, J) and velocities (T, J) of the rest of the plan.

        Evenly spaced, no more than ``most``; the last one is the end, with velocity exactly zero.
        """
        rest_s = max(self.duration_s - from_s, spacing_s)
        count = min(most, math.ceil(rest_s / spacing_s))
        times = np.linspace(0.0, rest_s, count + 1)[1:]
        motions = [self.at(from_s + time) for time in times[:-1]] + [self.at(self.duration_s)]
        return times, np.array([m.position for m in motions]), np.array([m.velocity for m in motions])


class Limiter:
    """Makes plans within limits.

    A target is followed by its velocity plus a share of the position error, reached jerk-limited, all joints at once.
    Aiming at position and velocity at the same time would be quicker, but backs up in order to arrive with the
    target's velocity whenever the target starts faster than the joints can.

    Args:
        limits: of J joints.
        lead_s: how far ahead the target is looked at, and in what time its velocity is reached if limits allow.
        gain: share of the position error made up for, 1/s; stable while well below 1 / ``lead_s``.
    """

    def __init__(self, limits: JointLimits, lead_s: float = 0.1, gain: float = 6.0) -> None:
        self.limits = limits
        self.lead_s = lead_s
        self.gain = gain
        self._ruckig = ruckig.Ruckig(len(limits.names))
        self._follow_input = self._input()
        self._follow_input.minimum_duration = lead_s
        self._stop_input = self._input()
        self._stop_input.target_velocity = [0.0] * len(limits.names)

    def follow(self, now: Motion, position: Float, velocity: Float) -> Plan | None:
        """Plan toward a moving target (J,) as it will be ``lead_s`` from now, stopping if nothing follows.

        None if that would pass a position limit.
        """
        expected = now.position + 0.5 * self.lead_s * (now.velocity + velocity)
        aim = velocity + self.gain * (position - expected)
        self._follow_input.target_velocity = np.clip(aim, -self.limits.velocity, self.limits.velocity)
        lead = self._trajectory(self._follow_input, now)
        if lead is None or not self._inside(lead):
            return None
        stop = self._trajectory(self._stop_input, _motion(lead, self.lead_s))
        if stop is None or not self._inside(stop):
            return None
        return Plan(lead, self.lead_s, stop)

    def stop(self, now: Motion) -> Plan | None:
        """Plan of a stop of all joints together; None if it would pass a position limit."""
        stop = self._trajectory(self._stop_input, now)
        return Plan(None, 0.0, stop) if stop is not None and self._inside(stop) else None

    def _input(self) -> ruckig.InputParameter:
        parameters = ruckig.InputParameter(len(self.limits.names))
        parameters.control_interface = ruckig.ControlInterface.Velocity
        parameters.max_velocity = self.limits.velocity
        parameters.max_acceleration = self.limits.acceleration
        parameters.max_jerk = self.limits.jerk
        return parameters

    def _trajectory(self, parameters: ruckig.InputParameter, now: Motion) -> ruckig.Trajectory | None:
        parameters.current_position = now.position
        parameters.current_velocity = now.velocity
        parameters.current_acceleration = now.acceleration
        trajectory = ruckig.Trajectory(len(self.limits.names))
        try:
            result = self._ruckig.calculate(parameters, trajectory)
        except ruckig.RuckigError:
            return None
        return trajectory if result in (ruckig.Result.Working, ruckig.Result.Finished) else None

    def _inside(self, trajectory: ruckig.Trajectory) -> bool:
        extrema = trajectory.position_extrema
        return all(
            low - _SLACK <= bound.min and bound.max <= high + _SLACK
            for bound, low, high in zip(extrema, self.limits.lower, self.limits.upper)
        )


def _motion(trajectory: ruckig.Trajectory, time_s: float) -> Motion:
    position, velocity, acceleration = trajectory.at_time(time_s)
    return Motion(np.array(position), np.array(velocity), np.array(acceleration))
