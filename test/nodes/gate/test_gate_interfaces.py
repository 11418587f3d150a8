"""A gate that streams velocities, with a deadman switch and a limit of force, over real topics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import WrenchStamped
from sensor_msgs.msg import Image
from std_msgs.msg import Bool, Float64MultiArray
from test_command_gate_node import CONTRACT, HOME, LIMITS, MAKE, Robot, running

pytestmark = pytest.mark.slow

TOPIC = "velocity_controller/commands"


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[Robot]:
    text = changed(
        CONTRACT.text,
        "interface: joint_trajectory, topic: joint_trajectory_controller/joint_trajectory",
        f"interface: forward_velocity, topic: {TOPIC}",
    )
    text = changed(
        text,
        "    horizon_s: 3.0\n",
        "    horizon_s: 3.0\n    deadman: {topic: deadman, max_age_s: 0.5}\n    max_force_n: 20.0\n"
        "    predicted_force_n: {slow: 5.0, stop: 9.0}\n",
    )
    kind = "type: sensor_msgs/msg/JointState, max_age_s: "
    text = changed(text, kind + "0.2", kind + "0.5")
    path = tmp_path / "streamed.yaml"
    path.write_text(text)
    with running(f"robot:={path}") as (robot, _):
        yield robot


def test_velocities_are_streamed_while_the_switch_is_held_and_a_hard_contact_ends_it(robot: Robot) -> None:
    node, velocities, held = robot.node, [], [False]
    node.create_subscription(Float64MultiArray, TOPIC, lambda m: velocities.append(np.array(m.data)), 100)
    switch = node.create_publisher(Bool, "deadman", 1)
    wrench = node.create_publisher(WrenchStamped, "force_torque_sensor_broadcaster/wrench", 1)
    node.create_timer(0.05, lambda: switch.publish(Bool(data=held[0])))
    # The arm is where the gate says, as if the drives integrated what they are sent.
    robot.measuring.cancel()

    def measure() -> None:
        position = robot.applied[-1][1] if robot.applied else HOME
        robot.joint_states.publish(MAKE.joint_state(LIMITS.names, position, np.zeros(6), stamp_ns=robot.now_ns()))

    node.create_timer(0.01, measure)
    robot.wait(0.3)
    answer = robot.call("gate/arm")
    assert not answer.success
    assert "deadman" in answer.message
    held[0] = True
    robot.arm()
    robot.thinking = True
    robot.until(lambda: bool(velocities) and np.abs(velocities[-1]).max() > 0.1)
    assert robot.state["state"] == "tracking"
    assert len(velocities[-1]) == len(LIMITS.names)
    wrench.publish(MAKE.wrench([0.0, 0.0, -25.0, 0.0, 0.0, 0.0], robot.now_ns(), "wrist_ft"))
    robot.until(lambda: robot.state["state"] == "disarmed")
    assert robot.state["cause"] == "force"
    robot.wait(0.2)
    assert not velocities[-1].any()
    count = len(velocities)
    robot.wait(0.3)
    assert len(velocities) == count


def arm_with_the_switch_held(robot: Robot) -> None:
    switch = robot.node.create_publisher(Bool, "deadman", 1)
    robot.node.create_timer(0.05, lambda: switch.publish(Bool(data=True)))
    robot.wait(0.5)
    assert robot.call("gate/arm").success


def test_a_force_that_cannot_be_read_counts_as_too_hard(robot: Robot) -> None:
    wrench = robot.node.create_publisher(WrenchStamped, "force_torque_sensor_broadcaster/wrench", 1)
    arm_with_the_switch_held(robot)
    broken = WrenchStamped()
    broken.wrench.force.z = float("nan")
    wrench.publish(broken)
    robot.wait(0.5)
    assert (robot.state["state"], robot.state["cause"]) == ("disarmed", "force")
    assert "force" in robot.call("gate/arm").message
    wrench.publish(WrenchStamped())
    robot.wait(0.3)
    assert robot.call("gate/arm").success


def test_a_hard_contact_that_is_imagined_brakes(robot: Robot) -> None:
    imagined = robot.node.create_publisher(Image, "predicted/contact", 1)
    arm_with_the_switch_held(robot)
    imagined.publish(MAKE.tensor(np.array([[0.0], [4.0], [1.0]], np.float32), robot.now_ns()))
    robot.wait(0.3)
    assert robot.state["state"] == "holding"
    imagined.publish(MAKE.tensor(np.array([[0.0], [9.5], [1.0]], np.float32), robot.now_ns()))
    robot.until(lambda: robot.state["state"] == "disarmed")
    assert robot.state["cause"] == "predicted_force"
