"""Goals as they come in: poses with one stamp are one goal, and a part that is refused spoils the whole."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.nodes.brain.topics.goal_inbox import GoalInbox

CONTRACT = load_contract("humanoid_upper_body")
MAKE = MessageMaker(ros_class)
PLACES = {"left_fingertip": (0.5, 0.1), "right_fingertip": (0.5, -0.1), "object_0": (0.43, 0.0)}


class Sender:
    """A node with an inbox, and publishers to it."""

    def __init__(self, node: Node, executor: SingleThreadedExecutor) -> None:
        self._node, self.inbox, self._executor = node, GoalInbox(node, CONTRACT), executor
        self._topics = {name: node.create_publisher(PoseStamped, f"goal/{name}/pose", 10) for name in PLACES}
        self._joints = node.create_publisher(JointState, "goal/joints", 10)
        self._image = node.create_publisher(Image, "goal/image", 10)
        self.said: list[dict] = []
        node.create_subscription(String, "goal/refused", lambda each: self.said.append(json.loads(each.data)), 10)

    def send(self, target: str, stamp_ns: int, place: tuple[float, float] | None = None, w: float = 1.0) -> None:
        x, y = place or PLACES[target]
        self._topics[target].publish(MAKE.pose([x, y, 0.08, 0, 0, 0, w], stamp_ns, "pelvis"))

    def send_image(self, message: Image) -> None:
        self._image.publish(message)

    def send_joints(self, message: JointState) -> None:
        self._joints.publish(message)

    def heard(self) -> bool:
        """Whether what goes both ways is connected."""
        topics = ("goal/refused", "goal/joints", "goal/image", *(f"goal/{name}/pose" for name in PLACES))
        return all(self._node.count_subscribers(topic) for topic in topics)

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60.0
        while not true() and time.monotonic() < deadline:
            self._executor.spin_once(0.05)
        assert true()

    def targets(self) -> set[str | None]:
        goal = self.inbox.goal
        return set() if goal is None else {goal.target, *(each.target for each in goal.also)}


@pytest.fixture
def sender() -> Iterator[Sender]:
    context = Context()
    rclpy.init(context=context)
    node, executor = Node("goals", context=context), SingleThreadedExecutor(context=context)
    executor.add_node(node)
    yield Sender(node, executor)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_poses_with_one_stamp_are_one_goal_and_another_stamp_is_another(sender: Sender):
    for target in ("object_0", "right_fingertip"):
        sender.send(target, 1_000)
    sender.until(lambda: len(sender.targets()) == 2)
    goal = sender.inbox.goal
    assert goal is not None
    places = {goal.target: goal.pose, **{each.target: each.pose for each in goal.also}}
    for name in ("object_0", "right_fingertip"):
        np.testing.assert_allclose(places[name][:2], PLACES[name], atol=1e-6)
    sender.send("left_fingertip", 2_000)
    sender.until(lambda: sender.targets() == {"left_fingertip"})


def test_poses_without_a_stamp_are_goals_of_their_own(sender: Sender):
    sender.send("left_fingertip", 0)
    sender.until(lambda: sender.targets() == {"left_fingertip"})
    sender.send("right_fingertip", 0)
    sender.until(lambda: sender.targets() == {"right_fingertip"})


def test_a_quaternion_of_zeros_is_taken_and_one_of_another_length_is_not(sender: Sender):
    sender.send("object_0", 1_000, w=0.0)
    sender.until(lambda: sender.targets() == {"object_0"})
    goal = sender.inbox.goal
    assert goal is not None
    assert goal.pose[3:].tolist() == [0, 0, 0, 0]
    sender.send("object_0", 2_000, w=0.5)
    sender.until(lambda: bool(sender.said))
    assert "length 1" in sender.said[0]["legal"]


def test_a_refused_part_spoils_what_came_and_what_comes_with_it(sender: Sender):
    sender.send("left_fingertip", 3_000)
    sender.until(lambda: bool(sender.targets()))
    sender.send("right_fingertip", 3_000, (0.5, 0.5))
    sender.until(lambda: sender.inbox.refusals == 1)
    sender.send("left_fingertip", 4_000)
    sender.until(lambda: sender.targets() == {"left_fingertip"})
    sender.send("object_0", 3_000)
    sender.until(lambda: len(sender.said) == 2)
    assert "a part of the goal with this stamp was refused" in sender.said[1]["reason"]
    assert sender.targets() == {"left_fingertip"}  # what was given later stays


def test_a_joint_goal_may_name_some_joints_in_any_order(sender: Sender):
    names = CONTRACT.joint_names
    message = MAKE.joint_state((names[3], "wheel", names[1]), np.array([-0.5, 9.0, 0.25]), np.zeros(3), stamp_ns=1)
    sender.send_joints(message)
    sender.until(lambda: sender.inbox.goal is not None)
    expected = np.full(len(names), np.nan, np.float32)
    expected[[3, 1]] = -0.5, 0.25
    np.testing.assert_array_equal(sender.inbox.goal.joints, expected)
    sender.send_joints(MAKE.joint_state(("wheel",), np.zeros(1), np.zeros(1), stamp_ns=2))
    sender.until(lambda: sender.inbox.refusals == 1)
    assert "goal/joints: name: got ['wheel']; expected some of" in str(sender.inbox.refused)
    assert names[0] in str(sender.inbox.refused)
    sender.send_joints(MAKE.joint_state((), np.zeros(0), np.zeros(0), stamp_ns=3))
    sender.until(lambda: sender.inbox.refusals == 2)
    assert "goal/joints: name: got []; expected some of" in str(sender.inbox.refused)


def test_a_refusal_is_said_on_a_topic_and_in_the_log_whatever_the_goal_was(sender: Sender, capfd):
    sender.until(sender.heard)
    sender.send("right_fingertip", 7_000, (0.5, 0.5))
    sender.send_joints(MAKE.joint_state(CONTRACT.joint_names[:1], np.array([9.0]), np.zeros(1), stamp_ns=8_000))
    sender.send_image(MAKE.image(np.zeros((5, 7, 3), np.uint8), "rgb8", 9_000))
    sender.until(lambda: len(sender.said) == 3)
    said = {each["kind"]: each for each in sender.said}
    assert {kind: each["stamp_ns"] for kind, each in said.items()} == {"pose": 7_000, "joints": 8_000, "image": 9_000}
    assert said["pose"]["target"] == "right_fingertip"
    assert (said["pose"]["field"], said["pose"]["value"]) == ("goal: position.y", "0.5")
    assert "from -0.3 to 0.08 m" in said["pose"]["legal"]
    assert CONTRACT.joint_names[0] in said["joints"]["reason"]
    logged = capfd.readouterr().err
    for each in sender.said:
        assert f"goal refused: {each['reason']}" in logged


def test_a_number_at_the_very_end_of_its_range_is_a_goal(sender: Sender):
    sender.send("right_fingertip", 1_000, (0.58, 0.08))
    sender.until(lambda: sender.targets() == {"right_fingertip"})
    upper = CONTRACT.limits().upper
    sender.send_joints(MAKE.joint_state(CONTRACT.joint_names, upper, np.zeros(len(upper)), stamp_ns=1))
    sender.until(lambda: sender.inbox.goal is not None and sender.inbox.goal.kind == "joints")
    assert sender.inbox.refusals == 0
