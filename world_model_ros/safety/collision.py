"""Keeps plans away from collisions: slower when near, and no plan that comes nearer than it may."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.trajectory import Float
from world_model_ros.kinematics.distances import PairDistances
from world_model_ros.safety.limiter import Plan

SPACING_S = 0.03  # between the configurations of a plan that are measured
MOST = 16  # of them
_SLACK_M = 1e-6  # tolerance of the distance computation


@dataclass(frozen=True)
class Look:
    """What a plan would come near.

    Args:
        clear: whether it keeps its distance everywhere.
        speed: share of the speed that is left, 0 to 1.
        pair: two parts that forbid it, or slow it the most; None if nothing does.
    """

    clear: bool
    speed: float
    pair: str | None


FREE = Look(True, 1.0, None)


class Collision:
    """Judges plans by the distances of the robot's parts and its obstacles.

    A plan is clear if every pair stays beyond ``stop_m``; a pair that is nearer already may only go away. Between
    ``slow_m`` and ``stop_m`` the speed falls to nothing as long as the plan brings some pair nearer.

    Args:
        contract: with a URDF and ``deployment.gate.collision``.

    Raises:
        UserError: the URDF does not fit the contract.
    """

    def __init__(self, contract: Contract) -> None:
        settings = contract.deployment.gate.collision
        assert settings is not None
        self.distances = PairDistances(contract)
        self._stop_m, self._slow_m = settings.stop_m, settings.slow_m
        self._floor = np.full(len(self.distances.pairs), self._stop_m)

    def begin(self, position: Float) -> None:
        """Take the configuration (J,) as given: what is too near there may stay as near as it is."""
        near, now = self.distances.now(position[None], self._slow_m, self._stop_m)
        self._floor[:] = self._stop_m
        self._floor[near] = np.minimum(now, self._stop_m)

    def look(self, plan: Plan) -> Look:
        """Measure a plan from its beginning, which is now."""
        path, near, now = self._start(plan)
        slowing = np.flatnonzero(now < self._slow_m)
        if not len(near):
            return FREE
        # One row a pair for what it may not pass, and one more for whether a near one comes nearer.
        pairs, bounds = np.append(near, near[slowing]), np.append(now, now[slowing])
        below = self.distances.below(path, pairs, bounds, np.append(self._floor[near], now[slowing]) - _SLACK_M)
        broken, closing = np.flatnonzero(below[: len(near)]), slowing[below[len(near) :]]
        if not len(broken) and not len(closing):
            return FREE
        speed, worst = 1.0, broken
        if len(closing):
            nearest = closing[[np.argmin(now[closing])]]
            speed = float(np.clip((now[nearest[0]] - self._stop_m) / (self._slow_m - self._stop_m), 0.0, 1.0))
            worst = broken if len(broken) else nearest
        return Look(not len(broken), speed, self._name(int(near[worst[0]])))

    def clear(self, plan: Plan) -> bool:
        """Whether a plan keeps its distance everywhere."""
        path, near, now = self._start(plan)
        return not np.any(self.distances.below(path, near, now, self._floor[near] - _SLACK_M))

    def _start(self, plan: Plan) -> tuple[Float, NDArray[np.intp], Float]:
        """The configurations of a plan that are measured, and which pairs matter there, see `PairDistances.now`."""
        path = plan.positions(SPACING_S, MOST)
        near, now = self.distances.now(path, self._slow_m, self._stop_m)
        # What went away from too near may not come back, not even by rounding again and again.
        floor = np.full_like(self._floor, self._stop_m)
        floor[near] = np.clip(now, self._floor[near], self._stop_m)
        self._floor = floor
        return path, near, now

    def _name(self, pair: int) -> str:
        return " and ".join(self.distances.pairs[pair])
