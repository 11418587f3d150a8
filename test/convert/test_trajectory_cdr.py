"""The bytes of a trajectory are those that a message library writes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from world_model_ros.convert.encodings.trajectory_cdr import trajectory_cdr
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.trajectory import Trajectory

TYPES = get_typestore(Stores.ROS2_JAZZY)
MAKE = MessageMaker(TYPES.types.__getitem__)


def trajectory(names: list[str], points: int) -> Trajectory:
    random = np.random.default_rng(len(names))
    rows = [random.normal(size=(points, len(names))) for _ in range(3)]
    times_s = np.cumsum(random.uniform(0.01, 0.9, points))
    return Trajectory(tuple(names), times_s, rows[0], rows[1], 1_700_000_000_123_456_789, rows[2])


@pytest.mark.parametrize("points", [1, 2, 7, 40])
@pytest.mark.parametrize(
    "names", [["a"], ["abc", "elbow_joint"], ["abcd", "left", "x"], [f"joint_{i}" for i in range(29)]]
)
def test_the_bytes_are_those_that_a_library_writes(names: list[str], points: int) -> None:
    made = trajectory(names, points)
    wanted = TYPES.serialize_cdr(MAKE.trajectory(made), "trajectory_msgs/msg/JointTrajectory")
    assert trajectory_cdr(made) == bytes(wanted)
    plain = replace(made, accelerations=None)
    wanted = TYPES.serialize_cdr(MAKE.trajectory(plain), "trajectory_msgs/msg/JointTrajectory")
    assert trajectory_cdr(plain) == bytes(wanted)


def test_columns_of_a_larger_array_are_sent_as_they_are() -> None:
    made = trajectory(["a", "b", "c"], 5)
    turned = replace(made, positions=np.asfortranarray(made.positions))
    assert trajectory_cdr(turned) == trajectory_cdr(made)
