"""Where a watching brain hears what was commanded."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.contract.topics import APPLIED
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.streams import Observation
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox
from world_model_ros.nodes.shadow.reference import MEASURED, ShadowReference

CONTRACT = load_contract("tabletop_arm")
TOPIC = CONTRACT.deployment.command.topic
MAKE = MessageMaker(ros_class)
MEASURED_AT, HORIZON = np.full(6, 0.5), 12


@pytest.fixture
def node() -> Iterator[Node]:
    context = Context()
    rclpy.init(context=context)
    node = Node("watcher", context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def observe(now_ns: int, joints: bool = True) -> Observation:
    fresh = {stream.name: stream.name == "arm" and joints for stream in CONTRACT.interface.streams}
    values = {"arm": np.stack([MEASURED_AT, np.zeros(6)], 1).astype(np.float32)} if joints else {}
    return Observation(now_ns, values, {}, fresh)


def send(node: Node, topic: str, message: object, heard) -> None:
    """Publish until it is heard."""
    publisher = node.create_publisher(type(message), topic, 10)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    end = time.monotonic() + 60.0
    while not heard():
        assert time.monotonic() < end
        publisher.publish(message)
        executor.spin_once(timeout_sec=0.05)
    executor.remove_node(node)


def told(reference: ShadowReference, topic: str) -> Trajectory | None:
    return reference._controllers[topic].newest


def test_from_measured_joints_to_the_controllers_topic_to_the_gate(node):
    streams = StreamInbox(node, CONTRACT)
    reference = ShadowReference(node, CONTRACT, streams)
    now = node.get_clock().now().nanoseconds
    assert reference.at(observe(now, joints=False)) is None
    np.testing.assert_allclose(reference.at(observe(now)), MEASURED_AT)
    assert (reference.source, reference.ahead(observe(now), HORIZON)) == (MEASURED, None)

    positions = np.linspace(0, 1, 11)[:, None] * np.ones(6)
    going = Trajectory(CONTRACT.joint_names, np.linspace(0, 1, 11), positions, np.ones((11, 6)), 0)
    send(node, TOPIC, MAKE.trajectory(going), lambda: told(reference, TOPIC) is not None)
    begun = told(reference, TOPIC).stamp_ns
    assert abs(begun - now) < 10 * 10**9  # a stamp of 0 means at once
    assert reference.at(observe(begun + 5 * 10**8)) is None  # the step from one source to another is no motion
    np.testing.assert_allclose(reference.at(observe(begun + 5 * 10**8)), 0.5, atol=0.01)
    ahead = reference.ahead(observe(begun + 5 * 10**8), HORIZON)
    assert ahead.shape == (HORIZON + 1, 6)
    np.testing.assert_allclose(ahead[:, 0], np.minimum(0.5 + 0.1 * np.arange(HORIZON + 1), 1.0), atol=0.01)

    state = MAKE.joint_state(CONTRACT.joint_names, np.full(6, 0.7), np.zeros(6), stamp_ns=begun)
    send(node, APPLIED, state, lambda: streams.applied.at(begun + 10**7) is not None)
    assert reference.at(observe(begun + 10**7)) is None
    np.testing.assert_allclose(reference.at(observe(begun + 10**7)), 0.7)
    assert reference.sources == {MEASURED: 1, TOPIC: 2, APPLIED: 2}


def test_a_trajectory_of_other_joints_is_not_followed(node):
    streams = StreamInbox(node, CONTRACT)
    reference = ShadowReference(node, CONTRACT, streams)
    other = Trajectory(("gripper",), np.array([1.0]), np.ones((1, 1)), np.zeros((1, 1)), 0)
    mine = Trajectory(CONTRACT.joint_names, np.array([1.0]), np.ones((1, 6)), np.zeros((1, 6)), 0)
    publisher = node.create_publisher(ros_class("trajectory_msgs/msg/JointTrajectory"), TOPIC, 10)
    publisher.publish(MAKE.trajectory(other))
    send(node, TOPIC, MAKE.trajectory(mine), lambda: told(reference, TOPIC) is not None)
    assert told(reference, TOPIC).names == CONTRACT.joint_names


def test_controllers_of_some_joints_each_are_followed_together(node):
    names, command = CONTRACT.joint_names, "{interface: joint_trajectory, topic: arm, rate_hz: 100.0, others: ["
    command += f"{{interface: joint_trajectory, topic: hand, joints: [{names[5]}]}}]}}"
    text = re.sub(r"command: \{.*\}", f"command: {command}", CONTRACT.text)
    contract = contract_from_text(text, folder=CONTRACT.folder)
    reference = ShadowReference(node, contract, StreamInbox(node, contract))
    now = node.get_clock().now().nanoseconds
    arm = Trajectory(names[:5], np.array([0.0]), np.ones((1, 5)), np.zeros((1, 5)), now)
    hand = Trajectory(names[5:], np.array([0.0]), np.full((1, 1), 2.0), np.zeros((1, 1)), now)
    send(node, "arm", MAKE.trajectory(arm), lambda: told(reference, "arm") is not None)
    np.testing.assert_array_equal(reference.at(observe(now)), [1.0] * 5 + [0.5])  # the hand is where it is measured
    assert reference.source == "arm"
    send(node, "hand", MAKE.trajectory(hand), lambda: told(reference, "hand") is not None)
    assert reference.at(observe(now)) is None  # another source than the tick before
    np.testing.assert_array_equal(reference.at(observe(now)), [1.0] * 5 + [2.0])
    assert reference.source == "arm, hand"
    np.testing.assert_array_equal(reference.ahead(observe(now), 3), [[1.0] * 5 + [2.0]] * 4)
