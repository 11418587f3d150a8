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


def hear_health(seconds: float) -> dict[str, Any]:
    """``topics`` with types and publishers' count, ``gate`` and ``diagnostics``; nothing else is subscribed."""
    rclpy.init()
    try:
        node = Node("report")
        gate, health = GateStatistics(), DiagnosticsLog()
        node.create_subscription(String, GATE_STATE, lambda message: gate.add(message.data), LATCHED)
        node.create_subscription(DiagnosticArray, DIAGNOSTICS, health.add, 100)
        executor = make_executor()
        executor.add_node(node)
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
