"""Convex hull of a collision mesh, which stands for the mesh where distances are measured."""

from __future__ import annotations

import coal
import numpy as np

from world_model_ros.core.errors import UserError

_FLAT_M = 1e-5
# How to make a hull, and by how much to let it grow, m. Coal takes no corner with over 255 edges. Triangulating (Qt)
# makes one of a flat end with many corners; moving the corners by some 1e-11 m (QJ) does not. The tip of a cone with
# very many sides is one anyway, and becomes eight corners.
_WAYS = (("Qt", 0.0), ("QJ", 0.0), ("QJ", 1e-5))
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])


def convex_hull(mesh: coal.BVHModelBase, name: str) -> coal.ConvexBase:
    """The convex hull of a mesh of the part ``name``.

    `buildConvexRepresentation` would only take the mesh for convex, and find dents farther away than its hull.

    Raises:
        UserError: the mesh is flat, or Coal makes no hull of it.
    """
    vertices = np.array([mesh.vertex(i) for i in range(mesh.num_vertices)]).reshape(-1, 3)
    thickness_m = np.linalg.svd(vertices - vertices.mean(axis=0), full_matrices=False)[1][-1] if len(vertices) else 0.0
    if thickness_m < _FLAT_M:  # Qhull would not survive it
        raise UserError("deployment.urdf", name, "collision meshes that are not flat")
    reason = ""
    for way, grown_m in _WAYS:
        points = coal.StdVec_Vec3s()
        points.extend(vertices if grown_m == 0 else (vertices[:, None] + grown_m * _CORNERS).reshape(-1, 3))
        try:
            return coal.ConvexBase.convexHull(points, True, way)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1].removeprefix("message: ")
    legal = "a collision mesh with a convex hull that has at most 255 edges at a corner: simplify it"
    raise UserError(f"deployment.urdf: collision mesh of {name}", reason, legal)
