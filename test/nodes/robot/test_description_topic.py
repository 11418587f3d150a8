"""Launch files look for a robot description before they start somebody who publishes one."""

from __future__ import annotations

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from std_msgs.msg import String

from world_model_ros.bringup.domain import free_domain
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.robot.description_topic import is_described


def test_a_description_is_seen_while_somebody_publishes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain()))
    assert not is_described(0.5)
    context = Context()
    rclpy.init(context=context)
    node = Node("driver", context=context)
    node.create_publisher(String, "robot_description", LATCHED)
    try:
        assert is_described(30.0)
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
