"""Subscribes goals; the newest one counts, and one that cannot be meant is refused with a reason.

Poses of several targets with the same stamp, other than 0, are one goal: they have to be there at the same time. Values
have no stamp: each is a part of the goal until it is replaced or cancelled, or a picture or joints are the goal.
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
from std_msgs.msg import Empty, Float32, String

from world_model_ros.bundle.manifest import Manifest
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError
from world_model_ros.core.goal import Goal
from world_model_ros.goals.subgoal import check_goal, unread_orientations

_KINDS = {"PoseStamped": "pose", "Float32": "value", "Image": "image", "JointState": "joints"}


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
        takes: list[tuple[Any, str, Callable[[str | None, int, Any], Goal], str | None]] = [
            (Image, "goal/image", self._image, None),
            (JointState, "goal/joints", self._joint_positions, None),
        ]
        for each in contract.interface.targets:
            if each.kind == "articulated":
                takes.append((Float32, f"goal/{each.name}/value", self._value, each.name))
            else:
                takes.append((PoseStamped, f"goal/{each.name}/pose", self._pose, each.name))
        self._subscriptions = [
            node.create_subscription(kind, topic, partial(self._take, make, target), 10)
            for kind, topic, make, target in takes
        ]
        self._said = node.create_publisher(String, "goal/refused", 10)
        for name in [] if manifest is None else manifest.unlabelled:
            node.get_logger().warning(f"goals for {name} will be refused: the model never learned where it is")
        for name in [] if manifest is None else unread_orientations(contract, manifest):
            said = f"goals for {name} are taken with the orientation 0 0 0 1 alone: the model plans without"
            node.get_logger().warning(said)
        self._subscriptions.append(node.create_subscription(Empty, "goal/cancel", self._cancel, 10))

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._node.destroy_publisher(self._said)

    def _take(self, make: Callable[[str | None, int, Any], Goal], target: str | None, message: Any) -> None:
        now_ns = int(self._node.get_clock().now().nanoseconds)
        given_ns = stamp_ns(message) if hasattr(message, "header") else 0
        if given_ns != 0 and given_ns == self._refused_ns:
            legal = "another: a part of the goal with this stamp was refused"
            self._say(UserError("goal: stamp", given_ns, legal), target, given_ns, message)
            return
        try:
            goal = self._joined(make(target, now_ns, message), given_ns)
            goal = check_goal(goal, self._contract, self._manifest)
        except UserError as error:
            self.goal, self.refused = None, str(error)
            self._refused_ns = given_ns or self._refused_ns
            self.refusals += 1
            self._say(error, target, given_ns, message)
            return
        self.goal, self.refused = goal, None
        if hasattr(message, "header"):
            self._given_ns = given_ns
        names = [goal.target or "", *(each.target for each in goal.also)]
        self._node.get_logger().info(f"new goal: {goal.kind} {', '.join(names)}")

    def _say(self, error: UserError, target: str | None, given_ns: int, message: Any) -> None:
        self._node.get_logger().error(f"goal refused: {error}")
        said = {"stamp_ns": given_ns, "kind": _KINDS[type(message).__name__], "target": target, "field": error.field}
        said |= {"value": repr(error.value), "legal": error.legal, "reason": str(error)}
        self._said.publish(String(data=json.dumps(said)))

    def _joined(self, goal: Goal, given_ns: int) -> Goal:
        """The goal, with the values that came before it, and the poses that did with the same stamp."""
        before = self.goal
        if before is None or not goal.wishes or not before.wishes:
            return goal
        if goal.kind == "value":
            return before.with_wish(goal.wishes[0], goal.stamp_ns)
        if given_ns == 0 or given_ns != self._given_ns or not before.poses:
            return replace(goal, also=before.values)
        return before.with_wish(goal.wishes[0], before.stamp_ns)

    def _cancel(self, _: Empty) -> None:
        self.goal, self.refused = None, None
        self._node.get_logger().info("goal cancelled")

    def _pose(self, target: str | None, now_ns: int, message: PoseStamped) -> Goal:
        frame = self._contract.interface.base_frame if message.header.frame_id else None
        pose = pose_array(message, frame, f"goal/{target}/pose", any_turn=True)
        return Goal("pose", now_ns, target=target, pose=pose.astype(np.float32))

    def _value(self, target: str | None, now_ns: int, message: Float32) -> Goal:
        return Goal("value", now_ns, target=target, value=float(message.data))

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
