"""Markers of the robot as it is expected to stand at chosen steps, of expected contacts, and of a line of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike

from world_model_ros.view.appearance import CONTACT, contact_radius, ghost_alpha, ramp
from world_model_ros.view.markers.future_markers import Marker
from world_model_ros.view.markers.robot_shape import RobotShape

_LETTER_M = 0.018
_WORDS_ID = 1000  # texts have the ids of their balls, and this much more


def robot_ghost_markers(shape: RobotShape, joints: ArrayLike, steps: Sequence[int]) -> list[Marker]:
    """The parts of the robot that will have moved since the first step, fainter the farther ahead.

    Args:
        shape: of boxes, cylinders and spheres; meshes are left out, they are too large to be sent again and again.
        joints: (H, J) imagined, in contract order.
        steps: which, counted from 1; those beyond H are left out.
    """
    ahead = np.asarray(joints, np.float64)
    if not np.isfinite(ahead).all():
        return []
    colours, found = ramp(len(ahead)), []
    for step in (step for step in steps if 1 < step <= len(ahead)):
        colour = colours[step - 1 : step].copy()
        colour[:, 3] = ghost_alpha(step, len(ahead))
        moved = shape.moved(ahead[step - 1], ahead[0])
        for i, (part, (turn, place)) in enumerate(zip(shape.parts, shape.placed(ahead[step - 1]))):
            if part.primitive is None or not moved[i]:
                continue
            kind, scale = part.primitive
            x, y, z, w = pin.Quaternion(turn).coeffs().tolist()
            point = place[None].astype(np.float32)
            found.append(Marker(kind, f"robot/ghost/{step}", i, point, scale, colour, orientation=(x, y, z, w)))
    return found


def contact_markers(positions: ArrayLike, forces: ArrayLike, steps: Sequence[int]) -> list[Marker]:
    """Where something is expected to be touched: balls that grow with the force, and the force in words.

    Args:
        positions: (H, 3) m, of the fingertip. forces: (H,) N.
        steps: which, counted from 1.
    """
    places, newtons = np.asarray(positions, np.float32).reshape(-1, 3), np.asarray(forces, np.float64).ravel()
    found = []
    for step in (step for step in steps if 1 <= step <= min(len(places), len(newtons))):
        place, radius = places[step - 1 : step], contact_radius(float(newtons[step - 1]))
        if not radius or not np.isfinite(place).all():
            continue
        ball = np.array([[*CONTACT, 0.6]], np.float32)
        found.append(Marker("sphere", "contact", step, place, (2 * radius,) * 3, ball))
        words = place + np.array([0, 0, radius + _LETTER_M], np.float32)
        white = np.array([[1.0, 0.75, 0.7, 0.9]], np.float32)
        text = f"{newtons[step - 1]:.0f} N"
        found.append(Marker("text", "contact", _WORDS_ID + step, words, (0.0, 0.0, _LETTER_M), white, text=text))
    return found


def badge_marker(words: str, place: ArrayLike) -> list[Marker]:
    """What the robot is doing, as one line of text at a place (3,) m."""
    point = np.asarray(place, np.float32).reshape(1, 3)
    white = np.array([[0.94, 0.95, 0.97, 0.95]], np.float32)
    return [Marker("text", "badge", 0, point, (0.0, 0.0, 0.028), white, text=words)]
