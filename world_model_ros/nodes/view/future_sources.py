"""Subscriptions of the future view: gate, goal and ticks always; camera, imagined states and paths while viewed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from nav_msgs.msg import Path
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image as ImageMsg
from std_msgs.msg import Float32, String
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from world_model_ros.contract import topics
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import CameraStream
from world_model_ros.convert.encodings.image_rows import image_rows
from world_model_ros.convert.futures import placed_targets
from world_model_ros.convert.messages import ros_class
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import Frame
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.qos import LATCHED, qos_profile
from world_model_ros.nodes.view import predicted
from world_model_ros.view.markers.future_markers import LIFETIME_S
from world_model_ros.view.markers.marker_scene import Scene
from world_model_ros.view.markers.robot_shape import RobotShape
from world_model_ros.view.pictures.skeleton import Skeleton
from world_model_ros.view.pictures.strip import Badge
from world_model_ros.view.timeline import Imagination, Timeline

_Topic = tuple[Any, str, Callable[[Any], None], "QoSProfile | int"]


class FutureSources:
    """Subscriptions of a view; to frames and what is imagined only while there is a viewer.

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
        self._joint_names = contract.joint_names
        self._skeleton = self._shape = None
        if contract.deployment.urdf is not None:
            self._shape = RobotShape(contract)
            if any(part.primitive is None for part in self._shape.parts):  # meshes: lines from link to link instead
                self._skeleton = Skeleton(contract)
        self._goal_kind: str | None = None
        self._goal_image: Frame | None = None
        self._regions: dict[str, tuple[int, MarkerArray]] = {}

        source = contract.source(camera.name)
        to_frame = converter_for(camera, source)
        to_goal = CameraConverter(topics.GOAL_IMAGE, (camera.height, camera.width))
        self._topics: dict[str, list[_Topic]] = {
            "always": [
                (String, topics.TICK, self._tick, 10),
                (Float32, topics.SURPRISE, self._surprise, 10),
                (String, topics.GATE_STATE, self._gate, LATCHED),
                (ImageMsg, topics.GOAL_IMAGE, partial(self._picture, to_goal), 10),
            ],
            "pictures": [
                (ros_class(source.type), source.topic, lambda m: timeline.saw(*to_frame(m)), qos_profile(source.qos)),
                (ImageMsg, topics.PREDICTED_STATES, self._states, 10),
            ],
            "space": [
                (JointTrajectory, topics.PREDICTED_JOINTS, self._joints, 10),
                (Path, topics.PREDICTED_PATH, partial(self._path, None), 10),
                (ImageMsg, topics.PREDICTED_CONTACT, self._contact, 10),
            ],
        }
        for target in placed_targets(contract):
            self._topics["space"] += [
                (Path, topics.path_topic(target), partial(self._path, target), 10),
                (MarkerArray, topics.region_topic(target), partial(self._region, target), 10),
            ]
        self._open: dict[str, list[Subscription]] = {}
        self._listen("always", True)

    def look(self, pictures: bool, space: bool) -> None:
        """Subscribe to what pictures and what markers are made of, or stop; the brain only makes what has subscribers.

        Call it from the executor's thread.
        """
        self._listen("pictures", pictures)
        self._listen("space", space)

    def regions(self) -> list[Any]:
        """Markers of the 90 % regions, as the brain sent them lately."""
        oldest_ns = clock_ns(self._node) - round(LIFETIME_S * 1e9)
        return [marker for at, message in list(self._regions.values()) if at > oldest_ns for marker in message.markers]

    def _listen(self, group: str, wanted: bool) -> None:
        if wanted and group not in self._open:
            self._open[group] = [
                self._node.create_subscription(kind, topic, partial(self._receive, topic, store), qos)
                for kind, topic, store, qos in self._topics[group]
            ]
        elif not wanted:
            for subscription in self._open.pop(group, []):
                self._node.destroy_subscription(subscription)

    def _receive(self, topic: str, store: Callable[[Any], None], message: Any) -> None:
        try:
            store(message)
        except UserError as error:
            self.refused += 1
            self._node.get_logger().warning(f"{topic}: {error}", throttle_duration_sec=5.0)

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

    def _path(self, target: str | None, message: Any) -> None:
        """The imagined way of a target, or without one the way that the fingertip is commanded."""
        if message.header.frame_id != self._base_frame:
            raise UserError("header.frame_id", message.header.frame_id, repr(self._base_frame))
        places = [pose.pose.position for pose in message.poses]
        positions = [(place.x, place.y, place.z) for place in places]
        if target is None:
            self._scene.plan(positions, clock_ns(self._node))
        else:
            self._scene.path(target, positions, clock_ns(self._node))

    def _region(self, target: str, message: Any) -> None:
        self._regions[target] = (clock_ns(self._node), message)

    def _joints(self, message: Any) -> None:
        if self._shape is None or not message.points:
            return
        ahead = predicted.joints(message, self._joint_names)
        if self._skeleton is None:
            self._scene.ghosts(self._shape, ahead, clock_ns(self._node))
        else:
            self._scene.robot(self._skeleton.lines(self._joint_names, ahead[-1]), clock_ns(self._node))

    def _contact(self, message: Any) -> None:
        self._scene.contact(predicted.rows("data", message)[:, 0], clock_ns(self._node))

    def _tick(self, message: Any) -> None:
        record = predicted.json_object(message.data)
        total = predicted.json_object(record.get("stages_ms")).get("total")
        self.badge = replace(self.badge, tick_ms=float(total) if isinstance(total, (int, float)) else None)
        goal = predicted.json_object(record.get("goal"))
        position = predicted.goal_place(record)
        self._goal_kind = goal.get("kind")
        self._scene.goal(goal.get("target"), position, clock_ns(self._node))

    def _surprise(self, message: Any) -> None:
        self.badge = replace(self.badge, surprise=float(message.data))

    def _gate(self, message: Any) -> None:
        self.badge = replace(self.badge, gate=predicted.gate(message))

    def _picture(self, convert: CameraConverter, message: Any) -> None:
        self._goal_image = convert(message)[1]
