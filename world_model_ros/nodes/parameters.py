"""Parameters that are read once cannot be changed afterwards, and whoever tries is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node

_OF_ROS = frozenset({"use_sim_time"})  # rclpy follows these


def refuse_changes(node: Node, refuses: Callable[[], bool] = lambda: True, how: str = "") -> None:
    """Let `ros2 param set` fail for what would change nothing.

    Names in the attribute ``changeable`` of the node, if it has one, are left to the node.

    Args:
        node: with all its parameters declared.
        refuses: whether they are in use now.
        how: a change is made instead; by default by starting the node anew.
    """
    free = _OF_ROS | frozenset(getattr(node, "changeable", ()))

    def judge(parameters: list[Any]) -> SetParametersResult:
        for parameter in parameters:
            name = parameter.name
            if name in free or not node.has_parameter(name) or not refuses():
                continue
            if parameter.value != node.get_parameter(name).value:
                instead = how or f"start {node.get_name()} anew with -p {name}:={parameter.value}"
                return SetParametersResult(successful=False, reason=f"{name} is read once; to change it, {instead}")
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(judge)
