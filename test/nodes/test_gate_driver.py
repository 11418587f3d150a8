"""The gate hears the robot's driver on topics of the contract, and its speed may be set while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import Bool, Float64
from test_command_gate_node import CONTRACT, Robot, running, start

pytestmark = pytest.mark.slow

DRIVER = """
  driver:
    speed_scaling: {topic: speed_scaling, type: std_msgs/msg/Float64, full: 100.0}
    ready: [{topic: program_running, type: std_msgs/msg/Bool, qos: {durability: transient_local}}]
"""


def contract(tmp_path: Path, driver: str) -> Path:
    text = CONTRACT.text.replace("\n  gate:\n", driver + "\n  gate:\n", 1)
    assert text != CONTRACT.text
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
    assert "nothing heard on program_running" in robot.call("gate/arm").message
    ready.publish(Bool(data=True))
    robot.until(lambda: robot.state["driver"] == "ready")
    robot.arm()
    robot.thinking = True
    robot.until(lambda: robot.state["state"] == "tracking")
    scaling.publish(Float64(data=40.0))
    robot.until(lambda: robot.state["driver"] == "at 40% of its speed")
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


def test_a_field_that_the_message_lacks_is_one_clear_error(tmp_path: Path) -> None:
    wrong = DRIVER.replace("Bool,", "Bool, field: running,")
    gate = start(77, f"robot:={contract(tmp_path, wrong)}")
    said, _ = gate.communicate(timeout=60)
    assert gate.returncode == 1
    assert "deployment.driver: program_running: field: got 'running'" in said
    assert "Traceback" not in said
