"""The process that makes voxels of a depth camera's clouds: where the sensor is, when it saw, and what is refused."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState, PointCloud2, PointField
from test_command_gate_node import CONTRACT, MAKE, free_domain, start

from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.clouds import seen_of
from world_model_ros.convert.frames import FrameTree
from world_model_ros.core.errors import AbsentError, OtherMessage, UserError
from world_model_ros.nodes.gate.clouds_node import position_at

HOME = [-0.3, -1.5, 2.2, -2.2, -1.57, -1.87]
PLACE = "{frame: camera_optical, position_m: [0.0, 0.0, 1.0], quaternion: [0.7071068, 0.0, 0.0, 0.7071068]}"


def turned(points: np.ndarray) -> np.ndarray:
    """Of points of the base frame, where the camera of PLACE has them: a quarter about x, and 1 m up."""
    x, y, z = (points - [0.0, 0.0, 1.0]).T
    return np.column_stack([x, z, -y])


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clouds = f"\n    clouds: [{{name: front, topic: camera/points, place: {PLACE}}}]"
    path = tmp_path_factory.mktemp("robot") / "seeing.yaml"
    path.write_text(CONTRACT.text.replace("\n    obstacles:", f"{clouds}\n    obstacles:", 1))
    return path


JOINTS_LATE_S = 0.15  # more than the camera's period


class Camera:
    """A camera, an arm that stands still whose joint states come late, and who hears of voxels."""

    def __init__(self, domain: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node("camera", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.points, self.frame, self.seen, self.said = np.empty((0, 3)), "camera_optical", [], {}
        self.names = list(CONTRACT.joint_names)
        self._joints = self.node.create_publisher(JointState, "joint_states", 10)
        self._cloud = self.node.create_publisher(PointCloud2, "camera/points", 1)
        self.node.create_subscription(PointCloud2, "gate/seen/front", self.seen.append, 10)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 10)
        self.node.create_timer(0.02, self._say)
        self.node.create_timer(0.1, self._show)

    def _hear(self, message: DiagnosticArray) -> None:
        self.said.update({each.name: each.message for each in message.status})

    def _say(self) -> None:
        stamp_ns = self.node.get_clock().now().nanoseconds - int(JOINTS_LATE_S * 1e9)
        velocity = [0.0] * len(HOME)
        self._joints.publish(MAKE.joint_state(self.names, HOME, velocity, stamp_ns=stamp_ns))

    def _show(self) -> None:
        """An organised cloud with colours and points that were not measured."""
        rows = np.full((2, max(len(self.points), 1), 8), np.nan, "<f4")
        rows[0, : len(self.points), :3] = self.points
        message = PointCloud2(height=2, width=rows.shape[1], point_step=32, row_step=32 * rows.shape[1])
        message.header.frame_id = self.frame
        stamp_ns = self.node.get_clock().now().nanoseconds
        message.header.stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        message.fields = [
            PointField(name=name, offset=offset, datatype=7, count=1)
            for name, offset in (("x", 0), ("y", 4), ("z", 8), ("rgb", 16))
        ]
        message.data.frombytes(rows.tobytes())
        self._cloud.publish(message)

    def until(self, reached: Callable[[], object], patience_s: float = 40.0) -> None:
        deadline = time.monotonic() + patience_s
        while not reached():
            assert time.monotonic() < deadline, self.said
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def camera(contract: Path) -> Iterator[Camera]:
    domain = free_domain()
    process = start("gate.clouds_node", domain, f"robot:={contract}")
    camera = Camera(domain)
    yield camera
    camera.close()
    process.terminate()
    process.wait(60)


@pytest.mark.slow
def test_the_points_of_a_camera_come_to_the_gate_in_the_base_frame_and_those_of_a_wrong_frame_do_not(
    camera: Camera,
) -> None:
    hand = np.array([[0.8, 0.3, 0.6], [0.8, 0.33, 0.6]])
    robot = np.array([[0.0, 0.0, 0.05]])  # in its foot
    camera.points = turned(np.concatenate([hand, robot, [[9.0, 0.0, 1.0]]]))
    camera.until(lambda: camera.seen)
    seen = seen_of(camera.seen[-1], "front", CONTRACT.interface.base_frame, 1000)
    assert len(seen.points) == 2
    away = np.linalg.norm(seen.points[:, None] - hand[None], axis=2).min(axis=0)
    assert away.max() <= seen.radius_m
    camera.until(lambda: camera.said.get("clouds: front") == "seen")
    camera.frame = "camera_link"
    camera.until(lambda: "frame_id: got 'camera_link'" in camera.said.get("clouds: front", ""))
    count = len(camera.seen)
    assert "'camera_optical'" in camera.said["clouds: front"]
    for _ in range(20):
        camera.executor.spin_once(timeout_sec=0.05)
    assert len(camera.seen) <= count + 1


def test_the_joints_are_taken_from_when_the_cloud_was_seen() -> None:
    past = deque([(10, np.array([0.0])), (20, np.array([1.0])), (40, np.array([2.0]))])
    for stamp, place in ((10, 0.0), (15, 0.5), (20, 1.0), (30, 1.5), (40, 2.0)):
        assert position_at(past, stamp, "front").tolist() == [place]
    for none_yet in (deque(), past):
        with pytest.raises(OtherMessage, match="front: joint states"):
            position_at(none_yet, 41, "front")
    with pytest.raises(UserError, match=r"front: stamp: got '0.000 s before joint states"):
        position_at(past, 9, "front")


def transform(parent: str, child: str, x_m: float, at_ns: int) -> SimpleNamespace:
    place = SimpleNamespace(x=x_m, y=0.0, z=0.0)
    turn = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)
    header = SimpleNamespace(frame_id=parent, stamp=SimpleNamespace(sec=0, nanosec=at_ns))
    motion = SimpleNamespace(translation=place, rotation=turn)
    return SimpleNamespace(transforms=[SimpleNamespace(header=header, child_frame_id=child, transform=motion)])


def test_transforms_say_where_a_sensor_was_at_the_stamp() -> None:
    tree = FrameTree("clouds")
    with pytest.raises(AbsentError, match="base"):
        tree.place("base", "camera", 100)
    tree.take(transform("hand", "camera", 0.5, 0), static=True)
    tree.take(transform("base", "hand", 1.0, 100))
    tree.take(transform("base", "hand", 3.0, 200))
    assert tree.place("base", "camera", 150)[:3] == pytest.approx([2.5, 0, 0])
    assert tree.place("base", "camera", 200)[:3] == pytest.approx([3.5, 0, 0])
    assert tree.place("hand", "camera", 10**9)[:3] == pytest.approx([0.5, 0, 0])  # nothing of it moves
    for stamp in (99, 201):
        with pytest.raises(OtherMessage, match="transform of hand"):
            tree.place("base", "camera", stamp)


def test_a_contract_without_clouds_has_nothing_for_it(capfd: pytest.CaptureFixture[str]) -> None:
    process = start("gate.clouds_node", free_domain(), "robot:=tabletop_arm")
    assert process.wait(60) == 1
    assert load_contract("tabletop_arm").deployment.gate.clouds == []
