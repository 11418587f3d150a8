"""Finds where a robot that another program drives is commanded to be, now and in the coming ticks."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import numpy as np
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.bags.align.commanded_reference import command_topics
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import APPLIED
from world_model_ros.convert.commanded_joints import CommandedJoints, together
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Observation
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox
from world_model_ros.nodes.clock import clock_ns

MEASURED = "measured joints"
_WARN_EVERY_S = 5.0


class ShadowReference:
    """Commanded positions from the best source there is: the gate, the controllers' topics, or else what was measured.

    Attributes:
        sources: ticks by source. source: the one of the last tick; several controllers with commas.
    """

    def __init__(self, node: Node, contract: Contract, streams: StreamInbox) -> None:
        self._node, self._contract, self._streams = node, contract, streams
        self._controllers = {topic: CommandedJoints(contract.joint_names, topic) for topic in command_topics(contract)}
        self.sources: Counter[str] = Counter()
        self.source: str | None = None
        self._subscriptions = [
            node.create_subscription(JointTrajectory, topic, partial(self._store, topic), 10)
            for topic in self._controllers
        ]

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def at(self, observation: Observation) -> Float | None:
        """Commanded positions (J,) at the tick; None where nothing is known, and when the source changes: the step
        from one to another is no motion."""
        if not self._contract.joint_names:
            return None
        source, found = APPLIED, self._streams.applied.at(observation.now_ns)
        if found is None:
            source, found = self._told(), self._commanded(observation, observation.now_ns)
        if found is None:
            source, found = MEASURED, measured_positions(observation, self._contract)
        if found is None:
            return None
        before, self.source = self.source, source
        self.sources[source] += 1
        return found if before in (None, source) else None

    def ahead(self, observation: Observation, steps: int) -> Float | None:
        """Positions (steps + 1, J) that are commanded for now and the coming ticks; None if no source says."""
        if not self._told() or self.source != self._told():
            return None
        now_ns, tick_ns = observation.now_ns, self._contract.tick_ns
        positions = [self._commanded(observation, now_ns + step * tick_ns) for step in range(steps + 1)]
        return None if any(each is None for each in positions) else np.array(positions)

    def _told(self) -> str:
        """The topics of the controllers that were sent something."""
        return ", ".join(topic for topic, each in self._controllers.items() if each.newest is not None)

    def _commanded(self, observation: Observation, now_ns: int) -> Float | None:
        told = [each.at(now_ns) for each in self._controllers.values() if each.newest is not None]
        return together(told, measured_positions(observation, self._contract)) if told else None

    def _store(self, topic: str, message: Any) -> None:
        begin_ns = stamp_ns(message) or clock_ns(self._node)  # 0 means at once
        try:
            self._controllers[topic].take(message, begin_ns)
        except UserError as error:
            self._node.get_logger().warning(f"not followed: {error}", throttle_duration_sec=_WARN_EVERY_S)
