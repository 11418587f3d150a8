"""Parameters of nodes: of which type they may be, and what is said of those that nothing comes of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.context import Context
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from world_model_ros.core.errors import UserError
from world_model_ros.nodes.parameters import declare, name_unknown, refuse_changes

SPAN = ParameterDescriptor(floating_point_range=[FloatingPointRange(from_value=0.05, to_value=1.0)])


@pytest.fixture
def node_with() -> Iterator[Callable[..., Node]]:
    """Makes a node that was given parameters, as words after ``--ros-args -p``."""
    context = Context()
    rclpy.init(context=context)
    made: list[Node] = []

    def make(*given: str) -> Node:
        words = [word for each in given for word in ("-p", each)]
        made.append(Node("some", context=context, cli_args=["--ros-args", *words] if words else None))
        return made[-1]

    yield make
    for node in made:
        node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.mark.parametrize("given", ["speed:=1", "speed:=1.0"])
def test_a_number_may_be_given_without_a_point(given: str, node_with: Callable[..., Node]) -> None:
    node = node_with(given)
    value = declare(node, "speed", 0.5, SPAN)
    assert (value, type(value)) == (1.0, float)
    assert node.get_parameter("speed").type_ == Parameter.Type.DOUBLE


def test_what_is_not_given_is_the_default(node_with: Callable[..., Node]) -> None:
    node = node_with()
    declared = [declare(node, name, default) for name, default in (("a", 0.5), ("b", 2), ("c", "x"), ("d", False))]
    assert declared == [0.5, 2, "x", False]


@pytest.mark.parametrize(
    ("given", "default", "legal"),
    [
        ("x:=fast", 1.0, "a number"),
        ("x:=true", 1.0, "a number"),
        ("x:=true", 1, "a whole number"),
        ("x:=1.5", 1, "a whole number"),
        ("x:=5", "", "text"),
        ("x:=1", False, "true or false"),
        ("x:=[1, 2]", 1.0, "a number"),
    ],
)
def test_another_type_is_named_with_what_is_legal(
    given: str, default: Any, legal: str, node_with: Callable[..., Node]
) -> None:
    with pytest.raises(UserError, match=f"^x: got .*; expected {legal}$"):
        declare(node_with(given), "x", default)


def test_a_range_holds_for_whole_numbers_too(node_with: Callable[..., Node]) -> None:
    with pytest.raises(InvalidParameterValueException):
        declare(node_with("speed:=5"), "speed", 1.0, SPAN)


def test_a_running_node_takes_whole_numbers_too(node_with: Callable[..., Node]) -> None:
    node = node_with()
    node.changeable = ("speed",)  # type: ignore[attr-defined]
    declare(node, "speed", 0.5, SPAN)
    refuse_changes(node)
    whole = Parameter("speed", Parameter.Type.INTEGER, 1)
    assert [each.successful for each in node.set_parameters([whole])] == [True]
    assert node.get_parameter("speed").value == 1.0
    beyond = Parameter("speed", Parameter.Type.INTEGER, 5)
    assert [each.successful for each in node.set_parameters([beyond])] == [False]


def test_a_mistyped_parameter_is_named(node_with: Callable[..., Node], capfd: pytest.CaptureFixture[str]) -> None:
    node = node_with("speedscale:=0.05", "use_sim_time:=false", "speed_scale:=1")
    declare(node, "speed_scale", 1.0, SPAN)
    name_unknown(node)
    said = [line for line in capfd.readouterr().err.splitlines() if "WARN" in line]
    assert len(said) == 1
    assert "speedscale" in said[0]
    assert "'speed_scale'" in said[0]
