"""Computes distances of a robot's parts from point clouds, whose points count as solid balls."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pinocchio as pin

from world_model_ros.core.arrays import Float, Index
from world_model_ros.kinematics.collision.outlines import Outline

NOWHERE_M = 1e3  # how far away a cloud is that shows nothing


class Clouds:
    """The points of each cloud, in the world.

    Args:
        geometry: of the robot and the clouds. parts: indices of the geometries that are kept away from clouds.
    """

    def __init__(self, geometry: pin.GeometryModel, parts: Iterable[int]) -> None:
        objects = geometry.geometryObjects
        self._outlines = {part: Outline(objects[part].geometry) for part in sorted(set(parts))}
        self._points: dict[int, tuple[Float, float]] = {}  # by geometry of the cloud; and the radius
        self._boxes = {part: box_of(objects[part]) for part in self._outlines}

    def take(self, cloud: int, points: Float, radius_m: float) -> tuple[Float, Float]:
        """Take the points (N, 3) of a cloud; returns centre and halves of a box around them."""
        if not len(points):
            self._points.pop(cloud, None)
            return np.full(3, NOWHERE_M), np.zeros(3)
        self._points[cloud] = points, radius_m
        low, high = points.min(axis=0), points.max(axis=0)
        return 0.5 * (low + high), 0.5 * (high - low) + radius_m

    def bounds(self, pairs: list[tuple[int, int]], placed: pin.StdVec_SE3) -> Float:
        """Lower bounds (M,) of the distances of pairs (part, cloud), by the spheres around the parts."""
        found = np.full(len(pairs), NOWHERE_M)
        for cloud, (points, radius_m) in self._points.items():
            rows = [row for row, (_, other) in enumerate(pairs) if other == cloud]
            if not rows:
                continue
            outlines = [self._outlines[pairs[row][0]] for row in rows]
            centres = np.array([placed[pairs[row][0]].act(each.centre) for row, each in zip(rows, outlines)])
            squares = np.einsum("ni,ni->n", points, points) - 2.0 * centres @ points.T
            least = np.sqrt(np.maximum(squares.min(axis=1) + np.einsum("mi,mi->m", centres, centres), 0.0))
            found[rows] = least - [each.radius for each in outlines] - radius_m
        return found

    def distance(self, part: int, cloud: int, placed: pin.StdVec_SE3) -> float:
        """The distance of a part and a cloud, m."""
        if cloud not in self._points:
            return NOWHERE_M
        (points, radius_m), place = self._points[cloud], placed[part]
        return self._outlines[part].least(points, place.rotation, place.translation) - radius_m

    def nearer(self, part: int, cloud: int, axes: Float, centres: Float, limit_m: float) -> bool:
        """Whether a part comes nearer to a cloud than a limit at one of K configurations, all of them at once.

        Args:
            axes, centres: (K, 3, 3) and (K, 3) of the part's bounding box, see `Placed`.
        """
        if cloud not in self._points:
            return False
        (points, radius_m), (middle, reach_m) = self._points[cloud], self._boxes[part]
        squares = np.einsum("ni,ni->n", points, points) - 2.0 * centres @ points.T
        squares += np.einsum("ki,ki->k", centres, centres)[:, None]
        at, near = np.nonzero(squares <= (reach_m + radius_m + max(limit_m, 0.0)) ** 2)
        if not len(at):
            return False
        local = np.einsum("mi,mij->mj", points[near] - centres[at], axes[at]) + middle
        return bool((self._outlines[part].distances(local) - radius_m < limit_m).any())


def box_of(part: pin.GeometryObject) -> tuple[Float, float]:
    """The middle of a geometry's bounding box in its own frame, and how far the box reaches from there, m."""
    part.geometry.computeLocalAABB()
    box = part.geometry.aabb_local
    return np.array(part.geometry.aabb_center), float(0.5 * np.linalg.norm(np.array(box.max_) - np.array(box.min_)))


def with_cloud(sides: list[tuple[int, int]], cloud: int) -> Index:
    """Indices of pairs (part, cloud) with that cloud."""
    return np.array([row for row, (_, second) in enumerate(sides) if second == cloud], np.intp)
