"""Listens to what gate and nodes of a running robot say of themselves."""

from __future__ import annotations

import time
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import String

from world_model_ros.check.diagnostics_log import DiagnosticsLog
from world_model_ros.contract.topics import DIAGNOSTICS, GATE_STATE
from world_model_ros.gate.statistics import GateStatistics
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.spin import make_executor

_DISCOVERY_S = 5.0  # at most: on a busy machine topics are found late


def hear_health(seconds: float) -> dict[str, Any]:
    """``topics`` with types and publishers' count, ``gate`` and ``diagnostics``; nothing else is subscribed.

    Args:
        seconds: how long to listen, after at most five for finding a gate and who says something of its health.
    """
    rclpy.init()
    try:
        node = Node("report")
        gate, health = GateStatistics(), DiagnosticsLog()
        node.create_subscription(String, GATE_STATE, lambda message: gate.add(message.data), LATCHED)
        node.create_subscription(DiagnosticArray, DIAGNOSTICS, health.add, 100)
        executor = make_executor()
        executor.add_node(node)
        found = time.monotonic() + _DISCOVERY_S
        while time.monotonic() < found and not all(map(node.count_publishers, (GATE_STATE, DIAGNOSTICS))):
            executor.spin_once(timeout_sec=0.1)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
        topics = {
            name: {"types": types, "publishers": node.count_publishers(name)}
            for name, types in node.get_topic_names_and_types()
        }
        node.destroy_node()
        return {"topics": topics, "gate": gate.report(), "diagnostics": health.report()}
    finally:
        rclpy.try_shutdown()
