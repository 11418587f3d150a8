"""A robot's visible shape: triangle meshes from its URDF, placed at given joint positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import coal
import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike, NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.urdf_model import followers, link_frame, urdf_geometry, urdf_model

Primitive = Literal["cube", "cylinder", "sphere"]

_ROUND = 20  # corners of a circle


@dataclass(frozen=True)
class Mesh:
    """One visual of a link.

    Args:
        vertices: (V, 3) m, in the part's own frame. faces: (F, 3) indices, counter-clockwise from outside.
        colour: red green blue in 0 to 1.
        primitive: what it is in a marker, with its full sizes along x, y, z in m; None for a mesh out of a file.
    """

    name: str
    vertices: Float
    faces: NDArray[np.int32]
    colour: tuple[float, float, float]
    primitive: tuple[Primitive, tuple[float, float, float]] | None = None


class RobotShape:
    """Visual geometry of a contract's URDF, or that of collision where visuals cannot be read.

    Holds scratch memory: use one object a thread.

    Args:
        contract: with a URDF that has its joints, one degree of freedom each, and its base frame.

    Attributes:
        parts: one mesh a visual.

    Raises:
        UserError: no URDF, a joint or the base frame is not in it, or a mesh cannot be read.
    """

    def __init__(self, contract: Contract) -> None:
        self._model = urdf_model(contract)
        known = list(self._model.names)
        for name in contract.joint_names:
            if name not in known or self._model.joints[self._model.getJointId(name)].nq != 1:
                legal = f"a joint of the URDF with one degree of freedom: {known[1:]}"
                raise UserError("interface.joints", name, legal)
        base = contract.interface.base_frame
        self._base = link_frame(self._model, base, "interface.base_frame")
        self._geometry = _geometry(contract, self._model)
        self._data, self._placed = self._model.createData(), self._geometry.createData()
        self._moves, self._rest = followers(contract, self._model)
        self.parts = tuple(_mesh(each) for each in self._geometry.geometryObjects)

    def placed(self, joints: ArrayLike) -> list[tuple[Float, Float]]:
        """Rotation (3, 3) and position (3,) m of each part in the base frame.

        Args:
            joints: (J,) in contract order, rad or m.
        """
        q = self._moves @ np.asarray(joints, np.float64) + self._rest
        pin.framesForwardKinematics(self._model, self._data, q)
        pin.updateGeometryPlacements(self._model, self._data, self._geometry, self._placed)
        base = self._data.oMf[self._base]
        local = [base.actInv(place) for place in self._placed.oMg]
        return [(np.array(place.rotation), np.array(place.translation)) for place in local]

    def moved(self, joints: ArrayLike, since: ArrayLike, by_m: float = 0.01) -> list[bool]:
        """Whether each part stands elsewhere at ``joints`` than at ``since``; turning on the spot does not count."""
        before = [place for _, place in self.placed(since)]
        return [bool(np.linalg.norm(place - old) > by_m) for (_, place), old in zip(self.placed(joints), before)]


def _geometry(contract: Contract, model: pin.Model) -> pin.GeometryModel:
    """The visuals, or where one cannot be found or read, what collides."""
    try:
        return urdf_geometry(contract, model, pin.GeometryType.VISUAL)
    except UserError as error:
        try:
            return urdf_geometry(contract, model, pin.GeometryType.COLLISION)
        except UserError:
            raise error from None


def box_mesh(size_m: ArrayLike) -> tuple[Float, NDArray[np.int32]]:
    """Vertices (8, 3) and faces (12, 3) of a box around the origin."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.asarray(size_m) / 2
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([tri for a, b, c, d in quads for tri in ((a, b, c), (a, c, d))], np.int32)


def _mesh(found: Any) -> Mesh:
    shape = found.geometry
    for kind, make in _MAKERS.items():
        if isinstance(shape, kind):
            vertices, faces = make(shape)
            red, green, blue, _ = (float(value) for value in found.meshColor)
            scaled = vertices * np.array(found.meshScale)
            return Mesh(found.name, scaled, faces, (red, green, blue), _primitive(shape))
    raise UserError("deployment.urdf", f"{found.name}: {type(shape).__name__}", "a box, cylinder, sphere or mesh")


def _primitive(shape: Any) -> tuple[Primitive, tuple[float, float, float]] | None:
    if isinstance(shape, coal.Box):
        x, y, z = (2 * np.array(shape.halfSide)).tolist()
        return "cube", (x, y, z)
    if isinstance(shape, (coal.Cylinder, coal.Capsule)):  # rviz has no capsule
        return "cylinder", (2 * shape.radius, 2 * shape.radius, 2 * shape.halfLength)
    if isinstance(shape, coal.Sphere):
        return "sphere", (2 * shape.radius,) * 3
    return None


def _lathe(profile: list[tuple[float, float]]) -> tuple[Float, NDArray[np.int32]]:
    """A body of revolution about z: (radius, z) from bottom to top; ends with radius 0 close it."""
    angles = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
    rings = [np.stack([r * np.cos(angles), r * np.sin(angles), np.full(_ROUND, z)], 1) for r, z in profile]
    faces = []
    for ring in range(len(profile) - 1):
        for i in range(_ROUND):
            a, b = ring * _ROUND + i, ring * _ROUND + (i + 1) % _ROUND
            c, d = a + _ROUND, b + _ROUND
            faces += [(a, b, d)] if profile[ring + 1][0] == 0 else [(a, b, d), (a, d, c)]
    return np.concatenate(rings), np.array(faces, np.int32)


def _round_ends(radius: float, half: float) -> list[tuple[float, float]]:
    """Profile of a capsule; with ``half`` 0 of a sphere."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, 11)
    profile = [
        (radius * max(0.0, float(np.cos(a))), radius * float(np.sin(a)) + half * float(np.sign(a))) for a in angles
    ]
    profile[0], profile[-1] = (0.0, -radius - half), (0.0, radius + half)
    return profile


def _bvh(shape: Any) -> tuple[Float, NDArray[np.int32]]:
    vertices = np.array([shape.vertex(i) for i in range(shape.num_vertices)])
    triangles = [shape.tri_indices(i) for i in range(shape.num_tris)]
    return vertices, np.array([[tri[0], tri[1], tri[2]] for tri in triangles], np.int32)


_MAKERS: dict[Any, Callable[[Any], tuple[Float, NDArray[np.int32]]]] = {
    coal.Box: lambda shape: box_mesh(2 * np.array(shape.halfSide)),
    coal.Cylinder: lambda shape: _lathe(
        [
            (0.0, -shape.halfLength),
            (shape.radius, -shape.halfLength),
            (shape.radius, shape.halfLength),
            (0.0, shape.halfLength),
        ]
    ),
    coal.Sphere: lambda shape: _lathe(_round_ends(shape.radius, 0.0)),
    coal.Capsule: lambda shape: _lathe(_round_ends(shape.radius, shape.halfLength)),
    coal.BVHModelBase: _bvh,
}
