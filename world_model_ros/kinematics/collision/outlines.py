"""Computes signed distances of points from a collision shape: exact for primitives, a lower bound for convex hulls."""

from __future__ import annotations

from collections.abc import Callable

import coal
import numpy as np

from world_model_ros.core.arrays import Float

Distances = Callable[[Float], Float]


class Outline:
    """The outline of one geometry, in its own frame.

    Args:
        shape: a sphere, box, cylinder, capsule or convex hull; of any other its bounding box counts.

    Attributes:
        centre: a point in it. radius: how far it reaches from there.
    """

    def __init__(self, shape: coal.CollisionGeometry) -> None:
        self.distances, self.centre, self.radius = _outline(shape)

    def least(self, points: Float, rotation: Float, translation: Float) -> float:
        """The distance of the nearest of points (N, 3), N over 0, m; below 0 inside.

        Args:
            rotation, translation: where the shape is.
        """
        between = points - (rotation @ self.centre + translation)
        squares = np.einsum("ni,ni->n", between, between)
        reach = np.sqrt(squares.min()) + self.radius  # the centre is in the shape, so no point is farther than from it
        return float(self.distances(between[squares <= reach * reach] @ rotation + self.centre).min())


def _outline(shape: coal.CollisionGeometry) -> tuple[Distances, Float, float]:
    """What tells distances (N,) of points (N, 3), negative inside; a point in the shape, and how far it reaches."""
    middle = np.zeros(3)
    if isinstance(shape, coal.Sphere):
        return _round_shape(lambda points: points, shape.radius), middle, shape.radius
    if isinstance(shape, coal.Capsule):
        half = shape.halfLength

        def off_axis(points: Float) -> Float:
            along = points[:, 2] - np.clip(points[:, 2], -half, half)
            return np.column_stack([points[:, :2], along])

        return _round_shape(off_axis, shape.radius), middle, shape.radius + half
    if isinstance(shape, coal.Cylinder):
        radius, half = shape.radius, shape.halfLength

        def over(points: Float) -> Float:
            return np.column_stack([np.hypot(points[:, 0], points[:, 1]) - radius, np.abs(points[:, 2]) - half])

        return _cornered(over), middle, float(np.hypot(radius, half))
    if isinstance(shape, coal.ConvexBase):
        return _hull(shape)
    shape.computeLocalAABB()
    centre = np.array(shape.aabb_center)
    halves = shape.halfSide if isinstance(shape, coal.Box) else np.array(shape.aabb_local.max_) - centre
    halves = np.array(halves)
    return _cornered(lambda points: np.abs(points - centre) - halves), centre, float(np.linalg.norm(halves))


def _round_shape(off: Distances, radius: float) -> Distances:
    return lambda points: np.asarray(np.linalg.norm(off(points), axis=1) - radius)


def _cornered(over: Distances) -> Distances:
    """Of what ends where each of some excesses is 0, which grow at right angles to each other."""

    def distances(points: Float) -> Float:
        excess = over(points)
        outside = np.linalg.norm(np.maximum(excess, 0.0), axis=1)
        return np.asarray(outside + np.minimum(excess.max(axis=1), 0.0))

    return distances


def _hull(shape: coal.ConvexBase) -> tuple[Distances, Float, float]:
    """Of a convex hull: how far a point is beyond one of its planes at most, or its box; it is farther past edges."""
    corners = np.array([shape.point(i) for i in range(shape.num_points)])
    faces = np.array([[shape.polygons(i)[k] for k in range(3)] for i in range(shape.num_polygons)])
    centre = corners.mean(axis=0)
    first, second, third = corners[faces].transpose(1, 0, 2)
    normals = np.cross(second - first, third - first)
    sizes = np.linalg.norm(normals, axis=1)
    flat = sizes > 1e-12 * max(sizes.max(), 1e-30)
    normals, first = normals[flat] / sizes[flat, None], first[flat]
    offsets = np.einsum("fi,fi->f", normals, first)
    turned = np.where(normals @ centre > offsets, -1.0, 1.0)
    normals, offsets = normals * turned[:, None], offsets * turned
    reach = float(np.linalg.norm(corners - centre, axis=1).max())
    middle, halves = 0.5 * (corners.max(axis=0) + corners.min(axis=0)), 0.5 * np.ptp(corners, axis=0)
    beyond = _cornered(lambda points: np.abs(points - middle) - halves)
    return lambda points: np.maximum((points @ normals.T - offsets).max(axis=1), beyond(points)), centre, reach
