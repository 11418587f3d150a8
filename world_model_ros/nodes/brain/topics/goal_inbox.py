"""Subscribes to goals, goal requests and cancels, for ticks to take; refuses what is invalid, with a reason.

Poses of several targets with the same stamp, other than 0, are one goal: they have to be there at the same time. Values
have no stamp: each is a part of the goal until it is replaced or cancelled, or a picture or joints are the goal.
Requests are lists of goals that may wait for one another; plain goals replace whatever there is.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Empty, Float32, String

from world_model_ros.bundle.manifest import Manifest
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract import topics
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.goals.life.asked_types import Asked, Cancel, Refusal, Wish, plain_id
from world_model_ros.goals.life.life import Life, Result
from world_model_ros.goals.life.request import goal_id, id_of, read_request
from world_model_ros.goals.subgoal import check_goal, unread_orientations
from world_model_ros.nodes.brain.topics.goal_outbox import GoalOutbox
from world_model_ros.nodes.clock import clock_ns

_KINDS = {"PoseStamped": "pose", "Float32": "value", "Image": "image", "JointState": "joints"}
_WAITING = 256  # of what was asked, for a tick
_ABOUT = 200  # letters of a request by which its sender may know it


class GoalInbox:
    """What was asked of goals, until a tick takes it.

    A refused plain goal ends the one before it: whoever sent it did not want the old one any more, and nothing moves. A
    refused request costs that request alone. Each refusal is in the log, and on the topic ``goal/refused`` as JSON:
    ``stamp_ns`` of the message, ``kind``, ``target``, ``field``, ``value``, ``legal``, and all of it in words,
    ``reason``.

    Args:
        contract: of the robot.
        manifest: of the model that pursues goals; None refuses only what the contract does.

    Attributes:
        life: of goals after the last tick. outbox: what is said of them.
        refused: why the last plain goal was refused; None if it was not. refusals: how many goals were.
    """

    def __init__(self, node: Node, contract: Contract, manifest: Manifest | None = None) -> None:
        self._node, self._contract, self._manifest = node, contract, manifest
        self.outbox = GoalOutbox(node, contract.deployment.goals)
        self.life = Life(contract.deployment.goals)
        self._lock, self._taken, self._asked = threading.Lock(), 0, list[Asked]()
        self.refused: str | None = None
        self.refusals = 0
        self._refused_ns = 0  # stamp of the newest goal that was refused
        self._counts: Counter[str] = Counter()
        takes: list[tuple[Any, str, Callable[[str | None, int, Any], Goal], str | None]] = [
            (Image, topics.GOAL_IMAGE, self._image, None),
            (JointState, topics.GOAL_JOINTS, self._joint_positions, None),
        ]
        for each in contract.interface.targets:
            value = each.kind == "articulated"
            kind, make = (Float32, self._value) if value else (PoseStamped, self._pose)
            takes.append((kind, topics.goal_topic(each.name, value), make, each.name))
        self._subscriptions = [
            node.create_subscription(kind, topic, partial(self._take, topic, make, target), 10)
            for kind, topic, make, target in takes
        ]
        for name in [] if manifest is None else manifest.unlabelled:
            node.get_logger().warning(f"goals for {name} will be refused: the model never learned where it is")
        for name in [] if manifest is None else unread_orientations(contract, manifest):
            said = f"goals for {name} are taken with the orientation 0 0 0 1 alone: the model plans without"
            node.get_logger().warning(said)
        self._subscriptions += [
            node.create_subscription(Empty, topics.GOAL_CANCEL, self._cancel, 10),
            node.create_subscription(String, topics.GOAL_REQUEST, self._request, 10),
            node.create_subscription(String, topics.GOAL_CANCEL_ID, self._cancel_id, 10),
        ]

    @property
    def goal(self) -> Goal | None:
        """What the next tick is to pursue; None after a cancel, a refusal, or before the first."""
        return self._ahead().goal

    def close(self) -> None:
        if self._node.context.ok():
            ahead = self._ahead()
            for result in (*ahead.results, *ahead.lost(clock_ns(self._node)).results):
                self.outbox.ended(result)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self.outbox.close()

    def take(self) -> tuple[Asked, ...]:
        """What was asked since it was last taken, for a tick; `tell` says what became of it."""
        with self._lock:
            self._taken = len(self._asked)
            return tuple(self._asked)

    def tell(self, life: Life, ended: Sequence[Result], now_ns: int) -> None:
        """What a tick made of goals."""
        with self._lock:
            self.life, self._asked, self._taken = life, self._asked[self._taken :], 0
        self.outbox.tell(life, ended, now_ns)

    def _ahead(self) -> Life:
        """As it will be after what was asked."""
        with self._lock:
            life, asked = self.life, tuple(self._asked)
        return life.asked(asked, clock_ns(self._node))

    def _ask(self, asked: Asked) -> None:
        with self._lock:
            waiting = self._asked[self._taken :]
            full = len(waiting) >= _WAITING
            if isinstance(asked, Cancel):
                again = asked in waiting if asked.id is not None else waiting[-1:] == [asked]
                self._asked += [] if again else [asked]
            elif not full:
                self._asked.append(asked)
        if full and not isinstance(asked, Cancel):
            why = f"goal: got another; expected fewer than {_WAITING} that wait for a tick; does the clock run?"
            self.outbox.ended(Result(asked.id, "rejected", "refused", clock_ns(self._node), "goal", why))
            if isinstance(asked, Wish) or (isinstance(asked, Refusal) and asked.ends):
                self._ask(Cancel())

    def _take(self, topic: str, make: Callable[[str | None, int, Any], Goal], target: str | None, message: Any) -> None:
        now_ns = clock_ns(self._node)
        given_ns = stamp_ns(message) if hasattr(message, "header") else 0
        self._counts[topic] += 1
        id = plain_id(topic, given_ns or self._counts[topic], _content(message))
        told = {"stamp_ns": given_ns, "kind": _KINDS[type(message).__name__], "target": target}
        if given_ns != 0 and given_ns == self._refused_ns:
            legal = "another: a part of the goal with this stamp was refused"
            self._refuse(UserError("goal: stamp", given_ns, legal), told, id)
            return
        try:
            goal = check_goal(make(target, now_ns, message), self._contract, self._manifest)
        except UserError as error:
            self.refused, self._refused_ns = str(error), given_ns or self._refused_ns
            self._refuse(error, told, id, ends=True)
            return
        self.refused = None
        self._ask(Wish(id, goal, given_ns))
        self._node.get_logger().info(f"new goal: {goal.kind} {target or ''} ({id})")

    def _refuse(self, error: UserError, told: dict[str, Any], id: str | None, ends: bool = False) -> None:
        """Say at once why a goal is refused; the next tick says that it is over."""
        self.refusals += 1
        self._node.get_logger().error(f"goal refused: {error}")
        said = {"field": error.field, "value": repr(error.value), "legal": error.legal, "reason": str(error)}
        self.outbox.refused({**told, **said, "id": id})
        self._ask(Refusal.of(error, id, ends, told.get("about", "")))

    def _request(self, message: String) -> None:
        topic, text = topics.GOAL_REQUEST, message.data
        self._counts[topic] += 1
        own = plain_id(topic, self._counts[topic], text.encode(errors="replace"))
        try:
            asked = read_request(text, self._contract, self._manifest, own)
        except UserError as error:
            told = {"stamp_ns": 0, "kind": "request", "target": None, "about": text[:_ABOUT]}
            self._refuse(error, told, id_of(text))
            return
        self._ask(asked)
        self._node.get_logger().info(f"new request: {len(asked.steps)} steps ({asked.id})")

    def _cancel_id(self, message: String) -> None:
        ahead = self._ahead()
        alive = [each.id for each in (*ahead.goals, *((ahead.kept,) if ahead.kept else ()))]
        try:
            id = goal_id(message.data, topics.GOAL_CANCEL_ID)
            if id not in alive:
                raise UserError(topics.GOAL_CANCEL_ID, id, f"one of {alive}, the goals that are not over")
        except UserError as error:
            self._node.get_logger().error(f"not cancelled: {error}")
            told = {"stamp_ns": 0, "kind": "cancel_id", "target": None, "field": error.field}
            said = {"value": repr(error.value), "legal": error.legal, "reason": str(error), "id": None}
            self.outbox.refused(told | said)
            return
        self._ask(Cancel(id))
        self._node.get_logger().info(f"goal {id} is cancelled")

    def _cancel(self, _: Empty) -> None:
        self.refused = None
        self._ask(Cancel())
        self._node.get_logger().info("goal cancelled")

    def _pose(self, target: str | None, now_ns: int, message: PoseStamped) -> Goal:
        frame = self._contract.interface.base_frame if message.header.frame_id else None
        pose = pose_array(message, frame, topics.goal_topic(str(target)), any_turn=True)
        return Goal("pose", now_ns, target=target, pose=pose.astype(np.float32))

    def _value(self, target: str | None, now_ns: int, message: Float32) -> Goal:
        return Goal("value", now_ns, target=target, value=float(message.data))

    def _image(self, target: str | None, now_ns: int, message: Image) -> Goal:
        camera = first_camera(self._contract.interface)
        if camera is None:
            raise UserError(topics.GOAL_IMAGE, "an image", "a pose or joints: this robot has no camera")
        size = (camera.height, camera.width)
        shown = self._contract.source(camera.name).source_shape
        as_model = (message.height, message.width) == size
        _, image = CameraConverter(topics.GOAL_IMAGE, size, size if as_model else shown)(message)
        return Goal("image", now_ns, target=target, image=image)

    def _joint_positions(self, target: str | None, now_ns: int, message: JointState) -> Goal:
        names = self._contract.joint_names
        others = [name for name in message.name if name not in names]
        if len(others) == len(message.name):
            raise UserError(f"{topics.GOAL_JOINTS}: name", others, f"some of {list(names)}")
        if others:
            self._node.get_logger().warning(
                f"{topics.GOAL_JOINTS}: {others} are no joints of {self._contract.name}; left out"
            )
        joints = np.full(len(names), np.nan, np.float32)
        named = [name for name in names if name in message.name]
        joints[[names.index(name) for name in named]] = JointConverter(topics.GOAL_JOINTS, named)(message)[1][:, 0]
        return Goal("joints", now_ns, joints=joints)


def _content(message: Any) -> bytes:
    """What tells plain goals apart, whenever they are sent."""
    if isinstance(message, Image):
        about = f"{message.encoding} {message.height} {message.width} "
        return about.encode() + hashlib.sha256(memoryview(message.data)).digest()
    if isinstance(message, JointState):
        return repr((list(message.name), list(message.position))).encode()
    if isinstance(message, PoseStamped):
        at, turn = message.pose.position, message.pose.orientation
        return repr((message.header.frame_id, at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w)).encode()
    return repr(message.data).encode()
