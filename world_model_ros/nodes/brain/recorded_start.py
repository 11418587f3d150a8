"""Delays the brain's first tick until the recorder subscribes to all that the tick depends on."""

from __future__ import annotations

import time

from rclpy.node import Node

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import TICK
from world_model_ros.nodes.bags.recording_qos import RECORDER

_MATCHED_S = 0.3  # from when a subscription is in the graph until its publisher sends to it
_LOOK_EVERY_S = 0.05
_PATIENCE_S = 20.0


def wait_for_recorder(node: Node, contract: Contract) -> list[str]:
    """Wait until the recorder listens to the node's ticks and to every stream that is there, and has done so for as
    long as a message counts as fresh: what is older no tick will see.

    A replay of the bag can then begin with the same belief as the brain, rather than in the middle of a run.

    Returns:
        Topics that it does not listen to when patience ends; none if all is well.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while (deaf := _unheard(node, contract)) and time.monotonic() < deadline and node.context.ok():
        time.sleep(_LOOK_EVERY_S)
    if not deaf:
        time.sleep(max(source.max_age_s for source in contract.deployment.streams) + _MATCHED_S)
    return deaf


def _unheard(node: Node, contract: Contract) -> list[str]:
    """Required are the tick record and what the contract requires; other streams only once they are published."""
    needed = [TICK]
    for source in contract.deployment.streams:
        if source.required or node.get_publishers_info_by_topic(source.topic):
            needed.append(source.topic)
    return [topic for topic in needed if not _heard(node, topic)]


def _heard(node: Node, topic: str) -> bool:
    return any(each.node_name == RECORDER for each in node.get_subscriptions_info_by_topic(topic))
