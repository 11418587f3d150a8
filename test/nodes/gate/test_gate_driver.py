"""The gate hears the robot's driver on topics of the contract, and its speed may be set while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import rclpy
from peer import start
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import Bool, Float64
from test_command_gate_node import CONTRACT, Robot, running
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.gate.factory import gate_for
from world_model_ros.nodes.gate.inbox import MOST_COMMANDS, GateInbox

pytestmark = pytest.mark.slow

DRIVER = """
  driver:
    speed_scaling: {topic: speed_scaling, type: std_msgs/msg/Float64, full: 100.0}
    ready: [{topic: program_running, type: std_msgs/msg/Bool, qos: {durability: transient_local}}]
"""


def contract(tmp_path: Path, driver: str) -> Path:
    assert "\n  gate:\n" in CONTRACT.text
    text = CONTRACT.text.replace("\n  gate:\n", driver + "\n  gate:\n", 1)
    path = tmp_path / "driven.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[Robot]:
    with running(f"robot:={contract(tmp_path, DRIVER)}") as (robot, _):
        yield robot


def set_speed(robot: Robot, value: float) -> bool:
    client = robot.node.create_client(SetParameters, "command_gate/set_parameters")
    robot.until(client.service_is_ready)
    request = SetParameters.Request(parameters=[Parameter("speed_scale", value=value).to_parameter_msg()])
    answer = client.call_async(request)
    robot.until(answer.done)
    return answer.result().results[0].successful


def test_a_driver_that_is_not_ready_is_said_by_name_and_one_that_slows_down_as_well(robot: Robot) -> None:
    from world_model_ros.nodes.qos import LATCHED

    ready = robot.node.create_publisher(Bool, "program_running", LATCHED)
    scaling = robot.node.create_publisher(Float64, "speed_scaling", 10)
    robot.until(lambda: bool(robot.state))
    assert "nothing heard on speed_scaling" in robot.call("gate/arm").message
    scaling.publish(Float64(data=100.0))
    robot.until(lambda: "program_running" in robot.state["driver"])
    assert "nothing heard on program_running" in robot.call("gate/arm").message
    ready.publish(Bool(data=True))
    robot.until(lambda: robot.state["driver"] == "ready")
    robot.arm()
    robot.thinking = True
    robot.until(lambda: robot.state["state"] == "tracking")
    scaling.publish(Float64(data=40.0))
    robot.until(lambda: robot.state["driver"] == "at 40 % of its speed")
    ready.publish(Bool(data=False))
    robot.until(lambda: robot.state["state"] == "disarmed")
    assert robot.state["cause"] == "driver_not_ready"
    assert "program_running: data False" in robot.call("gate/arm").message


def test_the_speed_is_set_while_it_runs_and_within_bounds(robot: Robot) -> None:
    assert set_speed(robot, 0.1)
    robot.until(lambda: robot.state["speed_scale"] == 0.1)
    assert not set_speed(robot, 0.01)
    assert not set_speed(robot, 1.5)
    robot.wait(0.3)
    assert robot.state["speed_scale"] == 0.1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Bool,", "Bool, field: running,", "deployment.driver: program_running: field: got 'running'"),
        ("Bool,", "Bool, values: [1],", "deployment.driver: program_running: values: got [1]; expected of type bool"),
        ("Float64, full", "Header, field: stamp, full", "deployment.driver: speed_scaling: field: got 'stamp'"),
    ],
)
def test_a_field_that_does_not_fit_is_one_clear_error(tmp_path: Path, old: str, new: str, words: str) -> None:
    gate = start("gate.command_gate_node", 77, f"robot:={contract(tmp_path, DRIVER.replace(old, new, 1))}")
    said, _ = gate.communicate(timeout=60)
    assert gate.returncode == 1
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize("value", ["0.01", "2", "fast"])
def test_a_speed_that_cannot_be_is_one_clear_error(value: str) -> None:
    gate = start("gate.command_gate_node", 78, f"speed_scale:={value}")
    said, _ = gate.communicate(timeout=60)
    assert gate.returncode == 1
    assert "speed_scale" in said
    assert "Traceback" not in said


def test_motion_waits_for_a_controller_that_listens(tmp_path: Path) -> None:
    with running(f"robot:={contract(tmp_path, '')}") as (robot, _):
        robot.node.destroy_subscription(robot.trajectories)
        robot.until(lambda: "no controller listens on /joint_trajectory_controller" in robot.call("gate/arm").message)
        robot.thinking = True
        robot.until(lambda: robot.state["state"] == "tracking")
        robot.wait(1.0)
        assert robot.state["heard"] is False
        before = robot.applied[-1][1]
        assert (before == robot.applied[0][1]).all()
        robot.node.create_subscription(JointTrajectory, "joint_trajectory_controller/joint_trajectory", print, 10)
        robot.until(lambda: (robot.applied[-1][1] != before).any())


def test_of_a_flood_the_newest_commands_are_judged_and_the_rest_is_counted() -> None:
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("flooded", context=context)
    try:
        inbox = GateInbox(node, CONTRACT)
        for second in range(MOST_COMMANDS + 3):
            message = JointTrajectory()
            message.header.stamp.sec = second
            inbox._on_command("brain", message)
        assert inbox.flooded["brain"] == 3
        judged: list[int] = []
        gate = gate_for(CONTRACT)
        gate.command = lambda _, proposal, source: judged.append(proposal.stamp_ns)
        inbox.pour(gate)
        assert judged == [second * 10**9 for second in range(3, MOST_COMMANDS + 3)]
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
