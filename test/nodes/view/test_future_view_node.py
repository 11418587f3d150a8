"""The view as its own process: draws for those who look, keeps the telling strip, survives nonsense."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import rclpy
from decode_bundle import HORIZON, STATE, write_decode_bundle
from diagnostic_msgs.msg import DiagnosticArray
from peer import start
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from visualization_msgs.msg import Marker, MarkerArray

from world_model_ros.bringup.domain import free_domain
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class

pytestmark = pytest.mark.slow

CONTRACT = load_contract("tabletop_arm")
MAKE = MessageMaker(ros_class)
MADE_FOR = ("robot:=tabletop_arm", "provider:=cpu")
PER_TICK = 2  # grey levels that the world gets brighter each tick while it moves
BASE_NS = 1_700_000_000 * 10**9


@pytest.fixture(scope="module")
def domain() -> int:
    return free_domain()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return write_decode_bundle(tmp_path_factory.mktemp("models") / "brightness", CONTRACT)


class Robot:
    """Publishes what a robot and its brain would: a camera whose picture gets brighter, and states that say so."""

    def __init__(self, domain: int) -> None:
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node("robot", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.frame = 0
        self.seen: dict[str, list] = {}
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.publishers = {
            topic: self.node.create_publisher(ros_class(kind), topic, latched if topic == "gate/state" else 10)
            for topic, kind in {
                CONTRACT.source("front").topic: "sensor_msgs/msg/Image",
                "predicted/states": "sensor_msgs/msg/Image",
                "predicted/path": "nav_msgs/msg/Path",
                "predicted/fingertip/path": "nav_msgs/msg/Path",
                "predicted/joints": "trajectory_msgs/msg/JointTrajectory",
                "predicted/contact": "sensor_msgs/msg/Image",
                "predicted/object_0/region": "visualization_msgs/msg/MarkerArray",
                "tick": "std_msgs/msg/String",
                "surprise": "std_msgs/msg/Float32",
                "gate/state": "std_msgs/msg/String",
            }.items()
        }
        self.listen(DiagnosticArray, "/diagnostics")

    def listen(self, kind: type, topic: str) -> None:
        self.seen[topic] = []
        self.node.create_subscription(kind, topic, self.seen[topic].append, 10)

    def send(self, topic: str, message: object) -> None:
        self.publishers[topic].publish(message)

    def wait(self, condition, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "did not happen in time"
            self.executor.spin_once(timeout_sec=0.02)

    def live(self, until: Callable[[], object], most: int = 300) -> None:
        """30 frames a second, every third one a tick, until something is so; the picture gets brighter meanwhile."""
        camera = CONTRACT.source("front").topic
        while not until():
            assert self.frame < most, "did not happen while the picture could get brighter"
            stamp_ns = BASE_NS + self.frame * 33_333_333
            level = min(40 + PER_TICK * self.frame // 3, 250)
            self.send(camera, MAKE.image(np.full((128, 128, 3), level, np.uint8), "rgb8", stamp_ns))
            if self.frame % 3 == 0:
                states = np.zeros((HORIZON, STATE), np.float32)
                states[:, 0] = PER_TICK * np.arange(1, HORIZON + 1)
                self.send("predicted/states", MAKE.tensor(states, stamp_ns))
                self.send("surprise", MAKE.float32(0.2))
                path = np.zeros((HORIZON, 7))
                path[:, 0], path[:, 6] = np.linspace(0.3, 0.5, HORIZON), 1
                for topic in ("predicted/path", "predicted/fingertip/path"):
                    self.send(topic, MAKE.path(path, [stamp_ns] * HORIZON, "base_link"))
                goal = {"kind": "pose", "target": "fingertip", "pose": None, "aim": [0.5, 0.1, 0.03]}
                self.send("tick", MAKE.string(json.dumps({"stages_ms": {"total": 30.0}, "goal": goal})))
                region = Marker(ns="object_0/region", id=3, type=Marker.SPHERE)
                self.send("predicted/object_0/region", MarkerArray(markers=[region]))
                points = [
                    MAKE.make(
                        "trajectory_msgs/msg/JointTrajectoryPoint", positions=[0.05 * step, -1.4, 1.8, -1.9, -1.5, 0.0]
                    )
                    for step in range(HORIZON)
                ]
                names = list(CONTRACT.joint_names)
                self.send(
                    "predicted/joints",
                    MAKE.make("trajectory_msgs/msg/JointTrajectory", joint_names=names, points=points),
                )
                self.send("predicted/contact", MAKE.tensor(np.full((HORIZON, 1), 4.0, np.float32), stamp_ns))
            self.frame += 1
            self.executor.spin_once(timeout_sec=0.005)
            time.sleep(0.02)

    def reported(self) -> dict[str, str]:
        """Values of the view's last report, if there is one."""
        reports = self.seen["/diagnostics"]
        return {pair.key: pair.value for pair in reports[-1].status[0].values} if reports else {}

    def health(self) -> tuple[bytes, dict[str, str]]:
        """Level and values of the view's last report."""
        self.seen["/diagnostics"].clear()
        self.wait(lambda: self.seen["/diagnostics"])
        (status,) = self.seen["/diagnostics"][-1].status
        return status.level, {pair.key: pair.value for pair in status.values}

    def close(self) -> None:
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture
def robot(domain):
    made = Robot(domain)
    yield made
    made.close()


