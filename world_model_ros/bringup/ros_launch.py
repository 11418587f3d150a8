"""Converts the list of processes to a ROS launch description; needs `launch` and `launch_ros`."""

from __future__ import annotations

from collections.abc import Callable

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from world_model_ros.bringup.domain import middleware_environment
from world_model_ros.bringup.options import Options, launch_arguments
from world_model_ros.bringup.processes import Process
from world_model_ros.core.installation.share_folder import PACKAGE


def description(
    make: Callable[[Options], list[Process]],
    options: type[Options],
    described: Callable[[], bool] = lambda: False,
) -> LaunchDescription:
    """Launch description of what `bringup` or `simulation` lists, with its options declared.

    Args:
        make: `bringup` or `simulation`.
        options: that it takes.
        described: whether a robot description is published already; asked where it is not given.
    """

    arguments = launch_arguments(options)

    def start(context: LaunchContext) -> list[Action]:
        texts = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in arguments}
        said: list[Action] = []
        if texts.get("robot_state_publisher") == "auto" and described():
            texts["robot_state_publisher"] = "false"
            said.append(LogInfo(msg="a robot description is on its topic: no robot_state_publisher is started"))
        return said + [action(process) for process in make(options.from_texts(texts))]

    declared = [
        DeclareLaunchArgument(each.name, default_value=each.default_text, description=each.description)
        for each in arguments
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def action(process: Process) -> Action:
    """A process as launch's action; one of another package that is not installed becomes a warning."""
    try:
        get_package_prefix(process.package)
    except PackageNotFoundError:
        if process.package == PACKAGE:
            raise
        return LogInfo(msg=f"WARNING: {process.package} is not installed, going on without {process.executable}")
    return Node(
        package=process.package,
        executable=process.executable,
        name=process.name,
        parameters=[dict(process.parameters)],
        remappings=list(process.remappings),
        arguments=list(process.arguments),
        respawn=process.respawn,
        additional_env=middleware_environment(process.profile),
        output="screen",
    )
