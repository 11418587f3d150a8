"""Subscribes goals; the newest one counts, and one that cannot be meant is refused with a reason.

Poses of several targets with the same stamp, other than 0, are one goal: they shall be there at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Empty, String

from world_model_ros.bundle.manifest import Manifest
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError
from world_model_ros.core.goal import Goal, PoseGoal
from world_model_ros.goals.subgoal import check_goal

_KINDS = {"PoseStamped": "pose", "Image": "image", "JointState": "joints"}


class GoalInbox:
    """The goal that counts now.

    A refused goal ends the one before it: whoever sent it did not want the old one any more, and nothing moves. Each
    refusal is in the log, and on the topic ``goal/refused`` as JSON: ``stamp_ns`` of the message, ``kind``, ``target``,
    ``field``, ``value``, ``legal``, and all of it in words, ``reason``.

    Args:
        contract: of the robot.
        manifest: of the model that pursues goals; None refuses only what the contract does.

    Attributes:
        goal: the newest; None after a cancel, a refusal, or before the first.
        refused: why the last goal was refused; None if it was not. refusals: how many were.
    """

    def __init__(self, node: Node, contract: Contract, manifest: Manifest | None = None) -> None:
        self._node, self._contract, self._manifest = node, contract, manifest
        self.goal: Goal | None = None
        self.refused: str | None = None
        self.refusals = 0
        self._given_ns = self._refused_ns = 0  # stamps of the newest goal, and of the newest that was refused
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
        self._said = node.create_publisher(String, "goal/refused", 10)
        for name in [] if manifest is None else manifest.unlabelled:
            node.get_logger().warning(f"goals for {name} will be refused: the model never learned where it is")
        self._subscriptions.append(node.create_subscription(Empty, "goal/cancel", self._cancel, 10))

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._node.destroy_publisher(self._said)

    def _take(self, make: Callable[[str | None, int, Any], Goal], target: str | None, message: Any) -> None:
        now_ns, given_ns = int(self._node.get_clock().now().nanoseconds), stamp_ns(message)
        if given_ns != 0 and given_ns == self._refused_ns:
            legal = "another: a part of the goal with this stamp was refused"
            self._say(UserError("goal: stamp", given_ns, legal), target, given_ns, message)
            return
        try:
            goal = self._joined(make(target, now_ns, message), given_ns)
            goal = check_goal(goal, self._contract, self._manifest)
        except UserError as error:
            self.goal, self.refused, self._refused_ns = None, str(error), given_ns
            self.refusals += 1
            self._say(error, target, given_ns, message)
            return
        self.goal, self.refused, self._given_ns = goal, None, given_ns
        names = [goal.target or "", *(each.target for each in goal.also)]
        self._node.get_logger().info(f"new goal: {goal.kind} {', '.join(names)}")

    def _say(self, error: UserError, target: str | None, given_ns: int, message: Any) -> None:
        self._node.get_logger().error(f"goal refused: {error}")
        said = {"stamp_ns": given_ns, "kind": _KINDS[type(message).__name__], "target": target, "field": error.field}
        said |= {"value": repr(error.value), "legal": error.legal, "reason": str(error)}
        self._said.publish(String(data=json.dumps(said)))

    def _joined(self, goal: Goal, given_ns: int) -> Goal:
        """The goal, with the poses that came before it with the same stamp."""
        before = self.goal
        if before is None or not before.kind == goal.kind == "pose" or given_ns == 0 or given_ns != self._given_ns:
            return goal
        assert goal.target is not None
        assert goal.pose is not None
        if goal.target == before.target:
            return replace(before, pose=goal.pose)
        others = tuple(each for each in before.also if each.target != goal.target)
        return replace(before, also=(*others, PoseGoal(goal.target, goal.pose)))

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
        names = self._contract.joint_names
        others = [name for name in message.name if name not in names]
        if len(others) == len(message.name):
            raise UserError("goal/joints: name", others, f"some of {list(names)}")
        if others:
            self._node.get_logger().warning(f"goal/joints: {others} are no joints of {self._contract.name}; left out")
        joints = np.full(len(names), np.nan, np.float32)
        named = [name for name in names if name in message.name]
        joints[[names.index(name) for name in named]] = JointConverter("goal/joints", named)(message)[1][:, 0]
        return Goal("joints", now_ns, joints=joints)
