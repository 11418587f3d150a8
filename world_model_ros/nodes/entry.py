"""Entry points of the ROS nodes; each handles signals before it imports what takes seconds."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys

from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.missing import to_install
from world_model_ros.nodes import signals


def world_model_node() -> None:
    """The brain."""
    _run("brain", "world_model_node")


def command_gate_node() -> None:
    """The command gate."""
    _run("gate", "command_gate_node")


def clouds_node() -> None:
    """What depth sensors see, for the gate."""
    _run("gate", "clouds_node")


def trajectory_player_node() -> None:
    """The player of whole trajectories, as MoveIt's."""
    _run("gate", "trajectory_player_node")


def teleop_node() -> None:
    """The driving of a robot by a person."""
    _run("gate", "teleop_node")


def future_view_node() -> None:
    """The view of imagined futures."""
    _run("view", "future_view_node")


def sim_robot_node() -> None:
    """The simulated robot."""
    _run("robot", "sim_robot_node")


def arms_node() -> None:
    """The arms of a humanoid, between the gate and its motors."""
    _run("robot", "arms_node")


def recorder_node() -> None:
    """The recorder of bags."""
    _run("bags", "recorder_node")


def bag_player_node() -> None:
    """The player of bags."""
    _run("bags", "bag_player_node")


def demo_node() -> None:
    """The judge of the demo."""
    _run("robot", "demo_node")


def _help(room: str, name: str) -> str:
    """What a node is and takes: the text at the head of its module, which is not imported, for that needs ROS."""
    source = pkgutil.get_data(f"world_model_ros.nodes.{room}", f"{name}.py") or b""
    about = ast.get_docstring(ast.parse(source)) or ""
    return f"usage: {name} [--ros-args -p NAME:=VALUE ...]\n\n{about}"


def _run(room: str, name: str) -> None:
    if {"-h", "--help"} & set(sys.argv[1:]):  # not at once a gate or a robot
        print(_help(room, name))
        sys.exit()
    signals.listen()
    try:
        status = importlib.import_module(f"world_model_ros.nodes.{room}.{name}").main()
    except ModuleNotFoundError as error:
        said = to_install(error)
        if said is None:
            raise
        sys.exit(f"{name}: {said}")
    except UserError as error:  # no share folder
        sys.exit(f"{name}: {error}")
    sys.exit(status)
