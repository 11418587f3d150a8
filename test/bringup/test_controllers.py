"""The example for ros2_control is read by ROS 2's own parser, and fits the robot and what the gate sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from world_model_ros.bringup.processes import Process
from world_model_ros.bringup.run import command_line
from world_model_ros.contract.contract import Contract
from world_model_ros.core.installation.share_folder import share_folder

PATH = share_folder("config") / "ros2_control" / "tabletop_arm_controllers.yaml"
COMMANDING = ("joint_trajectory_controller", "forward_position_controller", "forward_velocity_controller")

# Names that controllers of ros2_controllers 4.42 declare (src/*_parameters.yaml); each has an update_rate, too.
TRAJECTORY = {
    "joints",
    "command_joints",
    "command_interfaces",
    "state_interfaces",
    "allow_partial_joints_goal",
    "interpolate_from_desired_state",
    "allow_integration_in_goal_trajectories",
    "set_last_command_interface_value_as_state_on_activation",
    "action_monitor_rate",
    "interpolation_method",
    "allow_nonzero_velocity_at_trajectory_end",
    "cmd_timeout",
    "constraints.stopped_velocity_tolerance",
    "constraints.goal_time",
}
DECLARED = {
    "joint_state_broadcaster": {"use_local_topics", "joints", "extra_joints", "interfaces", "use_urdf_to_filter"},
    "force_torque_sensor_broadcaster": {"frame_id", "sensor_name"},
    "joint_trajectory_controller": TRAJECTORY,
    "forward_position_controller": {"joints", "interface_name"},
    "forward_velocity_controller": {"joints", "interface_name"},
}


def read_by_ros(name: str, arguments: list[str]) -> dict[str, Any]:
    """The parameters that a node of that name gets from ROS arguments."""
    context = Context()
    rclpy.init(args=["--ros-args", *arguments], context=context)
    try:
        node = Node(name, context=context, automatically_declare_parameters_from_overrides=True)
        values = {each: parameter.value for each, parameter in node.get_parameters_by_prefix("").items()}
        node.destroy_node()
    finally:
        rclpy.shutdown(context=context)
    for every_node_has in ("use_sim_time", "start_type_description_service"):
        values.pop(every_node_has, None)
    return {each: list(value) if isinstance(value, (list, tuple)) else value for each, value in values.items()}


def settings(controller: str) -> dict[str, Any]:
    return read_by_ros(controller, ["--params-file", str(PATH)])


@pytest.mark.parametrize(
    "path", sorted((share_folder("config") / "ros2_control").iterdir()), ids=lambda each: each.name
)
def test_every_file_of_parameters_is_read_by_the_parser_of_ros(path: Path) -> None:
    assert read_by_ros("controller_manager", ["--params-file", str(path)])["update_rate"] > 0


def test_every_controller_has_the_joints_of_the_contract_and_what_streaming_needs(contract: Contract) -> None:
    manager = settings("controller_manager")
    assert {f"{name}.type" for name in DECLARED} <= set(manager)
    for name in COMMANDING:
        assert settings(name)["joints"] == list(contract.joint_names)
    trajectories = settings("joint_trajectory_controller")
    assert trajectories["interpolate_from_desired_state"] is True
    assert trajectories["allow_nonzero_velocity_at_trajectory_end"] is False
    assert contract.deployment.command.topic == "joint_trajectory_controller/joint_trajectory"
    assert manager["update_rate"] >= contract.deployment.command.rate_hz


@pytest.mark.parametrize("controller", DECLARED)
def test_every_field_is_one_that_the_controller_declares(controller: str) -> None:
    found = settings(controller)
    assert found
    assert set(found) <= DECLARED[controller] | {"update_rate"}


@pytest.mark.parametrize("broadcaster", [name for name in DECLARED if name.endswith("broadcaster")])
def test_a_broadcaster_sends_at_a_rate_of_its_own(broadcaster: str) -> None:
    assert settings(broadcaster)["update_rate"] == 100 < settings("controller_manager")["update_rate"]


def test_an_alias_is_what_the_parser_of_ros_refuses(tmp_path: Path) -> None:
    """So that the tests above are known to see one."""
    path = tmp_path / "alias.yaml"
    path.write_text("a:\n  ros__parameters:\n    joints: &joints [x]\nb:\n  ros__parameters:\n    joints: *joints\n")
    with pytest.raises(Exception, match="alias"):
        read_by_ros("a", ["--params-file", str(path)])


@pytest.mark.parametrize("value", ["007", "on", "a: b, {c}", "päth 'with' \"quotes\"", "", True, 3, 1e-7, 2.0e16])
def test_parameters_that_a_process_is_started_with_arrive_as_they_are(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("world_model_ros.bringup.run.executable_path", lambda name: Path(name))
    words = command_line(Process("any_node", "any", {"given": value}))  # type: ignore[dict-item]
    found = read_by_ros("any", words[words.index("-p") :])["given"]
    assert (type(found), found) == (type(value), value)
