"""What version 0.1.0 of the gate sent: plans that begin at once, and a first point after the stamp."""

from __future__ import annotations

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits, Trajectory
from world_model_ros.gate.motion.limiter import EXACT_S, Limiter, Motion, Plan


class EarlierGate:
    """Follows a target and sends the rest of its plan each cycle, as 0.1.0 did."""

    def __init__(self, limits: JointLimits, position: Float, cycle_s: float = 0.01) -> None:
        self._limits, self._cycle_s = limits, cycle_s
        self._limiter = Limiter(limits)
        plan = self._limiter.stop(Motion.still(position))
        assert plan is not None
        self._plan: Plan = plan
        self._into_s = 0.0

    def step(self, target: tuple[Float, Float], now_ns: int) -> Trajectory:
        """The trajectory of a cycle toward a target's position and velocity, (J,) each."""
        self._into_s += self._cycle_s
        motion = self._plan.at(self._into_s)
        plan = self._limiter.follow(motion, self._limiter.aim(motion, *target))
        if plan is not None:
            self._plan, self._into_s = plan, 0.0
        rest_s = max(self._plan.duration_s - self._into_s, self._cycle_s)
        soon_s = min(EXACT_S, rest_s)
        switches = [time - self._into_s for time in self._plan.switches(self._into_s + 1e-7, self._into_s + soon_s)]
        later = [soon_s + (rest_s - soon_s) * i / 10 for i in range(1, 11)] if rest_s > soon_s else []
        times = sorted({round(time * 1e9) for time in (self._cycle_s, 2 * self._cycle_s, soon_s, *switches, *later)})
        motions = [self._plan.at(self._into_s + time * 1e-9) for time in times]
        rows = [
            np.array([getattr(each, name) for each in motions]) for name in ("position", "velocity", "acceleration")
        ]
        for row in rows[1:]:
            row[-1] = 0.0
        return Trajectory(self._limits.names, np.array(times) * 1e-9, rows[0], rows[1], now_ns, rows[2])
