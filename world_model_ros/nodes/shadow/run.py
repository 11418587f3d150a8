"""Runs the brain in shadow mode (it only watches) for some seconds in this process, and returns its report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import rclpy
from rclpy.parameter import Parameter

from world_model_ros.core.errors import UserError
from world_model_ros.nodes.brain.world_model_node import WorldModelNode
from world_model_ros.nodes.spin import make_executor


def watch(parameters: Mapping[str, Any], seconds: float, use_sim_time: bool = False) -> dict[str, Any]:
    """Let a brain watch for so many seconds; returns its report, with what it was ``waiting`` for.

    Raises:
        UserError: its parameters are wrong; the node's log says how.
    """
    given = {**parameters, "policy": "watch", "use_sim_time": use_sim_time}
    rclpy.init()
    try:
        node = WorldModelNode(parameter_overrides=[Parameter(name, value=value) for name, value in given.items()])
        executor = make_executor()
        executor.add_node(node)
        try:
            if not node.autostart():
                raise UserError("shadow", dict(parameters), "what the line above asks for")
            begin = time.monotonic()
            while time.monotonic() < begin + seconds:
                executor.spin_once(timeout_sec=0.1)
            report = node.shadow_report()
            assert report is not None
            return report | {"waiting": node.waiting()}
        finally:
            node.close()
    finally:
        rclpy.try_shutdown()
