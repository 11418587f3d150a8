"""Subscribes to the streams of a contract and to the applied command; callbacks only convert and store."""

from __future__ import annotations

from collections import Counter
from functools import partial
from time import monotonic, perf_counter
from typing import Any

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState

from world_model_ros.brain.applied_actions import AppliedActions
from world_model_ros.brain.applied_positions import AppliedReference
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.joint_ranges import JointRanges
from world_model_ros.contract.topics import APPLIED
from world_model_ros.convert.actions import action_array
from world_model_ros.convert.messages import ros_class
from world_model_ros.convert.senses.converters import Converter, converter_for
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.senses.transforms import TransformConverter
from world_model_ros.convert.stamps import is_stamped, stamp_ahead
from world_model_ros.core.errors import AbsentError, OtherMessage, UserError
from world_model_ros.core.streams import MOST_AHEAD_NS, Streams
from world_model_ros.nodes.brain.driver_watch import DriverWatch
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.qos import STATIC, qos_profile

_ABSENT_EVERY_S = 10.0
_AWAY_S = 60.0  # a fault that was away for so long is said as a new one


class StreamInbox:
    """What came in.

    Args:
        watch: is given the joint states that come.

    Attributes:
        streams: buffers of all streams. applied: what the gate commanded. actions: those of free parts that were sent.
        convert_ms: how long the newest message of each stream took to be converted and stored.
        bad: messages refused, by stream. late: messages older than one before them, by stream.
        absent: why what a stream is of is not in the newest message, where it is not.
    """

    def __init__(self, node: Node, contract: Contract, watch: DriverWatch | None = None) -> None:
        self._node, self._watch, self._ranges = node, watch, JointRanges(contract)
        self.streams = Streams(contract.stream_rules())
        self.applied, self.actions = AppliedReference(), AppliedActions(contract.interface.action.size)
        self.convert_ms: dict[str, float] = {}
        self.bad: Counter[str] = Counter()
        self._faults: dict[tuple[str, str, str], tuple[int, float]] = {}  # how many messages of each, and when the last
        self.late: Counter[str] = Counter()
        self.absent: dict[str, str] = {}
        self._latency_ns = {source.name: contract.latency_ns(source.name) for source in contract.deployment.streams}
        self._stamped = {source.name: is_stamped(source.type) for source in contract.deployment.streams}
        self._now_ns = 0  # when the clock was last asked
        self._transforms: list[TransformConverter] = []
        wanted: list[tuple[Any, str, Any, Any]] = []  # nothing is subscribed to before all types are known to be there
        for stream in contract.interface.streams:
            source = contract.source(stream.name)
            convert = converter_for(stream, source)
            store = partial(self._store, stream.name, convert)
            wanted.append((ros_class(source.type), source.topic, store, qos_profile(source.qos)))
            if isinstance(convert, TransformConverter):
                self._transforms.append(convert)
                store = partial(self._store, stream.name, convert.static)
                wanted.append((ros_class(source.type), str(source.static_topic), store, STATIC))
        sink = contract.deployment.action
        if sink is None:
            joints = JointConverter(APPLIED, contract.joint_names, ("position", "velocity"))
            wanted.append((JointState, APPLIED, partial(self._store_applied, joints), 10))
        else:
            wanted.append((ros_class(sink.type), sink.topic, partial(self._store_action, contract, sink.topic), 10))
        self._subscriptions = [node.create_subscription(*each) for each in wanted]

    def flush(self) -> None:
        """Forget everything; called when the clock jumps back."""
        self._now_ns = 0
        self.absent.clear()
        for convert in self._transforms:
            convert.forget()
        if self._watch is not None:
            self._watch.forget()
        self.streams.flush()
        self.applied.flush()
        self.actions.flush()

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _store(self, name: str, convert: Converter, message: Any) -> None:
        arrived = perf_counter()
        try:
            stamp_ns, value = convert(message)
            self._ranges.check(name, value, f"{name}: position")
        except OtherMessage as error:
            if isinstance(error, AbsentError):
                self.absent[name] = str(error)
                self._node.get_logger().warning(f"absent: {error}", throttle_duration_sec=_ABSENT_EVERY_S)
            return
        except UserError as error:
            self._refuse(name, error)
            return
        self.absent.pop(name, None)
        if not self._stamped[name]:
            stamp_ns = clock_ns(self._node)
        ahead_ns = self._ahead_ns(stamp_ns)
        if ahead_ns > MOST_AHEAD_NS:
            self._refuse(name, stamp_ahead(name, ahead_ns))
            return
        if self._watch is not None and self._watch.follows(name):
            self._watch.arrived(name, stamp_ns, clock_ns(self._node))
        if not self.streams.push(name, stamp_ns - self._latency_ns[name], value):
            self.late[name] += 1
        self.convert_ms[name] = (perf_counter() - arrived) * 1e3

    def _ahead_ns(self, stamp_ns: int) -> int:
        """How far a stamp is ahead of now. Now is no earlier than it was: the clock is asked a few times a second."""
        if stamp_ns - self._now_ns > MOST_AHEAD_NS:
            self._now_ns = clock_ns(self._node)
        return stamp_ns - self._now_ns

    def _store_applied(self, convert: JointConverter, message: JointState) -> None:
        try:
            stamp_ns, value = convert(message)
        except UserError as error:
            self._refuse(APPLIED, error)
            return
        if not self.applied.push(stamp_ns, *np.ascontiguousarray(value.T, np.float64)):
            self.late[APPLIED] += 1

    def _store_action(self, contract: Contract, topic: str, message: Any) -> None:
        try:
            action = action_array(message, contract, topic)
        except UserError as error:
            self._refuse(topic, error)
            return
        self.actions.push(clock_ns(self._node), action)

    def _refuse(self, name: str, error: UserError) -> None:
        """Count a message that is refused, and say it: the first one of a fault, the tenth, the hundredth.

        A fault is what is legal of a field, whichever number of an array breaks it.
        """
        self.bad[name] += 1
        fault, now_s = (name, error.field.partition("[")[0], str(error.legal)), monotonic()
        count, last_s = self._faults.get(fault, (0, now_s))
        count = count + 1 if now_s - last_s < _AWAY_S else 1
        self._faults[fault] = count, now_s
        if count == 10 ** (len(str(count)) - 1):
            self._node.get_logger().warning(f"message of {name} refused ({count} so far): {error}")
