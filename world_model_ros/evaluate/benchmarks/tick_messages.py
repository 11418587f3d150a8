"""Turns the values that a benchmark's environment gives at a tick into the messages that its contract names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import PoseStream
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.evaluate.benchmarks.ogbench_tasks import Values


def tick_messages(
    contract: Contract, make: MessageMaker, values: Values, now_ns: int
) -> Iterator[tuple[str, str, str, Any]]:
    """Name, topic, type and message of each stream, whose value has the stream's name."""
    frames = {stream.name: stream.frame for stream in contract.interface.of(PoseStream)}
    for stream in contract.interface.streams:
        name, value = stream.name, values[stream.name]
        message = make.pose(value, now_ns, frames[name]) if name in frames else make.float32(value[0])
        yield name, contract.source(name).topic, contract.source(name).type, message
