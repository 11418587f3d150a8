"""Converts goals to the JSON of tick records and back; numbers stay exact, but not finite ones become null."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal, image_digest

Images = Callable[[str | None, int], NDArray[np.uint8]]


def goal_json(goal: Goal) -> dict[str, Any]:
    """A goal; a picture by its `image_digest`."""
    also = [
        {"target": each.target, "pose": numbers(each.pose)}
        if isinstance(each, PoseGoal)
        else {"target": each.target, "value": each.value}
        for each in goal.also
    ]
    return (
        {
            "kind": goal.kind,
            "stamp_ns": goal.stamp_ns,
            "target": goal.target,
            "pose": numbers(goal.pose),
            "joints": numbers(goal.joints),
        }
        | ({"also": also} if also else {} if goal.image is None else {"image": image_digest(goal.image)})
        | ({} if goal.value is None else {"value": goal.value})
    )


def goal_from_json(told: dict[str, Any], images: Images) -> Goal:
    """What `goal_json` made JSON of.

    Args:
        images: finds a picture by its digest, None in older records, and the stamp of its goal.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, OverflowError: it is something else.
    """
    stamp_ns = int(told["stamp_ns"])
    image = images(told.get("image"), stamp_ns) if told["kind"] == "image" else None
    pose = None if told["pose"] is None else np.array(told["pose"], np.float32)
    joints = None if told["joints"] is None else np.array(told["joints"], np.float32)
    also = tuple(_wish(each) for each in told.get("also", ()))
    value = None if told.get("value") is None else float(told["value"])
    return Goal(told["kind"], stamp_ns, told["target"], pose, image, joints, also, value)


def _wish(told: dict[str, Any]) -> PoseGoal | ValueGoal:
    if "value" in told:
        return ValueGoal(told["target"], float(told["value"]))
    return PoseGoal(told["target"], np.array(told["pose"], np.float32))


def numbers(values: ArrayLike | None) -> list[float | None] | None:
    """A row of numbers; what is not finite is None."""
    return None if values is None else [number(value) for value in np.asarray(values, np.float64).tolist()]


def number(value: float | None) -> float | None:
    """A number; None if it is not finite."""
    return value if value is not None and math.isfinite(value) else None
