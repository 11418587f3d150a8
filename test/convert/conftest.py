"""Message makers of both kinds: the classes of rclpy's packages and those of rosbags."""

import pytest
from rosbags.typesys import Stores, get_typestore

from world_model_ros.convert.messages import MessageMaker, ros_class


@pytest.fixture(params=["rclpy", "rosbags"])
def make(request: pytest.FixtureRequest) -> MessageMaker:
    if request.param == "rclpy":
        return MessageMaker(ros_class)
    return MessageMaker(get_typestore(Stores.ROS2_JAZZY).types.__getitem__)
