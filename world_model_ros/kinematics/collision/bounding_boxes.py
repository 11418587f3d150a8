"""Oriented boxes around the parts of a robot along a path: a cheap lower bound of how far apart two parts are.

The bound is the widest gap between two oriented boxes along the axes of either (Gottschalk, Lin and Manocha, OBBTree,
1996), or between the spheres around them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from world_model_ros.core.arrays import Float, Index


class Placed(NamedTuple):
    """Where G boxes are at K configurations: axes as columns of (K, G, 3, 3), centres (K, G, 3) in m."""

    axes: Float
    centres: Float


class Boxes:
    """Bounding boxes of all geometries, moved by forward kinematics in NumPy.

    Args:
        model: whose Q joints all have one degree of freedom; paths are in their order. geometry: with its pairs.
    """

    def __init__(self, model: pin.Model, geometry: pin.GeometryModel) -> None:
        self._parents = np.array(model.parents)
        self._levels = _levels(self._parents)
        still, sine, cosine, slide = (np.zeros((model.njoints, 4, 4)) for _ in range(4))
        for j in range(1, model.njoints):
            motion = _axis(model, j)
            placement = model.jointPlacements[j].homogeneous
            turn = pin.skew(motion.angular)
            # Rodrigues: 1 + sin(q) S + (1 - cos(q)) S^2; slides move by q times their axis.
            still[j, :3, :3], sine[j, :3, :3], cosine[j, :3, :3] = np.eye(3) + turn @ turn, turn, -turn @ turn
            slide[j, :3, 3] = motion.linear
            still[j, 3, 3] = 1.0
            for part in (still, sine, cosine, slide):
                part[j] = placement @ part[j]
        self._parts = tuple(part[1:] for part in (still, sine, cosine, slide))
        objects = list(geometry.geometryObjects)
        self._bodies = np.array([each.parentJoint for each in objects], np.intp)
        self._local = np.array([_box_frame(each) for each in objects]).reshape(-1, 4, 4)
        self._halves = np.array([_halves(each) for each in objects]).reshape(-1, 3)
        self._radii = np.linalg.norm(self._halves, axis=1)
        self._first = np.array([pair.first for pair in geometry.collisionPairs], np.intp)
        self._second = np.array([pair.second for pair in geometry.collisionPairs], np.intp)

    def change(self, part: int, centre: Float, halves: Float) -> None:
        """Give a geometry that does not move another box along the axes of the world: its centre (3,) and halves."""
        self._local[part] = np.eye(4)
        self._local[part, :3, 3] = centre
        self._halves[part], self._radii[part] = halves, np.linalg.norm(halves)

    def place(self, path: Float) -> Placed:
        """The boxes along ``path`` (K, Q)."""
        still, sine, cosine, slide = self._parts
        angles = path[:, :, None, None]
        steps = still + np.sin(angles) * sine + np.cos(angles) * cosine + angles * slide
        bodies = np.empty((len(path), len(self._parents), 4, 4))
        bodies[:, 0] = np.eye(4)
        for level in self._levels:
            bodies[:, level] = bodies[:, self._parents[level]] @ steps[:, level - 1]
        boxes = bodies[:, self._bodies] @ self._local
        return Placed(boxes[..., :3, :3], boxes[..., :3, 3])

    def gaps(self, placed: Placed, at: Index, pairs: Index, enough: Float) -> Float:
        """Lower bounds in m (M,) of the distances of ``pairs`` (M,) at the configurations ``at`` (M,).

        Bounds over ``enough`` (M,) are not made any better.
        """
        first, second = self._first[pairs], self._second[pairs]
        between = placed.centres[at, second] - placed.centres[at, first]
        gaps = np.sqrt(np.einsum("mi,mi->m", between, between)) - self._radii[first] - self._radii[second]
        rest = np.flatnonzero(gaps < enough)
        if len(rest):
            at, first, second, between = at[rest], first[rest], second[rest], between[rest, None]
            one, other = placed.axes[at, first], placed.axes[at, second]
            turned = np.abs(one.transpose(0, 2, 1) @ other)
            half, half_other = self._halves[first], self._halves[second]
            reach = half + (turned @ half_other[..., None])[..., 0]
            reach_other = half_other + (half[:, None] @ turned)[:, 0]
            apart = np.abs(between @ one)[:, 0] - reach
            apart_other = np.abs(between @ other)[:, 0] - reach_other
            gaps[rest] = np.maximum(gaps[rest], np.maximum(apart, apart_other).max(axis=1))
        return np.asarray(gaps, np.float64)


def _levels(parents: NDArray[np.intp]) -> list[Index]:
    """Joints by their depth in the tree, those next to the base first."""
    depth = [0] * len(parents)
    for j in range(1, len(parents)):
        depth[j] = depth[parents[j]] + 1
    return [np.flatnonzero(np.array(depth) == level) for level in range(1, max(depth, default=0) + 1)]


def _axis(model: pin.Model, joint: int) -> pin.Motion:
    """What a joint's unit speed moves, in its own frame."""
    data = model.joints[joint].createData()
    model.joints[joint].calc(data, pin.neutral(model))
    return pin.Motion(np.array(data.S).reshape(6))


def _box_frame(part: pin.GeometryObject) -> Float:
    """The box's centre and axes, in the frame of the joint that moves it: (4, 4)."""
    part.geometry.computeLocalAABB()
    return np.asarray((part.placement * pin.SE3(np.eye(3), np.array(part.geometry.aabb_center))).homogeneous)


def _halves(part: pin.GeometryObject) -> Float:
    part.geometry.computeLocalAABB()
    box = part.geometry.aabb_local
    return 0.5 * np.array([high - low for low, high in zip(box.min_, box.max_)])
