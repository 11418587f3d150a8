"""Chooses the pairs of robot parts and obstacles that are checked for collisions, and says why others are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pinocchio as pin

from world_model_ros.core.arrays import Float

SAME = "no joint of the contract moves one against the other"
NEIGHBOURS = "neighbours: one joint is between them"
TOUCH = "they touch when every joint is at 0, or at its limit nearest to it"
_OBSTACLE = "obstacle "


@dataclass(frozen=True)
class LeftOut:
    """A pair that is not watched.

    Args:
        first, second: names of the two geometries. why: in words.
    """

    first: str
    second: str
    why: str


def obstacle_geometry(name: str) -> str:
    """What the geometry of an obstacle of the contract is called."""
    return f"{_OBSTACLE}{name}"


def choose_pairs(
    model: pin.Model, geometry: pin.GeometryModel, reference: Float, excluded: Mapping[frozenset[str], str]
) -> tuple[LeftOut, ...]:
    """Give the geometry the pairs that are watched, and only these.

    Args:
        model: only with the joints that move. geometry: obstacles last.
        reference: configuration (Q,) at which parts that touch are taken to touch always.
        excluded: reasons by pairs of names, of links or obstacles.

    Returns:
        The pairs that are left out; none between what never moves.
    """
    objects = list(geometry.geometryObjects)
    left_out, possible = [], []
    for i, j in combinations(range(len(objects)), 2):
        why = _why_not(model, objects[i], objects[j]) or excluded.get(
            frozenset((part_name(model, objects[i]), part_name(model, objects[j])))
        )
        if why is None:
            possible.append((i, j))
        elif objects[i].parentJoint or objects[j].parentJoint:
            left_out.append(LeftOut(objects[i].name, objects[j].name, why))
    apart = _apart(model, geometry, reference, possible)
    geometry.removeAllCollisionPairs()
    for (i, j), free in zip(possible, apart):
        # An arm that happens to stand in an obstacle is not always in it; its foot, which an obstacle may hold, is.
        mounted = model.parents[objects[i].parentJoint] == 0
        if free or (_is_obstacle(objects[j]) and not mounted):
            geometry.addCollisionPair(pin.CollisionPair(i, j))
        else:
            left_out.append(LeftOut(objects[i].name, objects[j].name, TOUCH))
    return tuple(left_out)


def part_name(model: pin.Model, part: pin.GeometryObject) -> str:
    """The link or the obstacle that a geometry is of, as a contract names it."""
    if _is_obstacle(part):
        return str(part.name).removeprefix(_OBSTACLE)
    return str(model.frames[part.parentFrame].name)


def _why_not(model: pin.Model, first: pin.GeometryObject, second: pin.GeometryObject) -> str | None:
    a, b = first.parentJoint, second.parentJoint
    if a == b:
        return SAME
    neighbours = model.parents[b] == a or model.parents[a] == b
    return NEIGHBOURS if neighbours and not _is_obstacle(second) else None


def _apart(
    model: pin.Model, geometry: pin.GeometryModel, reference: Float, pairs: list[tuple[int, int]]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each pair is apart at ``reference``; the geometry's pairs are then these."""
    geometry.removeAllCollisionPairs()
    for i, j in pairs:
        geometry.addCollisionPair(pin.CollisionPair(i, j))
    scratch = geometry.createData()
    pin.updateGeometryPlacements(model, model.createData(), geometry, scratch, reference)
    found = [pin.computeDistance(geometry, scratch, index).min_distance > 0 for index in range(len(pairs))]
    return np.array(found, np.bool_)


def is_obstacle(name: str) -> bool:
    """Whether the geometry of that name is an obstacle's."""
    return name.startswith(_OBSTACLE)


def contract_name(geometry: str) -> str:
    """The link or the obstacle that the geometry of a name is of, as a contract names it."""
    return geometry.removeprefix(_OBSTACLE) if is_obstacle(geometry) else geometry.rpartition("_")[0]


def _is_obstacle(part: pin.GeometryObject) -> bool:
    return is_obstacle(str(part.name))
