"""Transforms of tf2 into the streams of the brain; callbacks are called as rclpy does, for tf2_msgs may be missing."""

from __future__ import annotations

import pytest
from quiet_node import QuietNode
from rclpy.qos import DurabilityPolicy
from trackers import NOWHERE, S, transforms

from world_model_ros.contract.contract import contract_from_text
from world_model_ros.nodes.brain.topics import stream_inbox
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox

CONTRACT = """
format: 1
name: tracked
interface:
  tick_hz: 20.0
  base_frame: world
  streams: [{kind: pose, name: cube, frame: world, rate_hz: 20.0}]
  action: {kind: parts, parts: [{kind: free, columns: [{name: x, bound: 1.0}]}]}
deployment:
  streams: [{name: cube, topic: /tf, type: tf2_msgs/msg/TFMessage, tf_frame: cube_0, max_age_s: 0.2}]
  action: {topic: action}
"""


@pytest.fixture
def made(monkeypatch) -> tuple[QuietNode, StreamInbox]:
    node = QuietNode()
    monkeypatch.setattr(stream_inbox, "ros_class", lambda name: name)
    return node, StreamInbox(node, contract_from_text(CONTRACT))


def test_both_topics_are_heard_and_make_samples_of_the_stream(made):
    node, inbox = made
    assert node.heard["/tf_static"][1].durability == DurabilityPolicy.TRANSIENT_LOCAL
    node.heard["/tf"][0](transforms(("camera", "cube_0", NOWHERE, S)))
    node.heard["/tf_static"][0](transforms(("world", "camera", [0.0, 0, 0.9, 0, 0, 0, 1], 0)))
    seen = inbox.streams.observe(S + 1)
    assert seen.stamps_ns == {"cube": S}
    assert seen.values["cube"].tolist() == pytest.approx([0, 0, 0.9, 0, 0, 0, 1])
    node.heard["/tf"][0](transforms(("camera", "cube_0", NOWHERE, 2 * S), ("world", "hand", NOWHERE, 2 * S)))
    assert inbox.streams.observe(2 * S).fresh == {"cube": True}
    assert not inbox.bad
    assert not inbox.absent


def test_what_is_absent_is_known_until_it_is_there(made):
    node, inbox = made
    for at in (S, 2 * S):
        node.heard["/tf"][0](transforms(("world", "hand", NOWHERE, at)))
    assert "['hand', 'world']" in inbox.absent["cube"]
    node.heard["/tf"][0](transforms(("hand", "cube_0", NOWHERE, 2 * S)))
    assert not inbox.absent
    assert not inbox.bad


def test_a_clock_that_jumps_back_forgets_transforms(made):
    node, inbox = made
    node.heard["/tf"][0](transforms(("world", "cube_0", NOWHERE, 9 * S)))
    inbox.flush()
    node.heard["/tf"][0](transforms(("world", "hand", NOWHERE, 3 * S)))
    assert not inbox.streams.observe(9 * S).fresh["cube"]
    node.heard["/tf"][0](transforms(("hand", "cube_0", NOWHERE, 3 * S)))
    assert inbox.streams.observe(3 * S).fresh["cube"]
