"""Gate and arms as processes, and a humanoid that hears and speaks DDS: the share of the command, and its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import rclpy
from arms_body import Humanoid, contract, crc_bit_by_bit, words
from cyclonedds.core import Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from peer import Peer, start
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from world_model_ros.bringup.domain import free_domain
from world_model_ros.motors import dds
from world_model_ros.motors.description import load_motors
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.robot.arms_node import ArmsNode
from world_model_ros.nodes.signals import forget, interrupted

pytestmark = pytest.mark.slow

MOTORS = load_motors("unitree_g1")
# Both processes on loopback, where there is no multicast.
LOOPBACK = """<CycloneDDS><Domain Id="any"><General><Interfaces><NetworkInterface name="lo"/></Interfaces></General>
<Discovery><ParticipantIndex>auto</ParticipantIndex><Peers><Peer address="localhost"/></Peers></Discovery>
</Domain></CycloneDDS>"""


class Robot(Peer):
    """A humanoid whose state goes out at 100 Hz."""

    def __init__(self, domain: int, dds_domain: int) -> None:
        super().__init__("robot", domain)
        self.body, self.states = Humanoid(), 0
        participant = DomainParticipant(dds_domain)
        self.commands = DataReader(
            participant,
            Topic(participant, MOTORS.command.topic, dds._with_bytes(dds._command_type(MOTORS.command.type)), Qos()),
        )
        self.kind = dds._with_bytes(dds._state_type(MOTORS.state.type))
        self.writer = DataWriter(participant, Topic(participant, MOTORS.state.topic, self.kind, Qos()))
        self.names: list[str] = []
        self.node.create_subscription(JointState, "joint_states", self._on_states, 10)
        self.node.create_timer(0.01, self._cycle)
        self._last_s = time.monotonic()

    def _on_states(self, message: JointState) -> None:
        self.states, self.names = self.states + 1, list(message.name)

    def _cycle(self) -> None:
        for each in self.commands.take(100):
            if hasattr(each, "stream"):
                self.body.hear(each.stream)
        now_s = time.monotonic()
        self.body.step(min(now_s - self._last_s, 0.05))
        self._last_s = now_s
        sample = self.kind.__new__(self.kind)
        sample.stream = self.body.state()
        self.writer.write(sample)

    @property
    def weights(self) -> np.ndarray:
        rows = words(self.body.streams)
        return np.ascontiguousarray(rows[:, 1 + 7 * 29 + 1]).view("<f4")

    def armed(self) -> None:
        """Armed by a person, and the arms are ours."""
        while not self.call("gate/arm").success:
            self.wait()
        self.spin(lambda: self.body.weight == 1.0)

    def wait(self) -> None:
        end_s = time.monotonic() + 0.5
        self.spin(lambda: time.monotonic() > end_s)


def slower(deployment: dict) -> None:
    """For a machine that does something else."""
    deployment["command"]["rate_hz"] = 25.0
    deployment["urdf"] = str(Path(contract().folder or "") / deployment["urdf"])
    deployment["streams"][-1]["max_age_s"] = 2.0


@pytest.fixture
def running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Robot, subprocess.Popen, subprocess.Popen]]:
    path = tmp_path / "robot.yaml"
    path.write_text(contract(slower).text)
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    domain = free_domain()
    robot = Robot(domain, domain)
    gate = start("gate.command_gate_node", domain, f"robot:={path}")
    given = (
        "motors:=unitree_g1",
        f"domain:={domain}",
        "rate_hz:=50",
        "take_s:=1",
        "state_max_age_s:=1",
        "silence_s:=2",
    )
    arms = start("robot.arms_node", domain, f"robot:={path}", *given)
    try:
        yield robot, gate, arms
    finally:
        for process in (gate, arms):
            if process.poll() is None:
                process.kill()
            process.communicate()
        robot.close()


def test_the_share_rises_when_a_person_arms_and_is_gone_with_the_gate(running) -> None:
    robot, gate, arms = running
    posture = robot.body.position.copy()
    robot.armed()
    rows = words(robot.body.streams)
    assert np.array_equal(crc_bit_by_bit(rows[:, :-1]), rows[:, -1])
    assert np.all(np.diff(robot.weights) >= 0.0)
    assert np.abs(robot.body.position - posture).max() < 1e-6  # no jump
    robot.spin(lambda: robot.states > 5)
    assert len(robot.names) == 14
    gate.send_signal(signal.SIGKILL)
    robot.spin(lambda: robot.body.weight == 0.0)
    assert arms.poll() is None
    falling = robot.weights[np.argmax(robot.weights) :]
    assert np.all(np.diff(falling) <= 0.0)
    assert len(set(falling)) > 10  # slowly


def test_before_it_ends_it_lets_the_arms_go(running) -> None:
    robot, _, arms = running
    robot.armed()
    arms.send_signal(signal.SIGTERM)
    robot.spin(lambda: arms.poll() is not None)
    robot.wait()
    assert arms.returncode == 0, arms.communicate()[0]
    falling = robot.weights[np.argmax(robot.weights) :]
    assert falling[-1] == 0.0
    assert np.all(np.diff(falling) <= 0.0)
    assert len(set(falling)) > 10


def test_whatever_ends_it_early_the_arms_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    path, domain = tmp_path / "robot.yaml", free_domain()
    path.write_text(contract(slower).text)
    robot, states = Robot(domain, domain), []
    gate = robot.node.create_publisher(String, "gate/state", LATCHED)
    robot.node.create_timer(0.1, lambda: gate.publish(String(data=json.dumps({"state": (states or ["disarmed"])[-1]}))))
    given = [f"robot:={path}", "motors:=unitree_g1", f"domain:={domain}", "rate_hz:=50.0", "silence_s:=2.0"]
    words_of = ["--ros-args", *(word for each in [*given, "state_max_age_s:=1.0"] for word in ("-p", each))]
    rclpy.init(args=words_of, domain_id=domain)
    node = ArmsNode()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    Thread(target=executor.spin, daemon=True).start()
    robot.spin(lambda: node._arms.ready)
    states.append("holding")
    robot.spin(lambda: robot.body.weight == 1.0)
    executor.shutdown()
    rclpy.shutdown()  # by whatever: nothing can be published any more
    robot.spin(lambda: robot.body.weight == 0.0)
    assert len(set(robot.weights[np.argmax(robot.weights) :])) > 10
    assert node._arms.share.why == "the process has failed"
    robot.spin(interrupted)
    forget()
    node.close()
    robot.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("motors:=unitree_g1",), "deployment.driver.speed_scaling"),  # of the default robot's contract
        (("motors:=unitree_h1",), "motors: got 'unitree_h1'"),
        (("motors:=unitree_g1", "rate_hz:=5000"), "rate_hz: got 5000.0; expected a number from 50 to 500"),
    ],
)
def test_wrong_parameters_end_it_in_a_line(given: tuple[str, ...], said: str) -> None:
    process = start("robot.arms_node", int(os.environ["ROS_DOMAIN_ID"]), "robot:=humanoid_upper_body", *given)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert said in out
    assert "Traceback" not in out
