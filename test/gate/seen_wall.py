"""A wall that a depth sensor of the arm sees, and how near the arm comes to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from gate_driver import CONTRACT, HOME

from world_model_ros.contract.deployment.gate import Cloud, CommandSource
from world_model_ros.core.arrays import Float
from world_model_ros.gate.factory import gate_for
from world_model_ros.kinematics.arm import ArmKinematics, tool_down
from world_model_ros.kinematics.collision.distances import PairDistances

START = ArmKinematics(CONTRACT).solve(HOME, np.array([0.45, 0.0, 0.25]), tool_down())
RADIUS_M = 0.01
_RULES = CONTRACT.deployment.gate.model_copy(update={"clouds": [Cloud(name="front", topic="points", max_age_s=0.2)]})
SEES = replace(CONTRACT, deployment=CONTRACT.deployment.model_copy(update={"gate": _RULES}))
STOP_M = _RULES.collision.stop_m


def wall(y_m: float) -> Float:
    """Points every 2 cm of a wall at the arm's left."""
    x, z = np.meshgrid(np.arange(0.3, 0.8, 0.02), np.arange(0.02, 0.6, 0.02))
    return np.column_stack([x.ravel(), np.full(x.size, y_m), z.ravel()])


class Nearest:
    """Keeps how near the arm has come to points, m."""

    def __init__(self) -> None:
        self._distances = PairDistances(SEES)
        self.m = np.inf

    def look(self, position: Float, points: Float) -> None:
        """The arm is at a position (J,), and points (N, 3) stand there."""
        if len(points):
            pairs = self._distances.see("front", points, RADIUS_M)
            self.m = min(self.m, float(self._distances.measure(position, pairs).min()))


@dataclass
class Seeing:
    """Makes a bench's gate see points each cycle; the nearest that the controller's commands came to them is kept."""

    points: Float = field(default_factory=lambda: np.empty((0, 3)))

    sources: ClassVar[Sequence[CommandSource]]
    cycle_ns: ClassVar[int] = 10_000_000

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[misc]
        deployment = SEES.deployment.model_copy(update={"sources": list(self.sources)})
        self.gate = gate_for(replace(SEES, deployment=deployment))
        self._nearest = Nearest()

    @property
    def nearest_m(self) -> float:
        return self._nearest.m

    def _cycle(self) -> None:
        self.gate.see("front", self.now_ns + self.cycle_ns, self.points, RADIUS_M)
        super()._cycle()  # type: ignore[misc]
        self._nearest.look(self.position, self.points)
