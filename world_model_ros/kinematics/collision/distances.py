"""Computes distances between a robot's parts, and from obstacles and point clouds, along a path of joint positions.

Pinocchio places the URDF's collision geometry, Coal measures. A pair of geometries cannot approach faster than its
levers times the joint speeds, so a pair that is far away is not measured again until the joints have travelled far
enough (Schwarzer, Saha and Latombe, Adaptive dynamic collision checking, 2005). Nor is one whose boxes are apart.
"""

from __future__ import annotations

from collections.abc import Iterable

import coal
import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.exclusions import excluded_pairs
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.collision.bounding_boxes import Boxes, Placed
from world_model_ros.kinematics.collision.clouds import NOWHERE_M, Clouds, with_cloud
from world_model_ros.kinematics.collision.hulls import convex_hull
from world_model_ros.kinematics.collision.pairs import TOUCH, choose_pairs, is_obstacle, obstacle_geometry
from world_model_ros.kinematics.urdf_model import followers, link_frame, reduced_model, urdf_geometry, urdf_model

_UNKNOWN = -np.inf
FEW = 60  # pairs cost less to measure than all boxes cost to place


class PairDistances:
    """Distances of all pairs of geometries that can meet, for J joints in contract order.

    Left out: pairs on one link or on neighbouring links, pairs that the contract or its SRDF excludes, pairs that touch
    at the reference configuration (every joint at 0, or at the limit nearest to it), and obstacles with what does not
    move. An obstacle that an arm's posture at the reference happens to touch is kept, unless it is the first moving
    link, which is then mounted in it. Meshes are taken as their convex hulls.
    Of a cloud, any part that moves is kept away from each of its points, with their own radius; a part is as far from a
    point as `Outline` says, which is no farther than it is.
    Joints that mimic one of the contract's follow it; others that the contract does not name stay neutral.

    Holds scratch memory: use one object a thread.

    Args:
        contract: with a URDF. Obstacles are placed in its base frame.

    Raises:
        UserError: a joint, the base frame or an excluded link is not in the URDF, or a mesh or the SRDF cannot be read.

    Attributes:
        pairs: names of the two geometries of each of P pairs.
        left_out: pairs that are not watched, and why.
        hulls: geometries that are meshes, taken as their convex hulls.
        bare: links that move and have no collision geometry.
    """

    def __init__(self, contract: Contract) -> None:
        limits = contract.limits()
        self._model, self._geometry, links, self.hulls = _load(contract)
        self._data = self._model.createData()
        self._moves, self._rest = followers(contract, self._model)
        reference = np.clip(np.zeros(len(limits.names)), limits.lower, limits.upper)
        _add_obstacles(self._model, self._data, self._geometry, contract)
        self.left_out = choose_pairs(
            self._model, self._geometry, self._moves @ reference + self._rest, excluded_pairs(contract, links)
        )
        self._scratch = self._geometry.createData()
        names = [each.name for each in self._geometry.geometryObjects]
        self.bare = _bare(self._model, self._geometry)
        self.pairs = tuple((names[pair.first], names[pair.second]) for pair in self._geometry.collisionPairs)
        self._levers = _levers(self._model, self._geometry) @ np.abs(self._moves)
        self._boxes = Boxes(self._model, self._geometry)
        self._base = _base(self._model, self._data, contract)
        self._sides = [(pair.first, pair.second) for pair in self._geometry.collisionPairs]
        self._cloud = {each.name: names.index(obstacle_geometry(each.name)) for each in contract.deployment.gate.clouds}
        self._seen = np.isin([second for _, second in self._sides], list(self._cloud.values()))
        self._clouds = Clouds(self._geometry, [self._sides[pair][0] for pair in np.flatnonzero(self._seen)])
        # Where each pair was measured last, and what was found there.
        self._known = np.full(len(self.pairs), _UNKNOWN)
        self._at = np.zeros((len(self.pairs), len(reference)))
        self._asked = np.full(len(reference), np.nan), 0.0  # what `at` was asked last, and what it answered
        self._bounds = self._known

    @property
    def touching(self) -> tuple[tuple[str, str], ...]:
        """Pairs that are left out because they touch at the reference configuration."""
        return tuple((pair.first, pair.second) for pair in self.left_out if pair.why == TOUCH)

    def at(self, position: Float, enough_m: float) -> Float:
        """Distances (P,) of all pairs at joint positions (J,), m; those over ``enough_m`` may be less than they are."""
        if np.array_equal(position, self._asked[0]) and enough_m == self._asked[1]:
            return self._bounds
        bounds = self._known - self._travel(np.abs(position - self._at))
        unsure = np.flatnonzero(bounds < enough_m)
        if len(unsure):
            found = np.full(len(unsure), _UNKNOWN)
            if len(unsure) > FEW:
                enough = np.full(len(unsure), enough_m)
                found = self._boxes.gaps(self._placed(position[None]), np.zeros_like(unsure), unsure, enough)
            self._place(position)
            seen = np.flatnonzero(self._seen[unsure])
            if len(seen):
                sides = [self._sides[pair] for pair in unsure[seen].tolist()]
                found[seen] = np.maximum(found[seen], self._clouds.bounds(sides, self._scratch.oMg))
            for i in np.flatnonzero(found < enough_m).tolist():
                found[i] = self._measure(int(unsure[i]))
            self._known[unsure] = bounds[unsure] = found
            self._at[unsure] = position
        self._asked, self._bounds = (position.copy(), enough_m), bounds
        return bounds

    def see(self, cloud: str, points: Float, radius_m: float) -> NDArray[np.intp]:
        """Take the points (N, 3) of a cloud in the base frame, with balls around them that count as full.

        Returns:
            Indices (M,) into `pairs` of those with the cloud.
        """
        part = self._cloud[cloud]
        world = points @ self._base.rotation.T + self._base.translation
        self._boxes.change(part, *self._clouds.take(part, world, radius_m))
        pairs = with_cloud(self._sides, part)
        self._known[pairs] = _UNKNOWN
        self._asked = np.full_like(self._asked[0], np.nan), 0.0
        return pairs

    def parts_at(self, position: Float) -> list[tuple[pin.GeometryObject, Float, Float]]:
        """The robot's own geometries, with rotation and translation of each in the base frame at positions (J,)."""
        self._place(position)
        parts = [(each, self._base.actInv(at)) for each, at in zip(self._geometry.geometryObjects, self._scratch.oMg)]
        return [(each, at.rotation, at.translation) for each, at in parts if not is_obstacle(str(each.name))]

    def reach(self) -> list[tuple[Float, float]]:
        """Balls in the base frame, centre and radius, out of which no part of the robot ever comes, m."""
        found: dict[int, float] = {}
        for each in self._geometry.geometryObjects:
            if each.parentJoint:
                root = int(self._model.supports[each.parentJoint][1])
                found[root] = max(found.get(root, 0.0), _reach(self._model, root, each) + _travel(self._model, root))
        places = {root: self._base.actInv(self._model.jointPlacements[root]).translation for root in found}
        return [(np.array(places[root]), radius_m) for root, radius_m in found.items()]

    def measure(self, position: Float, pairs: NDArray[np.intp]) -> Float:
        """Distances (N,) of ``pairs`` (N,) at joint positions (J,), m."""
        self._place(position)
        return np.array([self._measure(pair) for pair in pairs.tolist()])

    def now(self, path: Float, slow_m: float, stop_m: float) -> tuple[NDArray[np.intp], Float]:
        """The pairs that matter along ``path`` (K, J), and how near they are at its beginning, m.

        Returns:
            Indices (N,) into `pairs` of those that may be nearer than ``slow_m`` at the beginning, or nearer than
            ``stop_m`` anywhere; and (N,) distances, of which those over ``slow_m`` may be less than they really are.
        """
        low, high = path.min(axis=0), path.max(axis=0)
        bounds = self.at(path[0], slow_m)
        least = self._known - self._travel(np.maximum(np.abs(low - self._at), np.abs(high - self._at)))
        near = np.flatnonzero((bounds < slow_m) | (least < stop_m))
        return near, bounds[near]

    def below(self, path: Float, pairs: NDArray[np.intp], now: Float, limits: Float) -> NDArray[np.bool_]:
        """Whether each of N pairs comes nearer than their limit somewhere along ``path`` (K, J).

        Args:
            pairs: (N,) indices into `pairs`, the same one more than once if need be.
            now: (N,) lower bounds of their distances at the beginning of the path, m. limits: (N,), m.
        """
        travel = np.zeros((len(path), path.shape[1]))
        np.cumsum(np.abs(np.diff(path, axis=0)), axis=0, out=travel[1:])
        ways = self._levers[pairs] @ travel.T
        safe = now - limits  # how far each may go without being below its limit
        found, may = np.zeros(len(pairs), np.bool_), ways > safe[:, None]
        rows, at = np.nonzero(may)
        if np.count_nonzero(may.any(axis=1)) > FEW:
            may[rows, at] = self._boxes.gaps(self._placed(path), at, pairs[rows], limits[rows]) < limits[rows]
        rows = np.flatnonzero(may.any(axis=1) & self._seen[pairs])
        if len(rows):
            axes, centres = self._placed(path)
            for row in rows.tolist():
                part, cloud = self._sides[pairs[row]]
                at = np.flatnonzero(may[row])
                found[row] = self._clouds.nearer(part, cloud, axes[at, part], centres[at, part], float(limits[row]))
            may[rows] = False
        risky = [(row, may[row].tolist(), ways[row].tolist()) for row in np.flatnonzero(may.any(axis=1)).tolist()]
        for k in np.flatnonzero(may.any(axis=0)).tolist():
            due = [row for row, could, way in risky if could[k] and way[k] > safe[row]]
            if due:
                self._place(path[k])
            for row in due:
                pair = int(pairs[row])
                distance = self._measure(pair)
                self._known[pair], self._at[pair] = distance, path[k]
                if distance < limits[row]:
                    found[row], safe[row] = True, np.inf
                else:
                    safe[row] = ways[row, k] + distance - limits[row]
        return found

    def _travel(self, moved: Float) -> Float:
        """How much nearer each pair may have come, m: (P,), while its joints moved by (P, J)."""
        return np.asarray(np.einsum("pj,pj->p", self._levers, moved))

    def _measure(self, pair: int) -> float:
        """Distance of a pair where the robot was placed last."""
        if self._seen[pair]:
            return self._clouds.distance(*self._sides[pair], self._scratch.oMg)
        return float(pin.computeDistance(self._geometry, self._scratch, pair).min_distance)

    def _place(self, position: Float) -> None:
        q = self._moves @ position + self._rest
        pin.updateGeometryPlacements(self._model, self._data, self._geometry, self._scratch, q)

    def _placed(self, path: Float) -> Placed:
        """The boxes along ``path`` (K, J)."""
        return self._boxes.place(path @ self._moves.T + self._rest)


