"""The recorder as a process, between real topics."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from peer import Peer
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bringup.domain import free_domain
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.nodes.qos import LATCHED

pytestmark = pytest.mark.slow

BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


class Robot(Peer):
    """Publishes what a test wants, and hears the recorder's diagnostics."""

    def __init__(self) -> None:
        super().__init__("robot")
        self.make = MessageMaker(ros_class)
        self.health: dict[str, str] = {}
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._heard, 10)

    def _heard(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == "recorder: bag":
                self.health = {pair.key: pair.value for pair in status.values} | {"message": status.message}


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Robot]:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain()))
    robot = Robot()
    yield robot
    robot.close()


@pytest.fixture
def record(start_node: Callable[..., subprocess.Popen[str]]) -> Callable[..., subprocess.Popen[str]]:
    return lambda path, *parameters: start_node("recorder_node", f"path:={path}", *parameters)


def test_what_is_published_is_in_the_bag_with_contract_and_tick_record(
    robot: Robot, record: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    contract = load_contract("tabletop_arm")
    make, node = robot.make, robot.node
    joints = node.create_publisher(JointState, "joint_states", 100)
    camera = node.create_publisher(Image, "camera/front/image_raw", BEST_EFFORT)
    state = node.create_publisher(String, "gate/state", LATCHED)
    other = node.create_publisher(String, "not_ours", 10)
    state.publish(make.string("disarmed"))
    process = record(tmp_path / "bag")
    robot.spin(lambda: joints.get_subscription_count() > 0 and camera.get_subscription_count() > 0)
    assert other.get_subscription_count() == 0

    tick = node.create_publisher(String, "tick", 100)  # appears late
    robot.spin(lambda: tick.get_subscription_count() > 0)
    pixels = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    names, count = contract.joint_names, 60
    for i in range(count):
        joints.publish(make.joint_state(names, np.full(6, i / 100), np.zeros(6), stamp_ns=robot.now_ns()))
        if i % 3 == 0:
            camera.publish(make.image(pixels, "rgb8", robot.now_ns(), "front"))
        tick.publish(make.string(json.dumps({"index": i})))
        robot.executor.spin_once(timeout_sec=0.01)
        time.sleep(0.01)
    robot.spin(lambda: int(robot.health.get("messages_written", 0)) >= 2 * count + 2)
    assert robot.health["messages_lost"] == "0"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "0 lost" in output

    with BagReader(tmp_path / "bag") as bag:
        counts = {name: topic.count for name, topic in bag.topics().items()}
        assert counts["/joint_states"] == counts["/tick"] == count
        assert 10 <= counts["/camera/front/image_raw"] <= 20  # best effort
        assert counts["/gate/state"] == counts["/contract"] == 1
        assert "/not_ours" not in counts
        assert bag.contract_text() == contract.text
        assert [json.loads(m.data)["index"] for _, _, _, m in bag.messages(["/tick"])] == list(range(count))
    episode = aligned_episode(tmp_path / "bag", contract)
    assert episode.fresh[:, 4].all()
    seen = np.flatnonzero(episode.fresh[:, 0])
    assert np.abs(episode.streams["front"][seen[0], 0, 0] - pixels[:2, :2].mean(axis=(0, 1))).max() <= 0.5


def test_all_topics_are_recorded_on_demand(
    robot: Robot, record: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    other = robot.node.create_publisher(String, "anything", 10)
    process = record(tmp_path / "bag", "topics:=all")
    robot.spin(lambda: other.get_subscription_count() > 0)
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        other.publish(robot.make.string("hello"))
        robot.executor.spin_once(timeout_sec=0.05)
    process.send_signal(signal.SIGTERM)  # ends it as cleanly as SIGINT
    process.communicate(timeout=60)
    with BagReader(tmp_path / "bag") as bag:
        assert {message.data for _, _, _, message in bag.messages(["/anything"])} == {"hello"}
        assert "/rosout" in bag.topics()


@pytest.mark.parametrize(("asked", "policy"), [((), os.SCHED_FIFO), (("thread_priority:=0",), os.SCHED_OTHER)])
def test_it_comes_before_what_is_only_looked_at_where_that_is_allowed(
    robot: Robot,
    record: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    asked: tuple[str, ...],
    policy: int,
) -> None:
    process = record(tmp_path / "bag", *asked)
    robot.spin(lambda: bool(robot.health))
    if not asked and os.sched_getscheduler(process.pid) == os.SCHED_OTHER:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        assert "thread_priority 10 is not to be had" in output + errors
        return
    assert os.sched_getscheduler(process.pid) == policy
    if asked == ():
        assert os.sched_getparam(process.pid).sched_priority == 10  # after the brain's 20


def test_an_existing_bag_is_not_overwritten(
    robot: Robot, record: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "bag").mkdir()
    process = record(tmp_path / "bag")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "bag to write" in errors
    assert "does not exist yet" in errors
    assert "Traceback" not in errors
    assert not list((tmp_path / "bag").iterdir())
