"""Tests whether a robot description (URDF) is published already."""

from __future__ import annotations

import time

import rclpy
from rclpy.context import Context
from rclpy.node import Node

from world_model_ros.contract.topics import ROBOT_DESCRIPTION


def is_described(patience_s: float = 2.0) -> bool:
    """Look for a publisher of ``robot_description``; False if none is found in time."""
    context = Context()
    rclpy.init(context=context)
    node = Node("description_watch", context=context)
    try:
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if node.count_publishers(ROBOT_DESCRIPTION):
                return True
            time.sleep(0.05)
        return False
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
