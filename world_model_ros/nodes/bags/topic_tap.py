"""Subscribes to topics for a recorder, without deserialising messages; also to topics that appear later."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.subscription import Subscription

from world_model_ros.bags.storage.background_writer import Serialised
from world_model_ros.bags.storage.message_types import Typestore, installed_types, standard_types
from world_model_ros.bags.storage.writer import CONTRACT_TOPIC
from world_model_ros.contract.field_types import Qos
from world_model_ros.convert.messages import ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.bags.recording_qos import recording_qos
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.qos import qos_profile

_LOOK_EVERY_S = 0.5


class TopicTap:
    """Subscribes to topics by asking the graph, twice a second.

    Args:
        node: whose subscriptions they are.
        names: of topics, ``all`` among them for every one there is.
        take: is called with each message, at the time when it is heard.

    Attributes:
        skipped: topics that cannot be recorded, and why.
    """

    def __init__(self, node: Node, names: Collection[str], take: Callable[[Serialised], object]) -> None:
        self._node, self._take = node, take
        self._all = "all" in names
        self._wanted = {node.resolve_topic_name(name) for name in names}
        self.skipped: dict[str, str] = {}
        self._subscriptions: dict[str, tuple[Qos, Subscription[bytes]]] = {}
        self._types: dict[str, str] = {}
        self._typestores: dict[str, Typestore] = {}
        node.create_timer(_LOOK_EVERY_S, self.look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def count(self) -> int:
        """How many topics it hears."""
        return len(self._subscriptions)

    def close(self) -> None:
        """Hear nothing any more."""
        for _, subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)

    def look(self) -> None:
        """Subscribe to what has appeared, or what offers less than it did."""
        node = self._node
        if clock_ns(node) == 0:  # simulated time has not started
            return
        for topic, types in node.get_topic_names_and_types():
            # The contract is in the bag already.
            if topic == CONTRACT_TOPIC or not (self._all or topic in self._wanted) or topic in self.skipped:
                continue
            publishers = node.get_publishers_info_by_topic(topic)
            if not publishers:
                continue
            qos = recording_qos([each.qos_profile for each in publishers], types[0])
            before = self._subscriptions.get(topic)
            if before is not None:
                least = (before[0].reliability, before[0].durability) == ("best_effort", "volatile")
                if self._types[topic] == types[0] and (before[0] == qos or least):
                    continue
                node.destroy_subscription(before[1])
            try:
                self._subscribe(topic, types, qos)
            except UserError as error:
                self.skipped[topic] = str(error)
                node.get_logger().warning(f"{topic} is not recorded: {error}")

    def _subscribe(self, topic: str, types: list[str], qos: Qos) -> None:
        if len(types) != 1:
            raise UserError(f"types of {topic}", types, "one type")
        kind = ros_class(types[0])
        hear = partial(self._hear, topic, types[0], qos, self._typestore(types[0]))
        made = self._node.create_subscription(kind, topic, hear, qos_profile(qos), raw=True)
        self._subscriptions[topic], self._types[topic] = (qos, made), types[0]

    def _hear(self, topic: str, type_name: str, qos: Qos, typestore: Typestore | None, cdr: bytes) -> None:
        self._take(Serialised(topic, type_name, cdr, clock_ns(self._node), qos, typestore))

    def _typestore(self, type_name: str) -> Typestore | None:
        """None for standard types."""
        if type_name in standard_types().types:
            return None
        if type_name not in self._typestores:
            try:
                share = Path(get_package_share_directory(type_name.split("/")[0])).parent
            except PackageNotFoundError as error:
                raise UserError("message type", type_name, f"a type of an installed package ({error})") from error
            self._typestores[type_name] = installed_types(type_name, share)
        return self._typestores[type_name]
