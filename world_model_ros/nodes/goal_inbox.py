"""Subscribes goals; the newest one counts, and one that cannot be meant is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Empty

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.camera import CameraConverter
from world_model_ros.convert.joints import JointConverter
from world_model_ros.convert.poses import pose_array
from world_model_ros.core.errors import UserError
from world_model_ros.core.goal import Goal
from world_model_ros.runtime.goals import check_goal
from world_model_ros.runtime.graphs import first_camera


class GoalInbox:
    """The goal that counts now.

    A refused goal ends the one before it: whoever sent it did not want the old one any more, and nothing moves.

    Attributes:
        goal: the newest; None after a cancel, a refusal, or before the first.
        refused: why the last goal was refused; None if it was not. refusals: how many were.
    """

    def __init__(self, node: Node, contract: Contract) -> None:
        self._node, self._contract = node, contract
        self.goal: Goal | None = None
        self.refused: str | None = None
        self.refusals = 0
        self._joints = JointConverter("goal/joints", contract.joint_names)
        self._subscriptions = [
            node.create_subscription(
                PoseStamped, f"goal/{each.name}/pose", partial(self._take, self._pose, each.name), 10
            )
            for each in contract.interface.targets
        ]
        for kind, topic, make in (
            (Image, "goal/image", self._image),
            (JointState, "goal/joints", self._joint_positions),
        ):
            self._subscriptions.append(node.create_subscription(kind, topic, partial(self._take, make, None), 10))
        self._subscriptions.append(node.create_subscription(Empty, "goal/cancel", self._cancel, 10))

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _take(self, make: Callable[[str | None, int, Any], Goal], target: str | None, message: Any) -> None:
        now_ns = int(self._node.get_clock().now().nanoseconds)
        try:
            goal = make(target, now_ns, message)
            check_goal(goal, self._contract)
        except UserError as error:
            self.goal, self.refused = None, str(error)
            self.refusals += 1
            self._node.get_logger().error(f"goal refused: {error}")
            return
        self.goal, self.refused = goal, None
        self._node.get_logger().info(f"new goal: {goal.kind} {goal.target or ''}")

    def _cancel(self, _: Empty) -> None:
        self.goal, self.refused = None, None
        self._node.get_logger().info("goal cancelled")

    def _pose(self, target: str | None, now_ns: int, message: PoseStamped) -> Goal:
        frame = self._contract.interface.base_frame if message.header.frame_id else None
        pose = pose_array(message, frame, f"goal/{target}/pose")
        return Goal("pose", now_ns, target=target, pose=pose.astype(np.float32))

    def _image(self, target: str | None, now_ns: int, message: Image) -> Goal:
        camera = first_camera(self._contract.interface)
        if camera is None:
            raise UserError("goal/image", "an image", "a pose or joints: this robot has no camera")
        size = (camera.height, camera.width)
        shown = self._contract.source(camera.name).source_shape
        as_model = (message.height, message.width) == size
        _, image = CameraConverter("goal/image", size, size if as_model else shown)(message)
        return Goal("image", now_ns, target=target, image=image)

    def _joint_positions(self, target: str | None, now_ns: int, message: JointState) -> Goal:
        return Goal("joints", now_ns, joints=self._joints(message)[1][:, 0])
