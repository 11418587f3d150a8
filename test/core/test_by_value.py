"""What holds arrays is compared by their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import world_model_ros as wm
from world_model_ros.core.arrays import same


def pose_goal(x: float = 0.5) -> wm.Goal:
    pose = np.array([x, 0, 0, 0, 0, 0, 1], np.float32)
    return wm.Goal("pose", 1, "fingertip", pose, also=(wm.PoseGoal("object_0", pose + 1),))


def trajectory(at: float = 0.1) -> wm.Trajectory:
    return wm.Trajectory(("a", "b"), np.array([at]), np.full((1, 2), at), np.zeros((1, 2)), 5)


def limits(top: float = 1.0) -> wm.JointLimits:
    return wm.JointLimits(("a",), *(np.array([value]) for value in (-1.0, top, 1.0, 1.0, 1.0, 1.0)))


def observation(x: float = np.nan) -> wm.Observation:
    return wm.Observation(7, {"arm": np.array([x])}, {"arm": 6}, {"arm": True})


def memory(x: float = 0.0) -> wm.Memory:
    return wm.Memory(np.full(3, x, np.float32), np.zeros((2, 1), np.float32), past=((np.zeros(3), np.zeros(1)),))


@pytest.mark.parametrize("make", [pose_goal, trajectory, limits, observation, memory])
def test_equal_are_those_with_the_same_numbers(make: Callable[..., object]) -> None:
    assert make() == make()  # arrays of their own
    assert make() != make(2.5)
    assert make() != "something else"
    with pytest.raises(TypeError, match="unhashable"):
        hash(make())


def test_a_field_that_is_none_or_of_another_shape_differs() -> None:
    assert pose_goal() != replace(pose_goal(), pose=None)
    assert pose_goal() != replace(pose_goal(), also=())
    assert pose_goal() != wm.PoseGoal("fingertip", np.zeros(7, np.float32))
    assert not same(np.zeros(2), np.zeros((1, 2)))
    assert not same((np.zeros(2),), [np.zeros(2)])
    assert not same({"a": np.zeros(2)}, {"a": np.zeros(2), "b": 1})
    assert same({"a": [np.array(["x"])]}, {"a": [np.array(["x"])]})
