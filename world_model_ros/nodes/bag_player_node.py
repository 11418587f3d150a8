"""Publishes a bag on its topics, with ``/clock``, for machines without rosbag2.

Parameters:
    ``path``: bag folder, .mcap, .db3 or .bag file.
    ``rate``: bag seconds a second. ``loop``: begin again at the end.
    ``paused``: begin so. ``delay``: s before the first message, for subscribers to find their publishers.
    ``clock``: publish the time of the bag on ``/clock``, for nodes with ``use_sim_time``.
    ``topics``: comma separated; empty plays all. Other names are given by remapping.

Services ``~/pause`` and ``~/resume`` (``std_srvs/Trigger``). Ends by itself at the end of the bag.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rosbags.serde import SerdeError
from rosgraph_msgs.msg import Clock as ClockMessage
from std_srvs.srv import Trigger

from world_model_ros.bags.message_types import standard_types
from world_model_ros.bags.playback import Playback
from world_model_ros.bags.reader import BagReader, Topic
from world_model_ros.bags.writer import contract_qos
from world_model_ros.contract.schema import Qos
from world_model_ros.convert.outgoing import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.qos import qos_profile
from world_model_ros.nodes.spin import run_node, stop

_PERIOD_S = 0.005
_CLOCK = "/clock"


class BagPlayerNode(Node):
    """`Playback` with topics and a clock; messages go out as the bag has them, without being decoded."""

    def __init__(self) -> None:
        super().__init__("bag_player")
        asked = str(self.declare_parameter("topics", "").value).split(",")
        self._wanted = {"/" + name.strip().lstrip("/") for name in asked if name.strip()}
        rate = float(self.declare_parameter("rate", 1.0).value)
        loop = bool(self.declare_parameter("loop", False).value)
        paused = bool(self.declare_parameter("paused", False).value)
        self._begin_ns = time.monotonic_ns() + round(float(self.declare_parameter("delay", 1.0).value) * 1e9)
        own_clock = bool(self.declare_parameter("clock", True).value)
        self._played: Counter[str] = Counter()
        self._stack = ExitStack()
        path = str(self.declare_parameter("path", "").value)
        self._bag = self._stack.enter_context(BagReader(path))
        self._publishers_of = self._make_publishers(own_clock)
        self._playback = Playback(self._bag, set(self._publishers_of), rate, loop)
        self._playback.paused = paused
        self._make = MessageMaker(ros_class)
        self._clock_out = self.create_publisher(ClockMessage, _CLOCK, 10) if own_clock else None
        for name, value in (("pause", True), ("resume", False)):
            self.create_service(Trigger, f"~/{name}", partial(self._set_paused, value))
        self.create_timer(_PERIOD_S, self._step, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f"playing {len(self._publishers_of)} topics of {path} at {rate:g} times real time")

    def close(self) -> None:
        """Say what was played."""
        self._stack.close()
        print(f"bag_player: {sum(self._played.values())} messages of {len(self._played)} topics", flush=True)
        for line in self._bag.damage:
            print(f"bag_player: {line}", flush=True)

    def _make_publishers(self, own_clock: bool) -> dict[str, Any]:
        """One a topic whose type is installed."""
        there = self._bag.topics()
        unknown = self._wanted - set(there)
        if unknown:
            raise UserError("topics", sorted(unknown), f"topics of the bag: {sorted(there)}")
        publishers = {}
        for topic in there.values():
            if (self._wanted and topic.name not in self._wanted) or (own_clock and topic.name == _CLOCK):
                continue
            try:
                kind = ros_class(topic.type)
                publishers[topic.name] = self.create_publisher(kind, topic.name, qos_profile(self._qos(topic)))
            except UserError as error:
                self.get_logger().warning(f"{topic.name} is not played: {error}")
        return publishers

    def _qos(self, topic: Topic) -> Qos:
        """As it was offered when it was recorded."""
        extra = self._bag.connection(topic.name).ext
        if self._bag.ros1:
            return Qos(durability="transient_local" if extra.latching else "volatile", depth=10)
        return contract_qos(extra.offered_qos_profiles)

    def _step(self) -> None:
        steady_ns = time.monotonic_ns()
        if steady_ns < self._begin_ns:
            return
        for topic, kind, bag_ns, raw in self._playback.step(steady_ns):
            try:
                cdr = standard_types().ros1_to_cdr(raw, kind) if self._bag.ros1 else raw
            except (SerdeError, KeyError) as error:
                self.get_logger().warning(f"{topic}: message left out: {error}", throttle_duration_sec=2.0)
                continue
            if self._clock_out is not None:
                self._clock_out.publish(self._make.make("rosgraph_msgs/msg/Clock", clock=self._make.time(bag_ns)))
            self._publishers_of[topic].publish(bytes(cdr))
            self._played[topic] += 1
        if self._clock_out is not None:
            now = self._make.time(self._playback.now_ns)
            self._clock_out.publish(self._make.make("rosgraph_msgs/msg/Clock", clock=now))
        if self._playback.ended:
            for publisher in self._publishers_of.values():
                publisher.wait_for_all_acked()
            stop()

    def _set_paused(self, value: bool, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._playback.paused = value
        response.success = True
        response.message = f"{'paused' if value else 'playing'} at {self._playback.now_ns * 1e-9:.3f} s"
        return response


def main() -> int:
    """Play until the end or until interrupted; 1 if the parameters are wrong."""
    return run_node("bag_player_node", BagPlayerNode, BagPlayerNode.close)


if __name__ == "__main__":
    sys.exit(main())
