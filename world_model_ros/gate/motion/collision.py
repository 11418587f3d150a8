"""Keeps plans clear of self-collision and obstacles: slows down near them, and refuses plans that come too near."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.gate.motion.limiter import Plan
from world_model_ros.kinematics.collision.distances import PairDistances

# Between the configurations of a plan that are measured; at twice that, what passed a corner came 1.3 mm nearer.
SPACING_S = 0.015
MOST = 32  # of them
_SLACK_M = 1e-6  # tolerance of the distance computation


@dataclass(frozen=True)
class Look:
    """What a motion would come near.

    Args:
        clear: whether the plan for it, at this speed, keeps its distance everywhere.
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
    ``slow_m`` and ``stop_m`` the speed falls to nothing as long as the motion would bring some pair nearer.

    Args:
        contract: with a URDF and ``deployment.gate.collision``.

    Raises:
        UserError: the URDF does not fit the contract.

    Attributes:
        seen: how many points of each cloud of the contract stand around the robot, and the radius of each, m.
    """

    def __init__(self, contract: Contract) -> None:
        settings = contract.deployment.gate.collision
        assert settings is not None
        self.distances = PairDistances(contract)
        self._stop_m, self._slow_m = settings.stop_m, settings.slow_m
        self._floor = np.full(len(self.distances.pairs), self._stop_m)
        self.seen: dict[str, tuple[int, float]] = {each.name: (0, 0.0) for each in contract.deployment.gate.clouds}

    def see(self, cloud: str, points: Float, radius_m: float) -> None:
        """Take what a cloud shows now: points (N, 3) in the base frame, and the radius within which each is full.

        What is too near already may stay as near as it is when the next plan begins, and go away.
        """
        pairs = self.distances.see(cloud, points, radius_m)
        self.seen[cloud] = len(points), radius_m
        self._floor[pairs] = -np.inf

    def begin(self, position: Float) -> None:
        """Take the configuration (J,) as given: what is too near there may stay as near as it is."""
        near, now = self.distances.now(position[None], self._slow_m, self._stop_m)
        self._floor[:] = self._stop_m
        self._floor[near] = np.minimum(now, self._stop_m)

    def look(self, position: Float, ahead: Iterable[Float]) -> Look:
        """How fast to go from here (J,) when the motion would lead to other places (J,).

        One at once and one farther on: what goes past a corner is nearer soon, and as far away later.
        """
        now = self.distances.at(position, self._slow_m)
        slowing = np.flatnonzero(now < self._slow_m)
        if not len(slowing):
            return FREE
        least = np.min([self.distances.measure(place, slowing) for place in ahead], axis=0)
        closing = slowing[least < now[slowing] - _SLACK_M]
        if not len(closing):
            return FREE
        nearest = int(closing[np.argmin(now[closing])])
        speed = float(np.clip((now[nearest] - self._stop_m) / (self._slow_m - self._stop_m), 0.0, 1.0))
        return Look(True, speed, self._name(nearest))

    def broken(self, plan: Plan, from_s: float = 0.0) -> str | None:
        """A pair that a plan brings nearer than it may; None if it keeps its distance everywhere.

        Args:
            from_s: how far into the plan the robot is.
        """
        path = plan.positions(SPACING_S, MOST, from_s)
        near, now = self.distances.now(path, self._slow_m, self._stop_m)
        # What went away from too near may not come back, not even by rounding again and again.
        floor = np.full_like(self._floor, self._stop_m)
        floor[near] = np.clip(now, self._floor[near], self._stop_m)
        self._floor = floor
        broken = np.flatnonzero(self.distances.below(path, near, now, floor[near] - _SLACK_M))
        return self._name(int(near[broken[0]])) if len(broken) else None

    def _name(self, pair: int) -> str:
        return " and ".join(self.distances.pairs[pair])
