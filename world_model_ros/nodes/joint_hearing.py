"""Collects a robot's joint states from any number of topics and publishers, and refuses invalid messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rclpy.node import Node
from sensor_msgs.msg import JointState

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.convert.senses.joint_parts import JointParts
from world_model_ros.convert.stamps import stamp_ahead, stamp_ns
from world_model_ros.core.arrays import Float
from world_model_ros.core.streams import MOST_AHEAD_NS
from world_model_ros.nodes.qos import qos_profile


class JointHearing:
    """The newest state of each joint of all joint streams of a contract. Not thread-safe.

    Args:
        velocities: take those of streams that have them; without, positions alone have to be numbers.
    """

    def __init__(self, contract: Contract, velocities: bool = True) -> None:
        self._contract, self._velocities = contract, velocities
        self._parts = JointParts(contract.joint_names, contract.joint_ages_s())

    def subscribe(self, node: Node, hear: Callable[[JointStream, JointState], None]) -> None:
        """Have a node call ``hear``, which is to call `take`, with every message of every joint stream."""
        for stream in self._contract.interface.of(JointStream):
            source = self._contract.source(stream.name)
            node.create_subscription(JointState, source.topic, partial(hear, stream), qos_profile(source.qos))

    def take(self, stream: JointStream, message: JointState, now_ns: int) -> bool:
        """Keep what a message says of a stream's joints.

        Returns:
            False of a message that has none of them: another publisher's on the same topic.

        Raises:
            UserError: it cannot be read, or its stamp is too far ahead; nothing of it is kept.
        """
        if message.name and not set(message.name) & set(stream.joints):
            return False
        ahead_ns = stamp_ns(message) - now_ns
        if ahead_ns > MOST_AHEAD_NS:  # kept, it would look young for long, and all right ones after it late
            raise stamp_ahead(stream.name, ahead_ns)
        self._parts.take(message, stream.name, stream.joints, self._velocities and "velocity" in stream.fields)
        return True

    def whole(self) -> tuple[int, Float, Float] | None:
        """Stamp, positions (J,) and velocities (J,), as of `JointParts.whole`; None while a joint has never come."""
        return self._parts.whole()

    @property
    def unheard(self) -> list[str]:
        """Joints of which nothing has come."""
        return self._parts.unheard
