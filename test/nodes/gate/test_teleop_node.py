"""A person drives the robot over real topics: a gamepad, velocities and a leader arm, through the gate."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist
from peer import start
from sensor_msgs.msg import JointState, Joy
from test_command_gate_node import ARM, CONTRACT, LIMITS, MAKE, Robot, running

pytestmark = pytest.mark.slow

SOURCES = """
  sources:
    - {name: brain, kind: brain}
    - {name: person, kind: person, topic: person/command, rate_hz: 10}
"""
HOLD, TAKE, GIVE = 10, 6, 4


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("robot") / "driven.yaml"
    text = CONTRACT.text.replace("\n  gate:\n", SOURCES + "\n  gate:\n", 1)
    path.write_text(
        text.replace("sensor_msgs/msg/JointState, max_age_s: 0.2", "sensor_msgs/msg/JointState, max_age_s: 0.5")
    )
    return path


class Device:
    """A gamepad whose buttons and axes are set; it sends at 50 Hz."""

    def __init__(self, robot: Robot) -> None:
        self.axes, self.buttons = [0.0] * 6, [0] * 21
        self.heard = False  # by the program
        self.publisher = robot.node.create_publisher(Joy, "joy", 5)
        robot.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        robot.node.create_timer(0.02, self._send)

    def hold(self, *buttons: int, **axes: float) -> None:
        self.buttons = [int(index in buttons) for index in range(21)]
        self.axes = [axes.get(f"axis{index}", 0.0) for index in range(6)]

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for each in message.status:
            if each.name == "teleop: device":
                self.heard = not each.message.startswith("nothing has come")

    def _send(self) -> None:
        self.publisher.publish(Joy(axes=self.axes, buttons=self.buttons))


@contextmanager
def driven(contract: Path, owner: str, *parameters: str) -> Iterator[tuple[Robot, subprocess.Popen[str]]]:
    with running(f"robot:={contract}", f"owner:={owner}") as (robot, _):
        domain = robot.node.context.get_domain_id()
        process = start("gate.teleop_node", domain, f"robot:={contract}", *parameters)
        try:
            robot.until(lambda: robot.node.count_publishers("person/command"))
            yield robot, process
        finally:
            process.terminate()
            process.communicate(timeout=30)


def tip(robot: Robot) -> np.ndarray:
    return ARM.tip(robot.applied[-1][1])[0]


def speed(robot: Robot) -> float:
    return float(np.abs(robot.applied[-1][2]).max())


def test_a_gamepad_takes_over_from_the_brain_drives_and_gives_back(contract: Path) -> None:
    with driven(contract, "brain") as (robot, _):
        pad = Device(robot)
        robot.until(lambda: pad.heard)
        robot.arm()
        robot.thinking = True
        robot.until(lambda: speed(robot) > 0.05)
        pad.hold(HOLD, axis1=1.0)
        robot.wait(0.5)
        assert robot.state["owner"] == "brain"  # who only holds the stick drives nothing
        pad.hold(HOLD, TAKE)
        robot.until(lambda: robot.state["owner"] == "person")
        pad.hold(HOLD)
        robot.until(lambda: speed(robot) < 1e-3)
        assert robot.state["state"] == "tracking"
        begin = tip(robot)
        pad.hold(HOLD, axis1=0.5)
        robot.until(lambda: tip(robot)[0] > begin[0] + 0.05)
        assert abs(tip(robot)[1] - begin[1]) < 0.005
        pad.hold(axis1=0.5)  # the switch is let go of
        robot.until(lambda: speed(robot) < 1e-3)
        assert robot.state["state"] == "tracking"
        pad.hold(GIVE)
        robot.until(lambda: robot.state["owner"] == "brain")
        robot.until(lambda: speed(robot) > 0.05)


def test_velocities_of_a_keyboard_drive_and_silence_stops(contract: Path) -> None:
    with driven(contract, "person", "device:=twist", "topic:=cmd_vel") as (robot, _):
        keys = robot.node.create_publisher(Twist, "cmd_vel", 5)
        robot.until(keys.get_subscription_count)
        robot.arm()
        timer = robot.node.create_timer(0.02, lambda: keys.publish(twist))
        twist = Twist()
        robot.until(lambda: robot.state["state"] == "tracking")  # it holds the arm where it is
        robot.wait(0.5)
        begin = tip(robot)
        twist.linear.y = 0.05
        robot.until(lambda: tip(robot)[1] > begin[1] + 0.03)
        assert abs(tip(robot)[0] - begin[0]) < 0.005
        timer.cancel()
        robot.until(lambda: speed(robot) < 1e-3)
        assert robot.state["state"] == "tracking"


def test_a_leader_arm_leads_from_where_the_robot_is(contract: Path) -> None:
    parameters = ("device:=leader", "joints:=shoulder_pan_joint=base", "buttons_topic:=joy", "buttons:=hold=10")
    with driven(contract, "person", *parameters) as (robot, _):
        pad, angle = Device(robot), [2.0]
        leader = robot.node.create_publisher(JointState, "leader/joint_states", 5)
        robot.node.create_timer(0.02, lambda: leader.publish(MAKE.joint_state(["base"], angle, [], stamp_ns=0)))
        robot.until(lambda: pad.publisher.get_subscription_count() and leader.get_subscription_count())
        robot.arm()
        robot.until(lambda: robot.state["state"] == "tracking")
        robot.wait(0.5)
        begin = robot.applied[-1][1]
        pad.hold(HOLD)
        robot.wait(0.5)
        assert robot.applied[-1][1] == pytest.approx(begin, abs=1e-3)
        angle[0] = 2.2
        robot.until(lambda: abs(robot.applied[-1][1][0] - begin[0] - 0.2) < 2e-3)
        assert robot.applied[-1][1][1:] == pytest.approx(begin[1:], abs=1e-3)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (["device:=mouse"], "device: got 'mouse'; expected one of ['gamepad', 'twist', 'leader']"),
        (["device:=leader"], "buttons_topic: got ''; expected a topic of sensor_msgs/Joy"),
        (["axes:=q=1"], "axes: got 'q'; expected one of"),
        (["speed:=2"], "speed: got 2.0; expected above 0, at most 1"),
        (["source:=brain"], "source: got 'brain'; expected one of ['person']"),
    ],
)
def test_a_wrong_parameter_is_named(
    start_node: Callable[..., subprocess.Popen[str]], contract: Path, parameters: list[str], words: str
) -> None:
    process = start_node("teleop_node", f"robot:={contract}", *parameters)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert words in said


def test_without_a_source_of_that_kind_it_says_what_to_write(
    start_node: Callable[..., subprocess.Popen[str]],
) -> None:
    process = start_node("teleop_node", "robot:=tabletop_arm")
    assert "kind person, as {name: person, kind: person" in process.communicate(timeout=60)[1]
    assert set(LIMITS.names) == set(CONTRACT.joint_names)
