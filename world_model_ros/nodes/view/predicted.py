"""Reads messages of the brain and the gate (paths, regions, states, records) back into arrays and Python objects."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.encodings.image_rows import image_rows
from world_model_ros.core.errors import UserError


def gate(message: Any) -> str | None:
    """State of the gate, from `gate/state`; None if the message does not say."""
    found = json_object(message.data).get("state")
    return found if isinstance(found, str) else None


def rows(where: str, message: Any) -> NDArray[np.float32]:
    """A 32FC1 image as (rows, columns)."""
    if message.encoding != "32FC1":
        raise UserError(f"{where}: encoding", message.encoding, "32FC1")
    return (image_rows(message, np.float32, 1, where)[..., 0] + 0).astype(np.float32)


def joints(message: Any, names: tuple[str, ...]) -> NDArray[np.float32]:
    """Positions (H, J) of a trajectory, in the order of ``names``; `UserError` if one is missing, or none fit."""
    given = list(message.joint_names)
    missing = sorted(set(names) - set(given))
    if missing or any(len(point.positions) != len(given) for point in message.points):
        raise UserError("joint_names", given, f"a position in each point for all of {list(names)}")
    order = [given.index(name) for name in names]
    return np.array([point.positions for point in message.points], np.float32).reshape(-1, len(given))[:, order]


def positions(message: Any) -> NDArray[np.float32]:
    """Positions (H, 3) m of a path."""
    places = [pose.pose.position for pose in message.poses]
    return np.array([(place.x, place.y, place.z) for place in places], np.float32).reshape(-1, 3)


def regions(message: Any) -> dict[int, tuple[float, float, float]]:
    """Semi-axes by step; a region's id is its step."""
    return {each.id: (each.scale.x / 2, each.scale.y / 2, each.scale.z / 2) for each in message.markers}


def segments(message: Any) -> NDArray[np.float32]:
    """Pairs of points (n, 2, 3) m of all line lists."""
    points = [point for marker in message.markers for point in marker.points]
    return np.array([(point.x, point.y, point.z) for point in points], np.float32).reshape(-1, 2, 3)


def json_object(value: Any) -> dict[str, Any]:
    """A JSON object, from text or as part of another one; nothing counts as an empty one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise UserError("data", str(error), "a JSON object") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError("data", value, "a JSON object")
    return value


def goal_place(record: dict[str, Any]) -> list[float] | None:
    """Where a tick's record has its goal: x, y, z, m; None of one without a place. `UserError` if that is no place."""
    goal = json_object(record.get("goal"))
    place = goal.get("aim") or goal.get("pose")
    if place is None:
        return None
    if not is_place(place):
        raise UserError("goal.aim or goal.pose", place, "numbers that start with x, y, z, m")
    return [float(each) for each in place[:3]]


def is_place(value: Any) -> bool:
    """Whether it is a list that begins with three numbers."""
    return isinstance(value, list) and len(value) >= 3 and all(isinstance(each, (int, float)) for each in value[:3])