def _load(contract: Contract) -> tuple[pin.Model, pin.GeometryModel, list[str], tuple[str, ...]]:
    """Kinematics and collision geometry with only the contract's joints, and what follows them, left to move; names of
    all links, and of geometries that are meshes."""
    full = urdf_model(contract)
    known = [full.names[i] for i in range(1, full.njoints)]
    for name in contract.joint_names:
        if name not in known:
            raise UserError("interface.joints", name, f"a name in the URDF: {known}")
    geometry = urdf_geometry(contract, full, pin.GeometryType.COLLISION)
    meshes = [each for each in geometry.geometryObjects if isinstance(each.geometry, coal.BVHModelBase)]
    for each in meshes:
        each.geometry = convex_hull(each.geometry, str(each.name))
    for name in contract.joint_names:
        if full.joints[full.getJointId(name)].nv != 1:
            raise UserError("interface.joints", name, "a revolute, continuous or prismatic joint of the URDF")
    moves, rest = followers(contract, full)
    held = [i for i in range(1, full.njoints) if not moves[full.joints[i].idx_q].any()]
    model, (geometry,) = reduced_model(full, [geometry], held, rest)
    links = [str(frame.name) for frame in full.frames if frame.type == pin.FrameType.BODY]
    return model, geometry, links, tuple(str(each.name) for each in meshes)


