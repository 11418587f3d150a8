"""Filters a point cloud to voxels of obstacles: without the robot itself, and without what it can never reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import Cloud
from world_model_ros.core.arrays import Float
from world_model_ros.core.voxels import Seen, cells_of, coarse
from world_model_ros.kinematics.collision.distances import PairDistances
from world_model_ros.kinematics.collision.outlines import Outline


class Around:
    """Makes voxels of clouds.

    Args:
        contract: with a URDF and ``deployment.gate.collision``.
    """

    def __init__(self, contract: Contract) -> None:
        settings = contract.deployment.gate.collision
        assert settings is not None
        self._distances, self._slow_m = PairDistances(contract), settings.slow_m
        self._reach = self._distances.reach()
        home = np.zeros(len(contract.joint_names))
        self._outlines = [Outline(each.geometry) for each, _, _ in self._distances.parts_at(home)]

    def voxels(self, points: Float, cloud: Cloud, position: Float) -> Seen:
        """What stands around the robot.

        Args:
            points: (N, 3) in the base frame. position: (J,) of the joints when they were seen.
        """
        if cloud.within_m is not None:
            low, high = np.array(cloud.within_m)
            points = points[((points >= low) & (points <= high)).all(axis=1)]
        half_m = 0.5 * np.sqrt(3.0) * cloud.voxel_m
        points = points[self._reached(points, self._slow_m + 2.0 * half_m)]
        cells, which = cells_of(points, cloud.voxel_m)
        margin_m = cloud.robot_margin_m
        centres = np.asarray((cells + 0.5) * cloud.voxel_m, np.float64)
        away_m = self._away(centres, position, margin_m + half_m)
        strange = away_m >= margin_m + half_m  # nothing in the cell can be the robot
        unsure = ~strange & (away_m >= margin_m - half_m)  # something in it can, and something else too
        rows = np.flatnonzero(unsure[which])
        others = rows[self._away(points[rows], position, margin_m) >= margin_m]
        strange[which[others]] = True
        return coarse(cells[strange], cloud.voxel_m, cloud.most_voxels)

    def _reached(self, points: Float, spare_m: float) -> NDArray[np.bool_]:
        """Which of the points (N, 3) a part of the robot may ever come near."""
        found = np.zeros(len(points), np.bool_)
        for centre, radius_m in self._reach:
            between = points - centre
            found |= np.einsum("ni,ni->n", between, between) <= (radius_m + spare_m) ** 2
        return found

    def _away(self, points: Float, position: Float, enough_m: float) -> Float:
        """How far (N,) points are from the robot, m; infinity where that is over ``enough_m``."""
        away_m = np.full(len(points), np.inf)
        for outline, (_, rotation, translation) in zip(self._outlines, self._distances.parts_at(position)):
            between = points - (rotation @ outline.centre + translation)
            near = np.flatnonzero(np.einsum("ni,ni->n", between, between) <= (outline.radius + enough_m) ** 2)
            found = outline.distances(between[near] @ rotation + outline.centre)
            away_m[near] = np.minimum(away_m[near], found)
        away_m[away_m > enough_m] = np.inf
        return away_m
