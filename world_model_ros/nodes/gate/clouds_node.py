"""Node that converts point clouds of depth sensors to voxels for the gate, in a process of its own.

Parameters: ``robot`` (contract, name or file). A cloud waits until joint states, and transforms where they say its
place, reach its stamp, up to its ``max_age_s``; of those that came meanwhile the newest waits too. What cannot be used
is in the log and on ``/diagnostics``, and the gate brakes once the last one that could is too old. See
`world_model_ros.kinematics.collision.cloud_filter` for what is left out.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState, PointCloud2

from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.deployment.gate import Cloud
from world_model_ros.contract.schema import TRANSFORMS
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.topics import DIAGNOSTICS, seen_topic
from world_model_ros.convert.clouds import points_of
from world_model_ros.convert.frames import FrameTree
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.stamps import frame_of, stamp_ns
from world_model_ros.core.arrays import Float, between
from world_model_ros.core.errors import OtherMessage, UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.core.orientation import rotation
from world_model_ros.kinematics.collision.cloud_filter import Around
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.diagnostics import OK, WARN, diagnostics, status
from world_model_ros.nodes.joint_hearing import JointHearing
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.qos import STATIC, qos_profile
from world_model_ros.nodes.spin import run_node

_KEPT_NS = 2_000_000_000  # of the joints' past
_LOOK_S = 0.01


class CloudsNode(Node):
    """Callbacks store what came in; a timer makes voxels of a cloud once all that it needs is there."""

    def __init__(self) -> None:
        super().__init__("clouds")
        self._contract = contract = load_contract(str(declare(self, "robot", default_robot())))
        self._clouds = contract.deployment.gate.clouds
        if not self._clouds:
            raise UserError("deployment.gate.clouds", [], f"at least one cloud in the contract of {contract.name}")
        self._around, self._make = Around(contract), MessageMaker(ros_class)
        self._joints = JointHearing(contract, velocities=False)
        self._past: deque[tuple[int, Float]] = deque()
        self._tree = FrameTree("clouds")
        self._waiting: dict[str, list[tuple[float, PointCloud2]]] = {cloud.name: [] for cloud in self._clouds}
        self._counts: dict[str, Counter[str]] = {cloud.name: Counter() for cloud in self._clouds}
        self._why: dict[str, str] = {}
        self._took_ms: dict[str, float] = {}
        self._joints.subscribe(self, self._on_joints)
        if any(cloud.place is None for cloud in self._clouds):
            transforms = ros_class(TRANSFORMS)
            self.create_subscription(transforms, "/tf", self._tree.take, 100)
            self.create_subscription(transforms, "/tf_static", lambda m: self._tree.take(m, static=True), STATIC)
        self._seen = {each.name: self.create_publisher(PointCloud2, seen_topic(each.name), 1) for each in self._clouds}
        for cloud in self._clouds:
            hear_cloud = partial(self._on_cloud, cloud)
            self.create_subscription(PointCloud2, cloud.topic, hear_cloud, qos_profile(cloud.qos))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)
        self.create_timer(_LOOK_S, self._look, clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)

    def _on_joints(self, stream: JointStream, message: JointState) -> None:
        try:
            if not self._joints.take(stream, message, clock_ns(self)):
                return
        except UserError as error:
            self._say(stream.name, error)
            return
        whole = self._joints.whole()
        if whole is None:
            return
        stamp, position = whole[0], whole[1]
        if self._past and stamp < self._past[-1][0]:
            if self._past[-1][0] - stamp > _KEPT_NS:  # the clock jumped back
                self._past.clear()
                self._tree.forget()
            else:
                return
        self._past.append((stamp, position))
        while stamp - self._past[0][0] > _KEPT_NS:
            self._past.popleft()

    def _on_cloud(self, cloud: Cloud, message: PointCloud2) -> None:
        waiting = self._waiting[cloud.name]
        if len(waiting) == 2:  # the first stays: else joint states that are late by more than a period never reach one
            waiting.pop()
            self._counts[cloud.name]["dropped"] += 1
        waiting.append((time.monotonic(), message))

    def _look(self) -> None:
        for cloud in self._clouds:
            waiting, self._waiting[cloud.name] = self._waiting[cloud.name], []
            while waiting:  # the newest one that can be used is
                came_s, message = waiting.pop()
                start = time.perf_counter()
                try:
                    self._see(cloud, message)
                except OtherMessage as error:  # what it needs may come yet
                    if time.monotonic() - came_s > cloud.max_age_s:
                        self._refuse(cloud, error)
                    else:
                        self._waiting[cloud.name].insert(0, (came_s, message))
                    continue
                except UserError as error:
                    self._refuse(cloud, error)
                    continue
                self._why.pop(cloud.name, None)
                self._counts[cloud.name]["seen"] += 1
                self._counts[cloud.name]["dropped"] += len(waiting)
                self._took_ms[cloud.name] = (time.perf_counter() - start) * 1e3
                break

    def _refuse(self, cloud: Cloud, error: UserError) -> None:
        self._counts[cloud.name]["refused"] += 1
        self._why[cloud.name] = str(error)
        self._say(cloud.name, error)

    def _see(self, cloud: Cloud, message: PointCloud2) -> None:
        """Publish the voxels of a cloud; `OtherMessage` if what it needs has not come yet."""
        stamp, base = stamp_ns(message), self._contract.interface.base_frame
        position = position_at(self._past, stamp, cloud.name)
        frame = frame_of(message)
        if cloud.place is None:
            pose = self._tree.place(base, frame, stamp)
        elif frame != cloud.place.frame.removeprefix("/"):
            raise UserError(
                f"{cloud.name}: frame_id", frame, f"that of its place in the contract, {cloud.place.frame!r}"
            )
        else:
            turn = np.array(cloud.place.quaternion)
            pose = np.array([*cloud.place.position_m, *(turn / np.linalg.norm(turn))])
        points = points_of(message, cloud.name) @ rotation(pose[3:]).T + pose[:3]
        seen = self._around.voxels(points, cloud, position)
        self._seen[cloud.name].publish(self._make.seen(seen.points, seen.radius_m, stamp, base))

    def _say(self, name: str, error: UserError) -> None:
        self.get_logger().warning(f"{name} cannot be used: {error}", throttle_duration_sec=5.0)

    def _diagnose(self) -> None:
        told = []
        for cloud in self._clouds:
            why = self._why.get(cloud.name)
            words = why or ("seen" if self._counts[cloud.name]["seen"] else f"nothing on {cloud.topic} yet")
            values: dict[str, Any] = {
                **self._counts[cloud.name],
                "took_ms": round(self._took_ms.get(cloud.name, 0.0), 1),
            }
            level = OK if words == "seen" else WARN
            told.append(status(f"clouds: {cloud.name}", level, words, values))
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), *told))


def position_at(past: deque[tuple[int, Float]], stamp: int, name: str) -> Float:
    """Where (J,) the joints were at a stamp, straight between two measurements.

    Raises:
        OtherMessage: no joint states are so new yet.
        UserError: they begin later.
    """
    if not past or past[-1][0] < stamp:
        raise OtherMessage(f"{name}: joint states", "none so new yet", "some of the time of the cloud")
    if past[0][0] > stamp:
        late_s = (past[0][0] - stamp) * 1e-9
        raise UserError(f"{name}: stamp", f"{late_s:.3f} s before joint states that are known", "a cloud that is fresh")
    return between(past, stamp)


def main() -> int:
    """Run the node until it is interrupted; 1 if its parameters are wrong."""
    return run_node("clouds_node", CloudsNode, CloudsNode.destroy_node)


if __name__ == "__main__":
    sys.exit(main())