def _bare(model: pin.Model, geometry: pin.GeometryModel) -> tuple[str, ...]:
    """Links that move and have no geometry."""
    shown = {each.parentFrame for each in geometry.geometryObjects}
    links = ((i, frame) for i, frame in enumerate(model.frames) if frame.type == pin.FrameType.BODY)
    return tuple(str(frame.name) for i, frame in links if frame.parentJoint and i not in shown)


def _base(model: pin.Model, data: pin.Data, contract: Contract) -> pin.SE3:
    """Where the base frame is."""
    frame = contract.interface.base_frame
    index = link_frame(model, frame, "interface.base_frame")
    if model.frames[index].parentJoint != 0:
        raise UserError("interface.base_frame", frame, "a frame of the URDF that no joint of the contract moves")
    pin.framesForwardKinematics(model, data, pin.neutral(model))
    return data.oMf[index].copy()


def _add_obstacles(model: pin.Model, data: pin.Data, geometry: pin.GeometryModel, contract: Contract) -> None:
    base = _base(model, data, contract)
    for obstacle in contract.deployment.gate.obstacles:
        place = base * pin.SE3(np.eye(3), np.array(obstacle.position_m))
        geometry.addGeometryObject(
            pin.GeometryObject(obstacle_geometry(obstacle.name), 0, place, coal.Box(*obstacle.size_m))
        )
    nowhere = pin.SE3(np.eye(3), np.full(3, NOWHERE_M))
    for cloud in contract.deployment.gate.clouds:
        geometry.addGeometryObject(pin.GeometryObject(obstacle_geometry(cloud.name), 0, nowhere, coal.Sphere(1e-3)))