def cells(picture: np.ndarray, size: int) -> list[list[int]]:
    """Grey levels of the frames in a strip, row by row; what is no frame is left out."""
    flat = (np.ptp(picture.astype(int), axis=2) <= 1).astype(np.uint8)
    gray = picture[..., 0]
    same = (cv2.dilate(gray, np.ones((9, 9))) == cv2.erode(gray, np.ones((9, 9)))).astype(np.uint8) & flat
    same &= (gray > 35).astype(np.uint8)
    _, _, boxes, centres = cv2.connectedComponentsWithStats(same)
    found = [
        (round(y / size), x, int(gray[int(y), int(x)]))
        for (_, _, width, height, _), (x, y) in zip(boxes, centres)
        if size * 0.8 < width < size * 1.1 and size * 0.8 < height < size * 1.1
    ]
    rows = sorted({row for row, _, _ in found})
    return [[level for row, _, level in sorted(found) if row == each] for each in rows]


def test_it_draws_for_those_who_look_and_keeps_the_telling_strip(robot, domain, bundle, tmp_path):
    picture = tmp_path / "futures.png"
    process = start(
        "view.future_view_node",
        domain,
        *MADE_FOR,
        f"model:={bundle}",
        f"save:={picture}",
        "rate_hz:=4.0",
        "cell_px:=64",
    )
    try:
        states = robot.publishers["predicted/states"]
        robot.wait(lambda: states.get_subscription_count() and robot.seen["/diagnostics"])
        robot.send("gate/state", MAKE.string(json.dumps({"state": "tracking", "cause": ""})))

        robot.live(lambda: int(robot.reported().get("imaginations", 0)) > 3)
        assert robot.reported()["strips_drawn"] == "0", "it draws although nobody looks"

        robot.listen(ros_class("sensor_msgs/msg/Image"), "futures/image")
        robot.listen(MarkerArray, "futures/markers")
        seen = robot.seen
        robot.live(lambda: len(seen["futures/image"]) > 3 and seen["futures/markers"] and robot.frame > 60)
        image = robot.seen["futures/image"][-1]
        assert image.encoding == "rgb8"
        assert image.width * 3 == image.step

        markers = robot.seen["futures/markers"][-1].markers
        names = {(marker.ns, marker.id) for marker in markers}
        assert {
            ("plan", 0),
            ("fingertip/path", 0),
            ("fingertip/ghost", 0),
            ("fingertip/goal", 0),
            ("object_0/region", 3),
            ("contact", 12),
            ("contact", 1012),
            ("badge", 0),
        } <= names
        assert len([name for name, _ in names if name == "robot/ghost/12"]) > 8
        assert len(markers) < 165
        (badge,) = [marker.text for marker in markers if marker.ns == "badge"]
        assert badge.startswith("tracking | tick 30 ms | surprise 0.2")
        assert all(marker.action == Marker.ADD for marker in markers)
        path = next(marker for marker in markers if marker.ns == "fingertip/path")
        assert path.header.frame_id == "base_link"
        assert len(path.points) == len(path.colors) == HORIZON

        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        assert "Traceback" not in output
    finally:
        process.kill()
        process.wait()

    imagined, real, *_ = cells(cv2.imread(str(picture)), 192)
    assert len(imagined) == 5, "now and four imagined frames"
    np.testing.assert_array_equal(np.array(imagined) - imagined[0], PER_TICK * np.array([0, 3, 6, 9, 12]))
    # the world does what was imagined; its frames are a third of a tick apart
    np.testing.assert_allclose(real, imagined[1:], atol=2)


