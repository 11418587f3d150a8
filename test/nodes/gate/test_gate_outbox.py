"""What the gate says of its state, told by two threads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
import rclpy
from rclpy.node import Node

from world_model_ros.contract.contract import load_contract
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.report import state_report
from world_model_ros.nodes.gate.outbox import GateOutbox

CONTRACT = load_contract("tabletop_arm")


class Kept:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def publish(self, message: Any) -> None:
        self.said.append(json.loads(message.data))


@pytest.fixture
def outbox() -> Iterator[GateOutbox]:
    context = rclpy.Context()
    rclpy.init(context=context)
    node = Node("outbox", context=context)
    yield GateOutbox(node, CONTRACT, dry_run=True)
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def test_what_was_seen_earlier_is_never_the_last_that_is_told(outbox: GateOutbox) -> None:
    kept = outbox._state = Kept()  # type: ignore[assignment]
    report, looked, go_on = dict(state_report(gate_for(CONTRACT))), Event(), Event()

    def slowly() -> dict[str, Any]:
        looked.set()
        go_on.wait(10.0)
        return report | {"refused": 1}

    first = Thread(target=outbox.state, args=(slowly,))
    first.start()
    assert looked.wait(10.0)
    second = Thread(target=outbox.state, args=(lambda: report | {"refused": 2},))
    second.start()
    second.join(0.3)
    go_on.set()
    first.join(10.0)
    second.join(10.0)
    assert [each["refused"] for each in kept.said] == [1, 2]


def test_what_did_not_change_is_told_again_only_on_demand(outbox: GateOutbox) -> None:
    kept = outbox._state = Kept()  # type: ignore[assignment]
    report = dict(state_report(gate_for(CONTRACT)))
    outbox.state(lambda: report)
    outbox.state(lambda: report | {"accepted": 5})
    assert len(kept.said) == 1
    outbox.state(lambda: report, again=True)
    assert len(kept.said) == 2
