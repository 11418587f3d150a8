"""The time on a node's clock."""

from __future__ import annotations

from rclpy.node import Node


def clock_ns(node: Node) -> int:
    """Now, ns, on ``/clock`` where that is asked for."""
    return int(node.get_clock().now().nanoseconds)
