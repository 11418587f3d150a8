"""What stands in the 3D view at the moment, gathered from several sources; what is not renewed disappears."""

from __future__ import annotations

from numpy.typing import ArrayLike

from world_model_ros.view.markers import (
    LIFETIME_S,
    Marker,
    ghost_markers,
    goal_markers,
    path_marker,
    plan_marker,
    robot_marker,
)

_LIFETIME_NS = round(LIFETIME_S * 1e9)


class Scene:
    """Futures and goal of all targets of a robot.

    Args:
        steps: at which a ball is drawn on each path, counted from 1.
    """

    def __init__(self, steps: tuple[int, ...]) -> None:
        self._steps = steps
        self._parts: dict[str, tuple[int, list[Marker]]] = {}

    def path(self, target: str, positions: ArrayLike, now_ns: int) -> None:
        """The imagined way (H, 3) of a target, m, base frame."""
        markers = path_marker(target, positions) + ghost_markers(target, positions, self._steps)
        self._parts[f"{target}/path"] = (now_ns, markers)

    def plan(self, positions: ArrayLike, now_ns: int) -> None:
        """The way (T, 3) that the fingertip is commanded to go, m, base frame."""
        self._parts["plan"] = (now_ns, plan_marker(positions))

    def robot(self, lines: ArrayLike, now_ns: int) -> None:
        """How the robot will stand at the end: (2 L, 3) pairs of ends of lines, m, base frame."""
        self._parts["robot"] = (now_ns, robot_marker(lines))

    def goal(self, target: str | None, position: ArrayLike | None, now_ns: int) -> None:
        """Where a target shall go (3,), m, base frame; None takes the goal away."""
        markers = goal_markers(target, position) if target is not None and position is not None else []
        self._parts["goal"] = (now_ns, markers)

    def markers(self, now_ns: int) -> list[Marker]:
        """All that was renewed lately."""
        # list() in one step: callbacks may add a part meanwhile
        parts = list(self._parts.values())
        return [marker for stamp_ns, part in parts if now_ns - stamp_ns < _LIFETIME_NS for marker in part]
