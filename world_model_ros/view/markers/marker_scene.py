"""Collects all markers for the 3D view (futures, plan, robot, contacts, goal); drops stale ones, keeps to a budget."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from world_model_ros.view.markers.future_markers import (
    LIFETIME_S,
    Marker,
    ghost_markers,
    goal_markers,
    path_marker,
    plan_marker,
    robot_marker,
)
from world_model_ros.view.markers.ghosts import badge_marker, contact_markers, robot_ghost_markers
from world_model_ros.view.markers.robot_shape import RobotShape
from world_model_ros.view.pictures.touch import touching_way

_GHOSTS = "robot/ghosts"
_LIFETIME_NS = round(LIFETIME_S * 1e9)


class Scene:
    """Futures and goal of all targets of a robot.

    Args:
        steps: at which balls, ghosts and contacts are drawn, counted from 1.
        tips: the targets that touch; contacts are drawn on the path of the one that is nearest to another target.
        budget: how many markers there may be; ghosts of the robot make room first.

    Attributes:
        dropped: markers that the last call of `markers` had no room for.
    """

    def __init__(self, steps: tuple[int, ...], tips: Sequence[str] = (), budget: int = 160) -> None:
        self._steps, self._tips, self._budget = steps, tuple(tips), budget
        self._paths: dict[str, ArrayLike] = {}
        self.dropped = 0
        self._parts: dict[str, tuple[int, list[Marker]]] = {}

    def path(self, target: str, positions: ArrayLike, now_ns: int) -> None:
        """The imagined way (H, 3) of a target, m, base frame."""
        self._paths[target] = positions
        markers = path_marker(target, positions) + ghost_markers(target, positions, self._steps)
        self._parts[f"{target}/path"] = (now_ns, markers)

    def plan(self, positions: ArrayLike, now_ns: int) -> None:
        """The way (T, 3) that the fingertip is commanded to go, m, base frame."""
        self._parts["plan"] = (now_ns, plan_marker(positions))

    def robot(self, lines: ArrayLike, now_ns: int) -> None:
        """How the robot will stand at the end: (2 L, 3) pairs of ends of lines, m, base frame."""
        self._parts["robot"] = (now_ns, robot_marker(lines))

    def ghosts(self, shape: RobotShape, joints: ArrayLike, now_ns: int) -> None:
        """How the robot will stand: imagined joints (H, J) in contract order."""
        self._parts[_GHOSTS] = (now_ns, robot_ghost_markers(shape, joints, self._steps))

    def contact(self, forces: ArrayLike, now_ns: int) -> None:
        """How hard fingertips are expected to touch: (H,) N, on the newest path of the one that does."""
        tips = [self._paths[name] for name in self._tips if name in self._paths]
        way = touching_way(tips, [path for name, path in self._paths.items() if name not in self._tips])
        self._parts["contact"] = (now_ns, [] if way is None else contact_markers(way, forces, self._steps))

    def badge(self, words: str, place: ArrayLike, now_ns: int) -> None:
        """A line about what the robot is doing, at a place (3,) m, base frame."""
        self._parts["badge"] = (now_ns, badge_marker(words, place))

    def goal(self, target: str | None, position: ArrayLike | None, now_ns: int) -> None:
        """Where a target is to go (3,), m, base frame; None takes the goal away."""
        markers = goal_markers(target, position) if target is not None and position is not None else []
        self._parts["goal"] = (now_ns, markers)

    def markers(self, now_ns: int) -> list[Marker]:
        """All that was renewed lately, as far as there is room."""
        # a copy in one step: callbacks may add a part meanwhile
        parts = sorted(self._parts.copy().items(), key=lambda each: each[0] == _GHOSTS)
        found = [marker for _, (at_ns, part) in parts if now_ns - at_ns < _LIFETIME_NS for marker in part]
        self.dropped = max(0, len(found) - self._budget)
        return found[: self._budget]
