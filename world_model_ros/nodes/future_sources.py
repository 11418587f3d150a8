"""What the future view listens to; callbacks only check, convert and store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from nav_msgs.msg import Path
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image as ImageMsg
from std_msgs.msg import Float32, String
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import CameraStream, Qos
from world_model_ros.convert.camera import CameraConverter
from world_model_ros.convert.incoming import converter_for
from world_model_ros.convert.outgoing import ros_class
from world_model_ros.convert.stamps import image_rows, stamp_ns
from world_model_ros.core.errors import UserError
from world_model_ros.view.markers import LIFETIME_S
from world_model_ros.view.scene import Scene
from world_model_ros.view.skeleton import Skeleton
from world_model_ros.view.strip import Badge, Image
from world_model_ros.view.timeline import Imagination, Timeline

_LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class FutureSources:
    """Subscriptions of a view.

    Args:
        node: they belong to it.
        contract: names the first camera's topic, the targets and the base frame.
        camera: the first camera.
        state_shape: (H, S) of `predicted/states`.
        timeline: gets camera frames and imaginations.
        scene: gets paths, the goal and the robot.
    """

    def __init__(
        self,
        node: Node,
        contract: Contract,
        camera: CameraStream,
        state_shape: tuple[int, int],
        timeline: Timeline,
        scene: Scene,
    ) -> None:
        self.badge = Badge()
        self.received = 0  # imaginations
        self.refused = 0  # messages that could not be read
        self._node, self._timeline, self._scene = node, timeline, scene
        self._state_shape = state_shape
        self._base_frame = contract.interface.base_frame
        self._skeleton = Skeleton(contract) if contract.deployment.urdf is not None else None
        self._goal_kind: str | None = None
        self._goal_image: Image | None = None
        self._regions: dict[str, tuple[int, MarkerArray]] = {}

        source = contract.source(camera.name)
        to_frame = converter_for(camera, source)
        to_goal = CameraConverter("goal/image", (camera.height, camera.width))
        self._listen(ros_class(source.type), source.topic, lambda m: timeline.saw(*to_frame(m)), _profile(source.qos))
        self._listen(ImageMsg, "predicted/states", self._states)
        self._listen(JointTrajectory, "predicted/joints", self._joints)
        self._listen(String, "tick", self._tick)
        self._listen(Float32, "surprise", self._surprise)
        self._listen(String, "gate/state", self._gate, _LATCHED)
        self._listen(ImageMsg, "goal/image", partial(self._picture, to_goal))
        tips = [target.name for target in contract.interface.targets if target.kind == "fingertip"]
        first_tip = tips[0] if tips else "fingertip"
        self._listen(Path, "predicted/path", partial(self._path, first_tip))
        for target in contract.interface.targets:
            if target.name != first_tip:
                self._listen(Path, f"predicted/{target.name}/path", partial(self._path, target.name))
            self._listen(MarkerArray, f"predicted/{target.name}/region", partial(self._region, target.name))

    def regions(self) -> list[Any]:
        """Markers of the 90 % regions, as the brain sent them lately."""
        oldest_ns = self._now_ns() - round(LIFETIME_S * 1e9)
        return [marker for at, message in list(self._regions.values()) if at > oldest_ns for marker in message.markers]

    def _listen(self, kind: Any, topic: str, store: Callable[[Any], None], qos: QoSProfile | int = 10) -> None:
        def callback(message: Any) -> None:
            try:
                store(message)
            except UserError as error:
                self.refused += 1
                self._node.get_logger().warning(f"{topic}: {error}", throttle_duration_sec=5.0)

        self._node.create_subscription(kind, topic, callback, qos)

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _states(self, message: Any) -> None:
        if message.encoding != "32FC1" or (message.height, message.width) != self._state_shape:
            found = (message.encoding, message.height, message.width)
            raise UserError("encoding, height, width", found, f"('32FC1', {self._state_shape}) of the model in use")
        # Adding zero turns a view of the message into an array of its own, in native byte order.
        states = (image_rows(message, np.float32, 1, "data")[..., 0] + 0).astype(np.float32)
        if not np.isfinite(states).all():
            raise UserError("data", "NaN or infinite", "finite numbers")
        self.received += 1
        goal = self._goal_image if self._goal_kind == "image" else None
        self._timeline.imagined(Imagination(stamp_ns(message), states, self.badge, goal))

    def _path(self, target: str, message: Any) -> None:
        if message.header.frame_id != self._base_frame:
            raise UserError("header.frame_id", message.header.frame_id, repr(self._base_frame))
        places = [pose.pose.position for pose in message.poses]
        self._scene.path(target, [(place.x, place.y, place.z) for place in places], self._now_ns())

    def _region(self, target: str, message: Any) -> None:
        self._regions[target] = (self._now_ns(), message)

    def _joints(self, message: Any) -> None:
        if self._skeleton is None or not message.points:
            return
        names = tuple(message.joint_names)
        self._scene.robot(self._skeleton.lines(names, message.points[-1].positions), self._now_ns())

    def _tick(self, message: Any) -> None:
        record = _object(message.data)
        total = _object(record.get("stages_ms")).get("total")
        self.badge = replace(self.badge, tick_ms=float(total) if isinstance(total, (int, float)) else None)
        goal = _object(record.get("goal"))
        position = goal.get("position")
        if position is not None and not _is_position(position):
            raise UserError("goal.position", position, "three numbers, m")
        self._goal_kind = goal.get("kind")
        self._scene.goal(goal.get("target"), position, self._now_ns())

    def _surprise(self, message: Any) -> None:
        self.badge = replace(self.badge, surprise=float(message.data))

    def _gate(self, message: Any) -> None:
        state = _object(message.data).get("state")
        self.badge = replace(self.badge, gate=state if isinstance(state, str) else None)

    def _picture(self, convert: CameraConverter, message: Any) -> None:
        self._goal_image = convert(message)[1]


def _object(value: Any) -> dict[str, Any]:
    """A JSON object, from text or as part of another one; nothing counts as an empty one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise UserError("data", str(error), "a JSON object") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError("data", value, "a JSON object")
    return value


def _is_position(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(each, (int, float)) for each in value)


def _profile(qos: Qos) -> QoSProfile:
    return QoSProfile(
        depth=qos.depth,
        reliability=ReliabilityPolicy[qos.reliability.upper()],
        durability=DurabilityPolicy[qos.durability.upper()],
    )
