"""Builds a soft box in MuJoCo: a core with four quarters around it, each on springs, so that its sides give way."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import sqrt
from typing import Any

import mujoco

CORE = 0.3  # of its size, a core that nothing reaches
_GIVES = 0.6  # of half its width, how far it gives way from each side
_OUTWARD_M = 5e-4
_ARMATURE_KG = 0.01  # of each quarter, for springs that are slow to a step of the physics
_CORNERS = ((1, 1), (-1, 1), (-1, -1), (1, -1))


def add_quarters(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    half_size: tuple[float, float, float],
    young_pa: float,
    looks: Mapping[str, Any],
) -> None:
    """Add the quarters to the body of a soft box; ``looks`` is of each: mass, colour, friction and contact.

    A side of area A over half a width l has the stiffness E A / l of foam, and the damping that lets it not swing.
    """
    quarters = []
    for number, corner in enumerate(_CORNERS):
        at = [0.5 * sign * half for sign, half in zip(corner, half_size)]
        quarter = body.add_body(name=f"{body.name}/{number}", pos=[*at, 0.0])
        for axis, sign in enumerate(corner):
            inward = [0.0, 0.0, 0.0]
            inward[axis] = -float(sign)
            stiffness = young_pa * 2.0 * half_size[2] * half_size[1 - axis] / half_size[axis]
            quarter.add_joint(
                type=mujoco.mjtJoint.mjJNT_SLIDE,
                axis=inward,
                limited=True,
                range=[-_OUTWARD_M, _GIVES * half_size[axis]],
                stiffness=[stiffness, 0.0, 0.0],
                damping=[2.0 * sqrt(stiffness * _ARMATURE_KG), 0.0, 0.0],
                armature=_ARMATURE_KG,
            )
        quarter.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[*(abs(each) for each in at), half_size[2]], **looks)
        quarters.append(quarter.name)
    for first, second in combinations(quarters, 2):
        spec.add_exclude(bodyname1=first, bodyname2=second)
