"""Ticks never pile up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.tick_record import TickRecord
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.nodes.brain.tick_loop import TickLoop
from world_model_ros.nodes.brain.topics.goal_inbox import GoalInbox
from world_model_ros.nodes.brain.topics.outbox import BrainOutbox
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox


@pytest.fixture
def inbox_and_loop(contract: Contract, toy_bundle: Path) -> Iterator[tuple[StreamInbox, TickLoop]]:
    context = Context()
    rclpy.init(context=context)
    node = Node("slow_brain", context=context)
    brain = Brain(load_bundle(toy_bundle, contract), contract, "cpu", 1)
    streams = StreamInbox(node, contract)
    outbox = BrainOutbox(node, contract, brain)
    loop = TickLoop(brain, streams, GoalInbox(node, contract), outbox, 0, context.ok, print)
    yield streams, loop
    loop.close()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


class News:
    """What the gate says: `GateNews` without a topic."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def take(self) -> str:
        return "velocity"


def _wait(fulfilled: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60.0
    while not fulfilled():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_tick_that_comes_while_one_is_running_is_dropped_and_counted(
    inbox_and_loop: tuple[StreamInbox, TickLoop], contract: Contract
) -> None:
    streams, loop = inbox_and_loop
    with streams.streams._lock:  # a tick cannot observe, so it takes as long as this
        loop.offer(0)
        _wait(lambda: loop._busy)
        for tick in range(1, 6):
            loop.offer(tick * contract.tick_ns)
        assert loop.statistics.missed == 5
    _wait(lambda: loop.statistics.ticks == 1 and not loop._busy)
    loop.offer(6 * contract.tick_ns)
    _wait(lambda: loop.statistics.ticks == 2 and not loop._busy)
    assert loop.statistics.missed == 5
    assert loop.observation is not None
    assert loop.observation.now_ns == 6 * contract.tick_ns


def test_a_record_says_what_the_gate_said_before_the_tick(
    inbox_and_loop: tuple[StreamInbox, TickLoop], contract: Contract
) -> None:
    _, loop = inbox_and_loop
    records: list[TickRecord] = []
    loop._outbox.tick = records.append
    for tick, news in enumerate((None, News("person"), News(""))):
        loop._news = news
        loop.offer(tick * contract.tick_ns)
        _wait(lambda ticks=tick + 1: loop.statistics.ticks == ticks and not loop._busy)
    assert [(each.owner, each.gate_refusal) for each in records] == [
        (None, None),
        ("person", "velocity"),
        ("", "velocity"),
    ]


def test_what_goes_wrong_first_is_told_and_costs_nothing_of_what_comes_after(
    inbox_and_loop: tuple[StreamInbox, TickLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, loop = inbox_and_loop
    told, log = [], []

    def fail(words: str) -> Callable[..., None]:
        def failing(*_: object) -> None:
            raise ValueError(words)

        return failing

    monkeypatch.setattr(loop._brain, "decide", fail("first"))
    monkeypatch.setattr(TickRecord, "json", fail("second"))
    monkeypatch.setattr(loop._goals, "tell", lambda *about: told.append(about))
    loop._log_error = log.append
    loop.offer(0)
    _wait(lambda: loop.statistics.errors == 1 and not loop._busy)
    assert len(told) == 1
    assert [("second" in each, "tick 0 failed" in each) for each in log] == [(True, False), (False, True)]
    assert log[1].rstrip().endswith("ValueError: first")
