"""Declares parameters of nodes, warns of unknown ones, refuses wrong types and changes that would have no effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from world_model_ros.core.errors import UserError

_OF_ROS = frozenset({"use_sim_time"})  # rclpy follows these
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def declare(node: Node, name: str, default: Any, about: ParameterDescriptor | None = None) -> Any:
    """Declare a parameter; its value, of the type of ``default``. A number may be given as 2 or as 2.0.

    Raises:
        UserError: what was given is of another type.
    """
    # Whatever type it has, it is read first: a strict declaration ends in an error that names types of ROS.
    given = node.declare_parameter(name, default, ParameterDescriptor(dynamic_typing=True)).value
    node.undeclare_parameter(name)
    if type(given) is int and isinstance(default, float):
        given = float(given)
    if type(given) is not type(default):
        raise UserError(name, given, _WORDS[type(default)])
    node.declare_parameter(name, given, about or ParameterDescriptor(), ignore_override=True)
    return given


def name_unknown(node: Node) -> None:
    """Warn of each parameter that was given and that the node, with all its parameters declared, does not have."""
    given = set(getattr(node, "_parameter_overrides", ()))
    known = sorted(name for name in node.get_parameters_by_prefix("") if name not in _OF_ROS)
    for name in sorted(given):
        if not node.has_parameter(name) and not name.startswith("qos_overrides."):
            node.get_logger().warning(f"parameter {name}: unknown, so nothing comes of it; known: {known}")


def take_whole_numbers(node: Node) -> None:
    """Let `ros2 param set` give a number as 1 where it is declared as 1.0."""

    def floats(parameters: list[Parameter]) -> list[Parameter]:
        return [_as_declared(node, each) for each in parameters]

    node.add_pre_set_parameters_callback(floats)


def _as_declared(node: Node, given: Parameter) -> Parameter:
    whole = given.type_ == Parameter.Type.INTEGER and node.has_parameter(given.name)
    if whole and node.get_parameter(given.name).type_ == Parameter.Type.DOUBLE:
        return Parameter(given.name, Parameter.Type.DOUBLE, float(given.value))
    return given


def refuse_changes(node: Node, refuses: Callable[[], bool] = lambda: True, how: str = "") -> None:
    """Let `ros2 param set` fail for what would change nothing; what was given at the start for nothing is named.

    Names in the attribute ``changeable`` of the node, if it has one, are left to the node.

    Args:
        node: with all its parameters declared.
        refuses: whether they are in use now.
        how: a change is made instead; by default by starting the node anew.
    """
    name_unknown(node)
    take_whole_numbers(node)
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
