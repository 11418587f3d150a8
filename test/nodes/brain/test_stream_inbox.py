"""Messages that do not fit a stream cost themselves alone, and are said with their count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from quiet_node import QuietNode

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.nodes.brain.topics import stream_inbox
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox

MAKE = MessageMaker(ros_class)


def listening(contract: Contract) -> tuple[QuietNode, StreamInbox, Callable[[Any], None], list[str]]:
    """An inbox, what takes its joint states, and names of the joints."""
    node = QuietNode()
    inbox = StreamInbox(node, contract)
    return node, inbox, node.heard["joint_states"][0], list(contract.joint_names)


def refusals(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capfd.readouterr().err.splitlines() if "refused" in line]


def test_another_robot_with_some_of_the_joints_costs_its_messages_alone_and_few_lines(
    contract: Contract, capfd: pytest.CaptureFixture[str]
) -> None:
    node, inbox, hear, names = listening(contract)
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
    said = refusals(capfd)
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
    node, inbox, hear, names = listening(contract)
    for each in range(3):
        hear(MAKE.joint_state(names[:5], [0.1] * 5, [0.0] * 5, [0.0] * 5, stamp_ns=node.now_ns() + each))
    hear(MAKE.joint_state(names, [float("nan"), *[0.1] * 5], [0.0] * 6, [0.0] * 6, stamp_ns=node.now_ns()))
    said = refusals(capfd)
    assert len(said) == 2
    assert "arm: name" in said[0]
    assert "arm: position" in said[1]
    assert inbox.bad == {"arm": 4}


def test_the_same_fault_of_another_number_is_no_other_fault(
    contract: Contract, capfd: pytest.CaptureFixture[str]
) -> None:
    node, inbox, hear, names = listening(contract)
    for each in range(12):
        positions = [0.1] * 6
        positions[each % 6] = float("nan")
        hear(MAKE.joint_state(names, positions, [0.0] * 6, [0.0] * 6, stamp_ns=node.now_ns() + each))
    said = refusals(capfd)
    assert [line.partition("refused ")[2].partition(":")[0] for line in said] == ["(1 so far)", "(10 so far)"]
    assert inbox.bad == {"arm": 12}


def test_other_joints_missing_are_another_fault_and_one_that_comes_back_is_said_again(
    contract: Contract, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    node, inbox, hear, names = listening(contract)
    now_s = 0.0
    monkeypatch.setattr(stream_inbox, "monotonic", lambda: now_s)

    def lacking(*left_out: str) -> None:
        kept = [name for name in names if name not in left_out]
        numbers = [0.1] * len(kept)
        hear(MAKE.joint_state(kept, numbers, numbers, numbers, stamp_ns=node.now_ns()))

    for _ in range(3):
        lacking(names[0])
    lacking(names[0], names[1])
    now_s = 59.0
    lacking(names[0])  # not away for long enough
    now_s = 59.0 + 60.0
    lacking(names[0])
    said = refusals(capfd)
    assert len(said) == 3
    assert "(1 so far)" in said[2]
    assert inbox.bad == {"arm": 6}


def test_joints_where_none_can_be_cost_their_message_alone(
    contract: Contract, capfd: pytest.CaptureFixture[str]
) -> None:
    node, inbox, hear, names = listening(contract)
    now_ns, past = node.now_ns(), float(contract.limits().upper[2]) + 0.01
    hear(MAKE.joint_state(names, [0.1, 0.1, past, 0.1, 0.1, 0.1], [0.0] * 6, [0.0] * 6, stamp_ns=now_ns))
    hear(MAKE.joint_state(names, [0.1, -68.8, 0.1, 0.1, 0.1, 0.1], [0.0] * 6, [0.0] * 6, stamp_ns=now_ns + 1))
    seen = inbox.streams.observe(now_ns + 2)
    assert seen.stamps_ns["arm"] == now_ns
    assert seen.values["arm"][2, 0] == pytest.approx(past)
    assert inbox.bad == {"arm": 1}
    [said] = refusals(capfd)
    assert "arm: position: shoulder_lift_joint: got -68.8" in said
    assert "expected a position from" in said
