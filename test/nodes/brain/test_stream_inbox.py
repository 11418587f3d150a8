"""Messages that do not fit a stream cost themselves alone, and are said with their count."""

from __future__ import annotations

import pytest
from quiet_node import QuietNode

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox

MAKE = MessageMaker(ros_class)


def test_another_robot_with_some_of_the_joints_costs_its_messages_alone_and_few_lines(
    contract: Contract, capfd: pytest.CaptureFixture[str]
) -> None:
    node = QuietNode()
    inbox = StreamInbox(node, contract)
    hear, names = node.heard["joint_states"][0], list(contract.joint_names)
    now_ns = node.now_ns()
    for each in range(120):
        stamp_ns = now_ns + each * 1_000_000
        hear(MAKE.joint_state(names, [0.1] * 6, [0.0] * 6, [0.0] * 6, stamp_ns=stamp_ns))
        hear(MAKE.joint_state(["elbow_joint", "wheel"], [9.0] * 2, [0.0] * 2, [0.0] * 2, stamp_ns=stamp_ns))
        seen = inbox.streams.observe(stamp_ns + 1)
        assert seen.fresh["arm"]
        assert seen.stamps_ns["arm"] == stamp_ns
        assert seen.values["arm"][:, 0].tolist() == pytest.approx([0.1] * 6)
    assert inbox.bad == {"arm": 120}
    assert inbox.late["arm"] == 0
    said = [line for line in capfd.readouterr().err.splitlines() if "refused" in line]
    assert [line.partition("refused ")[2].partition(":")[0] for line in said] == [
        "(1 so far)",
        "(10 so far)",
        "(100 so far)",
    ]
    assert "message of arm refused" in said[0]
    assert "got ['elbow_joint', 'wheel']" in said[0]


def test_another_fault_of_the_same_stream_is_said_at_once(
    contract: Contract, capfd: pytest.CaptureFixture[str]
) -> None:
    node = QuietNode()
    inbox = StreamInbox(node, contract)
    hear, names = node.heard["joint_states"][0], list(contract.joint_names)
    for each in range(3):
        hear(MAKE.joint_state(names[:5], [0.1] * 5, [0.0] * 5, [0.0] * 5, stamp_ns=node.now_ns() + each))
    hear(MAKE.joint_state(names, [float("nan"), *[0.1] * 5], [0.0] * 6, [0.0] * 6, stamp_ns=node.now_ns()))
    said = [line for line in capfd.readouterr().err.splitlines() if "refused" in line]
    assert len(said) == 2
    assert "arm: name" in said[0]
    assert "arm: position" in said[1]
    assert inbox.bad == {"arm": 4}
