"""What was commanded, of a robot that somebody else drives."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.bags.reference import USUAL_COMMAND
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.trajectory import trajectory_from
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Observation
from world_model_ros.core.trajectory import Float, Trajectory
from world_model_ros.nodes.stream_inbox import APPLIED, StreamInbox
from world_model_ros.runtime.inputs import measured_positions

MEASURED = "measured joints"
_WARN_EVERY_S = 5.0


class ShadowReference:
    """Commanded positions from the best source there is: the gate, the controller's topic, or else what was measured.

    Attributes:
        sources: ticks by source. source: the one of the last tick.
    """

    def __init__(self, node: Node, contract: Contract, streams: StreamInbox) -> None:
        self._node, self._contract, self._streams = node, contract, streams
        self._newest: Trajectory | None = None
        self.sources: Counter[str] = Counter()
        self.source: str | None = None
        command = contract.deployment.command
        self._topic: str | None = USUAL_COMMAND if command is None else command.topic
        if command is not None and command.streamed:
            self._topic = None
        self._subscription = None
        if self._topic is not None:
            self._subscription = node.create_subscription(JointTrajectory, self._topic, self._store, 10)

    def close(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def at(self, observation: Observation) -> Float | None:
        """Commanded positions (J,) at the tick; None where nothing is known, and when the source changes: the step
        from one to another is no motion."""
        now_ns, newest = observation.now_ns, self._newest
        source, found = APPLIED, self._streams.applied.at(now_ns)
        if found is None and newest is not None and self._topic is not None:
            source, found = self._topic, np.array(newest.sample(now_ns)[0])
        if found is None:
            source, found = MEASURED, measured_positions(observation, self._contract)
        if found is None:
            return None
        before, self.source = self.source, source
        self.sources[source] += 1
        return found if before in (None, source) else None

    def ahead(self, observation: Observation, steps: int) -> Float | None:
        """Positions (steps + 1, J) that are commanded for now and the coming ticks; None if nobody says."""
        newest, tick_ns = self._newest, self._contract.tick_ns
        if newest is None or self.source != self._topic:
            return None
        return np.array([newest.sample(observation.now_ns + step * tick_ns)[0] for step in range(steps + 1)])

    def _store(self, message: Any) -> None:
        try:
            trajectory = trajectory_from(message, self._contract.joint_names, str(self._topic))
        except UserError as error:
            self._node.get_logger().warning(f"not followed: {error}", throttle_duration_sec=_WARN_EVERY_S)
            return
        if not trajectory.stamp_ns:  # 0 means at once
            trajectory = replace(trajectory, stamp_ns=int(self._node.get_clock().now().nanoseconds))
        self._newest = trajectory
