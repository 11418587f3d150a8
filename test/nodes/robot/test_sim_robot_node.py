"""The simulated robot as its own process: all topics, in real time, moved through its controller topic."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.bringup.domain import free_domain
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.nodes.qos import LATCHED

pytestmark = pytest.mark.slow

CONTRACT = load_contract("tabletop_arm")
HOME = CONTRACT.rest
MAKE = MessageMaker(ros_class)
RATES_HZ = {
    "camera/front/image_raw": (Image, 30.0),
    "microphone/table/audio": (Image, 50.0),
    "taxels/fingertip": (Image, 100.0),
    "force_torque_sensor_broadcaster/wrench": (WrenchStamped, 100.0),
    "joint_states": (JointState, 100.0),
    "labels/object_0/pose": (PoseStamped, 50.0),
}


class Listener:
    """A node that hears everything of a simulator started with some parameters."""

    def __init__(self, **parameters: object) -> None:
        domain = free_domain()
        arguments = [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "world_model_ros.nodes.robot.sim_robot_node", "--ros-args", *arguments],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"},
        )
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node("listener", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.heard: dict[str, list[tuple[float, Any]]] = defaultdict(list)
        for topic, (kind, _) in RATES_HZ.items():
            self.listen(kind, topic, 200)
        self.listen(DiagnosticArray, "/diagnostics", 10)
        self.listen(Clock, "/clock", 50)
        self.listen(String, "robot_description", LATCHED)
        self.commands = self.node.create_publisher(JointTrajectory, CONTRACT.deployment.command.topic, 10)
        self.reset = self.node.create_client(Trigger, "sim/reset")

    def listen(self, kind: type, topic: str, qos: object) -> None:
        note = self.heard[topic].append
        self.node.create_subscription(kind, topic, lambda message: note((time.monotonic(), message)), qos)

    def spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)

    def wait_for(self, topic: str, seconds: float = 30.0) -> Any:
        """The next message of a topic."""
        count, end = len(self.heard[topic]), time.monotonic() + seconds
        while len(self.heard[topic]) == count:
            assert time.monotonic() < end, f"nothing on {topic}"
            self.executor.spin_once(timeout_sec=0.05)
        return self.heard[topic][-1][1]

    def fresh(self, topic: str) -> Any:
        """A message that was stamped from now on: on a busy machine this process is behind with what comes."""
        now_ns = time.time_ns()
        while stamp_ns(message := self.wait_for(topic)) < now_ns:
            pass
        return message

    def close(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=60)
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)
        return code


@pytest.fixture(scope="module")
def robot():
    listener = Listener(seed=3)
    yield listener
    assert listener.close() == 0


def test_every_stream_comes_at_about_its_rate_with_stamps_of_now(robot):
    robot.wait_for("joint_states")
    robot.spin(0.5)
    descriptions = [message.data for _, message in robot.heard["robot_description"]]
    assert descriptions == [CONTRACT.urdf_text]  # latched: sent before we were there
    for rows in robot.heard.values():
        rows.clear()
    robot.spin(2.5)
    for topic, (_, rate_hz) in RATES_HZ.items():
        rows = robot.heard[topic]
        stamps = [stamp_ns(message) for _, message in rows]
        assert stamps == sorted(set(stamps)), topic
        measured = (len(stamps) - 1) / ((stamps[-1] - stamps[0]) * 1e-9)
        least = 0.5 if "camera" in topic else 0.9  # images may be dropped on a busy machine, other senses may not
        assert least * rate_hz < measured < 1.1 * rate_hz, topic
        assert abs(stamps[-1] - time.time_ns()) < 2e9, topic


def test_the_messages_are_what_the_contract_says(robot):
    for stream in CONTRACT.interface.streams:
        source = CONTRACT.source(stream.name)
        _, value = converter_for(stream, source)(robot.wait_for(source.topic))
        assert np.all(np.isfinite(value))
    label = robot.wait_for("labels/object_0/pose")
    assert label.header.frame_id == CONTRACT.interface.base_frame
    assert 0.3 < label.pose.position.x < 0.7


def test_it_follows_its_controller_topic_and_a_reset_brings_it_home(robot):
    goal = HOME + np.array([0.15, 0.0, 0.0, 0.0, 0.0, 0.0])
    command = Trajectory(CONTRACT.joint_names, np.array([0.6]), goal[None], np.zeros((1, 6)), 0)
    robot.commands.publish(MAKE.trajectory(command))
    robot.spin(1.2)
    np.testing.assert_allclose(robot.fresh("joint_states").position, goal, atol=5e-3)
    assert robot.reset.wait_for_service(timeout_sec=5.0)
    answer = robot.reset.call_async(Trigger.Request())
    robot.executor.spin_until_future_complete(answer, timeout_sec=10.0)
    assert answer.result().success
    robot.spin(0.3)
    np.testing.assert_allclose(robot.fresh("joint_states").position, HOME, atol=5e-3)


def test_a_bad_trajectory_is_counted_and_nothing_moves(robot):
    before = np.array(robot.fresh("joint_states").position)
    robot.commands.publish(JointTrajectory(joint_names=["nobody"]))
    robot.spin(1.2)
    values = {pair.key: pair.value for pair in robot.wait_for("/diagnostics").status[0].values}
    assert int(values["trajectories_refused"]) >= 1
    np.testing.assert_allclose(robot.fresh("joint_states").position, before, atol=1e-3)


def drawing_process(parent: int) -> int:
    """The one that draws the images of a simulator."""
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in (task / "children").read_text().split():
            if "camera_process" in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
    raise AssertionError("nobody draws")


def simulation_values(robot) -> dict[str, str]:
    return {pair.key: pair.value for pair in robot.fresh("/diagnostics").status[0].values}


def test_physics_and_joint_states_go_on_while_no_image_can_be_drawn_and_it_says_so(robot):
    robot.wait_for("camera/front/image_raw")
    painter = drawing_process(robot.process.pid)
    os.kill(painter, signal.SIGSTOP)
    try:
        stopped_ns = stamp_ns(robot.fresh("joint_states"))
        robot.spin(6.0)  # of which the last five count
        robot.fresh("joint_states")
        status = robot.fresh("/diagnostics").status[0]
        stamps, images = (
            [stamp for stamp in (stamp_ns(message) for _, message in robot.heard[topic]) if stamp > stopped_ns]
            for topic in ("joint_states", "camera/front/image_raw")
        )
        assert np.diff(stamps).max() < 15e6
        assert len(stamps) > 500
        assert not images
        values = {pair.key: pair.value for pair in status.values}
        assert float(values["front_kept_hz"]) < 3.0
        assert status.level == DiagnosticStatus.WARN
        assert "camera front makes" in status.message or "late" in status.message
    finally:
        os.kill(painter, signal.SIGCONT)
    end = time.monotonic() + 30.0
    while float(simulation_values(robot)["front_kept_hz"]) < 15.0:
        assert time.monotonic() < end, "images come again"


def test_it_says_what_an_image_costs_and_how_many_are_affordable(robot):
    values = simulation_values(robot)
    assert float(values["front_asked_hz"]) == 30.0
    assert 0.0 < float(values["image_cpu_ms"]) < 1e3
    assert 30.0 / float(values["front_affordable_hz"]) == pytest.approx(
        round(30.0 / float(values["front_affordable_hz"]))
    )
    assert float(values["behind_ms_p50"]) < 100.0


def test_an_unplugged_stream_stays_silent_and_the_own_clock_goes_out():
    listener = Listener(unplug="front", clock="true")
    try:
        listener.wait_for("joint_states")
        for _ in range(40):
            listener.spin(0.5)
            if len(listener.heard["/clock"]) > 50:
                break
        clocks = [message.clock.sec + message.clock.nanosec * 1e-9 for _, message in listener.heard["/clock"]]
        assert clocks == sorted(clocks)
        assert len(clocks) > 50
        assert clocks[-1] < 60.0
        assert abs(stamp_ns(listener.wait_for("joint_states")) * 1e-9 - clocks[-1]) < 1.0
        assert not listener.heard["camera/front/image_raw"]
        assert listener.heard["taxels/fingertip"]
    finally:
        assert listener.close() == 0


def test_wrong_parameters_end_with_an_error_that_names_the_legal_values():
    done = subprocess.run(
        [sys.executable, "-m", "world_model_ros.nodes.robot.sim_robot_node", "--ros-args", "-p", "unplug:=nose"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "unplug" in done.stderr
    assert "fingertip_taxels" in done.stderr
