"""Object shapes kept out of gathered data (bottle, mug, spanner, stapler, banana), for tests with unseen objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, prod, sin
from typing import Any, Literal, get_args

import mujoco
import numpy as np

Triple = tuple[float, float, float]
Unfamiliar = Literal["bottle", "mug", "spanner", "stapler", "banana"]
UNFAMILIAR: tuple[Unfamiliar, ...] = get_args(Unfamiliar)


@dataclass(frozen=True)
class Piece:
    """A box, an upright cylinder, or a capsule that lies along x.

    Args:
        middle: m. half: half its size, m; of a capsule without its caps.
        yaw: that it is turned by, rad.
    """

    middle: Triple
    half: Triple
    shape: Literal["box", "cylinder", "capsule"] = "box"
    yaw: float = 0.0


@dataclass(frozen=True)
class Form:
    """What a shape is made of, about the place where fingers that close along y hold it, and half its size, m."""

    half: Triple
    pieces: tuple[Piece, ...]


def _bow(radius: float, thick: float, reach: float) -> tuple[Piece, ...]:
    """Capsules along a bow in the plane, its middle at 0."""
    angles, half = np.linspace(-reach, reach, 5), radius * np.sin(reach / 5)
    return tuple(
        Piece((radius * sin(a), radius * (cos(a) - 1.0), 0.0), (half, thick, thick), "capsule", -a)
        for a in angles.tolist()
    )


FORMS: dict[Unfamiliar, Form] = {
    "bottle": Form(
        (0.024, 0.024, 0.055),
        (
            Piece((0.0, 0.0, -0.017), (0.024, 0.024, 0.038), "cylinder"),
            Piece((0.0, 0.0, 0.038), (0.011, 0.011, 0.017), "cylinder"),
        ),
    ),
    "mug": Form(
        (0.05, 0.027, 0.032),
        (
            Piece((0.0, 0.0, 0.0), (0.027, 0.027, 0.032), "cylinder"),
            Piece((0.034, 0.0, 0.016), (0.012, 0.005, 0.004)),
            Piece((0.046, 0.0, 0.0), (0.004, 0.005, 0.02)),
            Piece((0.034, 0.0, -0.016), (0.012, 0.005, 0.004)),
        ),
    ),
    "spanner": Form(
        (0.076, 0.018, 0.011),
        (
            Piece((0.0, 0.0, 0.0), (0.05, 0.008, 0.011)),
            Piece((0.056, 0.0, 0.0), (0.008, 0.018, 0.011)),
            Piece((0.07, 0.012, 0.0), (0.006, 0.006, 0.011)),
            Piece((0.07, -0.012, 0.0), (0.006, 0.006, 0.011)),
            Piece((-0.062, 0.0, 0.0), (0.014, 0.014, 0.011), "cylinder"),
        ),
    ),
    "stapler": Form(
        (0.055, 0.016, 0.021),
        (
            Piece((0.0, 0.0, -0.015), (0.055, 0.016, 0.006)),
            Piece((0.0, 0.0, 0.008), (0.05, 0.013, 0.013)),
            Piece((-0.045, 0.0, -0.007), (0.01, 0.013, 0.004)),
        ),
    ),
    "banana": Form((0.068, 0.034, 0.015), _bow(0.07, 0.015, 0.7)),
}
_KINDS = {
    "box": (mujoco.mjtGeom.mjGEOM_BOX, lambda half: list(half)),
    "cylinder": (mujoco.mjtGeom.mjGEOM_CYLINDER, lambda half: [half[0], half[2], 0.0]),
    "capsule": (mujoco.mjtGeom.mjGEOM_CAPSULE, lambda half: [half[1], half[0], 0.0]),
}


def add_pieces(body: mujoco.MjsBody, shape: Unfamiliar, half_size: Triple, looks: Mapping[str, Any]) -> None:
    """Add the geoms of a shape to a body of its name; ``looks`` is of each, but for the mass, which is of all."""
    form = FORMS[shape]
    scale = half_size[2] / form.half[2]
    whole = sum(prod(piece.half) for piece in form.pieces)
    for number, piece in enumerate(form.pieces):
        kind, size = _KINDS[piece.shape]
        about_z = np.array([cos(piece.yaw / 2), 0.0, 0.0, sin(piece.yaw / 2)])
        turned = np.zeros(4)
        along_x = [np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0] if piece.shape == "capsule" else [1.0, 0.0, 0.0, 0.0]
        mujoco.mju_mulQuat(turned, about_z, np.array(along_x))
        own = {"mass": looks["mass"] * prod(piece.half) / whole}
        body.add_geom(
            **(dict(looks) | own),
            name=body.name if number == 0 else f"{body.name}/{number}",
            type=kind,
            size=size([scale * each for each in piece.half]),
            pos=[scale * each for each in piece.middle],
            quat=turned,
        )