def _levers(model: pin.Model, geometry: pin.GeometryModel) -> Float:
    """How fast each pair may approach at most per rad/s (m/s for slides) of each joint of the model, m/s: (P, Q).

    A joint between two bodies turns one about its axis, seen from the other. The distance then changes no faster than
    the nearer of the two bodies' farthest points from that axis moves.
    """
    levers = np.zeros((len(geometry.collisionPairs), model.nq))
    for row, pair in enumerate(geometry.collisionPairs):
        sides = [geometry.geometryObjects[pair.first], geometry.geometryObjects[pair.second]]
        chains = [set(model.supports[side.parentJoint]) for side in sides]
        for joint in chains[0] ^ chains[1]:
            if joint == 0:
                continue
            straight = model.joints[joint].shortname().startswith("JointModelP")
            lever = 1.0 if straight else min(_reach(model, joint, side) for side in sides)
            levers[row, model.joints[joint].idx_q] = lever
    return levers


def _reach(model: pin.Model, joint: int, geometry: pin.GeometryObject) -> float:
    """The farthest that a point of a body can be from the origin of a joint, m."""
    body = geometry.parentJoint
    links = set(model.supports[joint]) ^ set(model.supports[body])
    geometry.geometry.computeLocalAABB()
    centre = geometry.placement.act(geometry.geometry.aabb_center)
    return float(np.linalg.norm(centre) + geometry.geometry.aabb_radius + sum(_lengths(model, links)))


def _lengths(model: pin.Model, joints: Iterable[int]) -> list[float]:
    """The longest way from each joint's parent joint to it, m."""
    lengths = []
    for joint in joints:
        lengths.append(float(np.linalg.norm(model.jointPlacements[joint].translation)) + _travel(model, joint))
    return lengths


def _travel(model: pin.Model, joint: int) -> float:
    """How far a slide may go from 0, m; 0 for a joint that turns."""
    if not model.joints[joint].shortname().startswith("JointModelP"):
        return 0.0
    q = model.joints[joint].idx_q
    return float(max(abs(model.lowerPositionLimit[q]), abs(model.upperPositionLimit[q])))