def test_nonsense_is_counted_and_changes_nothing(robot, domain, bundle):
    process = start("view.future_view_node", domain, *MADE_FOR, f"model:={bundle}")
    try:
        states = robot.publishers["predicted/states"]
        robot.wait(lambda: robot.seen["/diagnostics"])
        assert not states.get_subscription_count(), "it makes the brain work although nobody looks"
        robot.listen(ros_class("sensor_msgs/msg/Image"), "futures/image")
        robot.listen(MarkerArray, "futures/markers")
        robot.wait(states.get_subscription_count)
        nan = np.full((HORIZON, STATE), np.nan, np.float32)
        cut = MAKE.tensor(np.zeros((HORIZON, STATE), np.float32), BASE_NS)
        cut.data = cut.data[:10]
        nonsense = [
            ("predicted/states", MAKE.tensor(np.zeros((HORIZON, STATE + 1), np.float32), BASE_NS)),
            ("predicted/states", MAKE.tensor(nan, BASE_NS)),
            ("predicted/states", cut),
            ("tick", MAKE.string("{not json")),
            ("tick", MAKE.string("[1, 2]")),
            ("tick", MAKE.string('{"goal": {"kind": "pose", "target": "fingertip", "aim": ["x", null, 0]}}')),
            ("gate/state", MAKE.string("")),
            ("predicted/path", MAKE.path(np.zeros((2, 7)), [0, 0], "moon")),
            (
                "predicted/joints",
                MAKE.make(
                    "trajectory_msgs/msg/JointTrajectory",
                    points=[MAKE.make("trajectory_msgs/msg/JointTrajectoryPoint", positions=[1.0])],
                ),
            ),
            (CONTRACT.source("front").topic, MAKE.image(np.zeros((5, 5, 3), np.uint8), "rgb8", BASE_NS)),
        ]
        for topic, message in nonsense:
            robot.wait(lambda topic=topic: robot.publishers[topic].get_subscription_count())
            robot.send(topic, message)
        robot.wait(lambda: robot.health()[1]["messages_refused"] == str(len(nonsense)))
        robot.live(lambda: int(robot.reported().get("imaginations", 0)) > 0)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output


@pytest.mark.parametrize(
    ("parameter", "value", "legal"),
    [("model", "nowhere", "manifest.json"), ("robot", "r2d2", "tabletop_arm"), ("steps", "'3,99'", "from 1 to 12")],
)
def test_a_wrong_parameter_ends_it_with_the_legal_values(domain, bundle, parameter, value, legal):
    process = start("view.future_view_node", domain, *MADE_FOR, f"model:={bundle}", f"{parameter}:={value}")
    output, _ = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert legal in output
    assert "Traceback" not in output
