"""Node that publishes the messages of a bag on their topics, with ``/clock``, on machines without rosbag2.

Parameters:
    ``path``: bag folder, .mcap, .db3 or .bag file.
    ``rate``: bag seconds a second. ``loop``: begin again at the end.
    ``paused``: begin so.
    ``delay``: s from when the last subscriber came to the first message, for subscribers to find their publishers.
    ``patience``: s to wait for subscribers; then it is played to whoever listens, if anybody.
    ``longest_gap``: s; a longer time in which the bag has nothing to play is shortened to it, which is said.
    ``clock``: publish the time of the bag on ``/clock``, for nodes with ``use_sim_time``.
    ``topics``: comma separated; empty plays all. Other names are given by remapping.

Services ``~/pause`` and ``~/resume`` (``std_srvs/Trigger``). A reliable topic is played slower where its subscribers do
not keep up. Ends by itself once the end of the bag has arrived, and says what of the bag was not played.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rosbags.serde import SerdeError
from rosgraph_msgs.msg import Clock as ClockMessage
from std_srvs.srv import Trigger

from world_model_ros.bags.playback import LONGEST_GAP_S, Playback
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.reader import BagReader, Topic
from world_model_ros.bags.storage.writer import contract_qos
from world_model_ros.contract.field_types import Qos
from world_model_ros.contract.topics import CLOCK, absolute
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.bags.audience import Acknowledged, Audience
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.qos import qos_profile
from world_model_ros.nodes.spin import run_node, stop

_PERIOD_S = 0.005
_LAST_S = 5.0  # for the last messages to arrive; they are asked for every 3 s
_MOST_KEPT, _MEMORY = 500, 2**24  # messages, and bytes of them, of a topic


class BagPlayerNode(Node):
    """`Playback` with topics and a clock; messages go out as the bag has them, without being decoded."""

    def __init__(self) -> None:
        super().__init__("bag_player")
        asked = str(declare(self, "topics", "")).split(",")
        self._wanted = {absolute(name.strip()) for name in asked if name.strip()}
        rate = float(declare(self, "rate", 1.0))
        loop = bool(declare(self, "loop", False))
        paused = bool(declare(self, "paused", False))
        self._audience = Audience(float(declare(self, "delay", 1.0)), float(declare(self, "patience", 10.0)))
        longest_gap_s = float(declare(self, "longest_gap", LONGEST_GAP_S))
        own_clock = bool(declare(self, "clock", True))
        self._played: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._stack = ExitStack()
        path = str(declare(self, "path", ""))
        if not path:
            raise UserError("path", path, "a bag folder, or a .mcap, .db3 or .bag file")
        self._bag = self._stack.enter_context(BagReader(path))
        self._publishers_of = self._make_publishers(own_clock)
        self._playback = Playback(self._bag, set(self._publishers_of), rate, loop, longest_gap_s)
        self._playback.paused = paused
        self._playback.on_gap = partial(self._say_gap, longest_gap_s)
        self._make = MessageMaker(ros_class)
        self._clock_out = (
            Acknowledged(self.create_publisher(ClockMessage, CLOCK, _MOST_KEPT), _MOST_KEPT) if own_clock else None
        )
        self._outlets = [*self._publishers_of.values(), *([self._clock_out] if self._clock_out is not None else [])]
        for name, value in (("pause", True), ("resume", False)):
            self.create_service(Trigger, f"~/{name}", partial(self._set_paused, value))
        self._timer = self.create_timer(_PERIOD_S, self._step, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f"playing {len(self._publishers_of)} topics of {path} at {rate:g} times real time")

    def close(self) -> None:
        """Say what was played."""
        self._stack.close()
        print(f"bag_player: {sum(self._played.values())} messages of {len(self._played)} topics", flush=True)
        lines = [f"{topic}: {why}" for topic, why in self._bag.unreadable.items()]
        lines += [f"{what}: {count} messages left out" for what, count in self._left_out.items()]
        if self._playback.gaps:
            lines.append(f"{self._playback.gaps} gaps were shortened")
        for line in [*lines, *self._bag.damage]:
            print(f"bag_player: {line}", flush=True)

    def _make_publishers(self, own_clock: bool) -> dict[str, Acknowledged]:
        """One a topic whose type is installed."""
        there = self._bag.topics()
        for name, why in self._bag.unreadable.items():
            self.get_logger().warning(f"{name}: {why}")
        unknown = self._wanted - set(there)
        if unknown:
            raise UserError("topics", sorted(unknown), f"topics of the bag: {sorted(there)}")
        publishers = {}
        for topic in there.values():
            if (self._wanted and topic.name not in self._wanted) or (own_clock and topic.name == CLOCK):
                continue
            try:
                kind = ros_class(topic.type)
                qos = self._qos(topic)
                publisher = self.create_publisher(kind, topic.name, qos_profile(qos))
                publishers[topic.name] = Acknowledged(publisher, qos.depth)
            except UserError as error:
                self._left_out[f"{topic.name}: {error}"] += topic.count
                self.get_logger().warning(f"{topic.name} is not played: {error}")
        return publishers

    def _qos(self, topic: Topic) -> Qos:
        """As it was offered when it was recorded; what is not latched is kept for longer."""
        extra = self._bag.connection(topic.name).ext
        if self._bag.ros1:
            qos = Qos(durability="transient_local" if extra.latching else "volatile", depth=10)
        else:
            qos = contract_qos(extra.offered_qos_profiles)
        first = next(self._bag.raw_messages([topic.name]), None)
        if first is None or qos.durability != "volatile":
            return qos
        return qos.model_copy(update={"depth": max(qos.depth, min(_MOST_KEPT, _MEMORY // max(1, len(first[3]))))})

    def _step(self) -> None:
        steady_ns = time.monotonic_ns()
        if not self._audience.ready(steady_ns, sum(each.subscribers for each in self._outlets)):
            return
        for topic, kind, bag_ns, raw in self._playback.step(steady_ns):
            try:
                self._bag.check(topic, raw)
                cdr = standard_types().ros1_to_cdr(raw, kind) if self._bag.ros1 else raw
            except (UserError, SerdeError, KeyError) as error:
                self._left_out[f"{topic}: {error}"] += 1
                self.get_logger().warning(f"{topic}: message left out: {error}", throttle_duration_sec=2.0)
                continue
            self._tell_time(bag_ns)
            if not self._publishers_of[topic].publish(bytes(cdr)):
                words = f"{topic}: a subscriber does not keep up; the bag is played slower"
                self.get_logger().warning(words, throttle_duration_sec=5.0)
            self._played[topic] += 1
        self._tell_time(self._playback.now_ns)
        if self._playback.ended:
            self._timer.cancel()
            self._wait_for_the_last()
            stop()

    def _wait_for_the_last(self) -> None:
        end_s = time.monotonic() + _LAST_S
        if not all(each.arrived(max(0.0, end_s - time.monotonic())) for each in self._outlets):
            self.get_logger().warning(f"a subscriber has not taken everything within {_LAST_S:g} s of the end")

    def _tell_time(self, bag_ns: int) -> None:
        if self._clock_out is not None:
            self._clock_out.publish(self._make.make("rosgraph_msgs/msg/Clock", clock=self._make.time(bag_ns)))

    def _say_gap(self, longest_s: float, before_ns: int, gap_s: float) -> None:
        at_s = before_ns * 1e-9
        self.get_logger().warning(f"a gap of {gap_s:.1f} s after {at_s:.3f} s is shortened to {longest_s:g} s")

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
