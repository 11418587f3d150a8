"""The list of processes as a ROS launch description; needs `launch` and `launch_ros`."""

from __future__ import annotations

from collections.abc import Callable

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from world_model_ros.bringup.arguments import Argument, processes_from
from world_model_ros.bringup.processes import Process


def description(make: Callable[..., list[Process]], arguments: tuple[Argument, ...]) -> LaunchDescription:
    """Launch description of what `bringup` or `simulation` lists, with their arguments declared."""

    def start(context: LaunchContext) -> list[Node]:
        texts = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in arguments}
        return [node(process) for process in processes_from(make, arguments, texts)]

    declared = [
        DeclareLaunchArgument(each.name, default_value=each.default_text, description=each.description)
        for each in arguments
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def node(process: Process) -> Node:
    """A process as launch's action."""
    return Node(
        package=process.package,
        executable=process.executable,
        name=process.name,
        parameters=[dict(process.parameters)],
        remappings=list(process.remappings),
        arguments=list(process.arguments),
        respawn=process.respawn,
        output="screen",
    )
