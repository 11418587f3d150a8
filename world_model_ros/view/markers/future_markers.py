"""Makes markers of imagined futures in space, as plain data: paths, 90 % regions, candidates, goals, robot.

Every marker keeps its namespace and id from one message to the next, so a viewer replaces it in place, and has a
lifetime, so it goes away by itself when nothing new comes. Colours are those of `view.appearance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.core.arrays import Floats
from world_model_ros.view.appearance import CANDIDATE, FAR, GOAL, ramp

Kind = Literal["line_strip", "line_list", "sphere", "sphere_list", "cube", "cylinder", "text"]

LIFETIME_S = 1.0
_PATH_M, _PLAN_M, _CANDIDATE_M, _ROBOT_M = 0.006, 0.003, 0.0015, 0.012  # widths of lines
_GOAL_M, _GHOST_M = 0.02, 0.011  # radii

_PLAN = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Marker:
    """A marker: one thing to draw.

    Args:
        kind: ``line_strip`` and ``line_list`` (pairs of points), ``sphere`` (one point, ``scale`` are its diameters),
            ``cube``, ``cylinder`` along z, ``sphere_list``, ``text`` (one point, ``scale[2]`` is a letter's height).
        namespace: what it belongs to; together with ``id`` it names the marker for good.
        id: number within the namespace.
        points: (N, 3) m, base frame.
        scale: x, y, z in m; for lines the first is the width.
        colours: (1, 4) for all points or (N, 4), red green blue alpha in 0 to 1.
        lifetime_s: how long it stays if it is not drawn again.
        text: words of a ``text`` marker.
        orientation: quaternion x y z w of a ``cube`` or ``cylinder``.
    """

    kind: Kind
    namespace: str
    id: int
    points: Floats
    scale: tuple[float, float, float]
    colours: Floats
    lifetime_s: float = LIFETIME_S
    text: str = ""
    orientation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)


def path_marker(target: str, positions: ArrayLike) -> list[Marker]:
    """The imagined way of a target as a line from near to far.

    Args:
        target: its name in the contract.
        positions: (H, 3) m, base frame. Fewer than two points draw nothing.
    """
    points = _points(positions)
    if len(points) < 2:
        return []
    return [Marker("line_strip", f"{target}/path", 0, points, (_PATH_M, 0.0, 0.0), ramp(len(points)))]


def plan_marker(positions: ArrayLike) -> list[Marker]:
    """The way that the fingertip is commanded to go, as a thin white line; (T, 3) m, base frame."""
    points = _points(positions)
    if len(points) < 2:
        return []
    return [Marker("line_strip", "plan", 0, points, (_PLAN_M, 0.0, 0.0), _one(_PLAN, 0.8))]


def region_markers(target: str, positions: ArrayLike, semi_axes: ArrayLike, every: int = 3) -> list[Marker]:
    """The regions that hold a target with 90 % probability, as ellipsoids on its way.

    Args:
        target: its name in the contract.
        positions: (H, 3) m, centres in the base frame, one a step.
        semi_axes: (H, 3) or (H,) m, how far the 90 % region reaches from its centre along x, y, z of the base frame.
        every: a region is drawn at each step that is a multiple of this, counted from 1.
    """
    points = np.asarray(positions, dtype=np.float32).reshape(-1, 3)
    axes = np.asarray(semi_axes, dtype=np.float32)
    axes = np.broadcast_to(axes if axes.ndim == 2 else axes[:, None], points.shape)
    colours = ramp(len(points)).copy()
    colours[:, 3] *= 0.35
    return [
        Marker("sphere", f"{target}/region", step, points[i : i + 1], _diameters(axes[i]), colours[i : i + 1])
        for i in range(len(points))
        if (step := i + 1) % every == 0 and np.isfinite(points[i]).all() and np.isfinite(axes[i]).all()
    ]


def candidate_marker(candidates: ArrayLike) -> list[Marker]:
    """Futures that were thought through and lost, as thin grey lines.

    Args:
        candidates: (N, H, 3) m, base frame.
    """
    lines = np.asarray(candidates, dtype=np.float32)
    if lines.size == 0 or lines.shape[1] < 2:
        return []
    pairs = np.stack([lines[:, :-1], lines[:, 1:]], axis=2).reshape(-1, 3)
    pairs = pairs.reshape(-1, 2, 3)[np.isfinite(pairs).reshape(-1, 6).all(axis=1)].reshape(-1, 3)
    return [Marker("line_list", "candidates", 0, pairs, (_CANDIDATE_M, 0.0, 0.0), _one(CANDIDATE, 0.35))]


def goal_markers(target: str, position: ArrayLike) -> list[Marker]:
    """Where a target is to go: a green sphere with the name of the target above it.

    Args:
        target: its name in the contract.
        position: (3,) m, base frame.
    """
    centre = _points(position)
    if len(centre) != 1:
        return []
    above = centre + np.array([0, 0, 2.2 * _GOAL_M], dtype=np.float32)
    size = (2 * _GOAL_M,) * 3
    white = _one((1.0, 1.0, 1.0), 0.9)
    return [
        Marker("sphere", f"{target}/goal", 0, centre, size, _one(GOAL, 0.55)),
        Marker("text", f"{target}/goal", 1, above, (0.0, 0.0, 0.022), white, text=f"goal: {target}"),
    ]


def ghost_markers(target: str, positions: ArrayLike, steps: ArrayLike) -> list[Marker]:
    """Balls where a target will be at some steps, coloured by the ramp.

    Args:
        target: its name in the contract.
        positions: (H, 3) m, base frame, one a step.
        steps: which steps, counted from 1; those beyond H are left out.
    """
    points = np.asarray(positions, dtype=np.float32).reshape(-1, 3)
    colours = ramp(len(points))
    inside = [int(step) - 1 for step in np.asarray(steps).ravel() if 1 <= step <= len(points)]
    chosen = [i for i in inside if np.isfinite(points[i]).all()]
    if not chosen:
        return []
    size = (2 * _GHOST_M,) * 3
    return [Marker("sphere_list", f"{target}/ghost", 0, points[chosen], size, colours[chosen])]


def robot_marker(lines: ArrayLike) -> list[Marker]:
    """The robot as it will stand at the end of the horizon, as faint lines from link to link.

    Args:
        lines: (2 L, 3) m, base frame, pairs of ends.
    """
    points = np.asarray(lines, dtype=np.float32).reshape(-1, 3)
    if len(points) < 2 or not np.isfinite(points).all():
        return []
    colour = _one(FAR, 0.4)
    return [Marker("line_list", "robot/ghost", 0, points, (_ROBOT_M, 0.0, 0.0), colour)]


def _points(positions: ArrayLike) -> Floats:
    points = np.asarray(positions, dtype=np.float32).reshape(-1, 3)
    return points[np.isfinite(points).all(axis=1)]


def _diameters(semi_axes: Floats) -> tuple[float, float, float]:
    # A viewer drops a sphere whose diameter is 0.
    x, y, z = np.maximum(2 * semi_axes, 1e-4)
    return float(x), float(y), float(z)


def _one(colour: tuple[float, float, float], alpha: float) -> Floats:
    return np.array([[*colour, alpha]], dtype=np.float32)
