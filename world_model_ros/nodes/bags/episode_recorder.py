"""Records a running robot into bags, one per episode, which a person begins, keeps or discards by keys."""

from __future__ import annotations

import shutil
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter

from world_model_ros.bags.episodes import OUTCOME, TASK, Episodes, Order
from world_model_ros.bags.recorded_topics import recorded_topics
from world_model_ros.bags.storage.background_writer import BackgroundWriter, Serialised
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.writer import LATCHED, BagWriter
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import absolute
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.bags.topic_tap import TopicTap
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.real_time import CoreBudget, go_first
from world_model_ros.nodes.spin import interrupted, make_executor, spin_for, start_ros, stop

_TRANSFORMS = 100  # messages of /tf_static that are kept: many publish it; of other latched topics the last one
_PRIORITY, _MOST_CORES = 10, 0.5  # as of the recorder node
_SPIN_S = 0.05
_STRING = "std_msgs/msg/String"


class EpisodeRecorder(Node):
    """Hears all the time, and writes while an episode is open.

    What is latched, as transforms and the robot's description, is kept and stands at the start of every episode.

    Args:
        contract: of the robot. topics: that are recorded; empty takes those of contract, brain and gate.
        task: in words, for each episode's bag; empty says nothing.
        use_sim_time: the time is on ``/clock``.
    """

    def __init__(self, contract: Contract, topics: Sequence[str], task: str, use_sim_time: bool) -> None:
        super().__init__("episode_recorder", parameter_overrides=[Parameter("use_sim_time", value=use_sim_time)])
        self._contract, self._task = contract, task
        self._out: BackgroundWriter | None = None
        self._path = Path()
        self._begun_s = 0.0
        self._latched: dict[str, deque[Serialised]] = {}
        self._tap = TopicTap(self, topics or recorded_topics(contract), self._take)
        self._tap.look()

    @property
    def topics(self) -> int:
        """How many topics it hears."""
        return self._tap.count

    @property
    def lasted_s(self) -> float:
        """How long the open episode has lasted; 0 without one."""
        return 0.0 if self._out is None else time.monotonic() - self._begun_s

    def begin(self, path: Path) -> None:
        """Open an episode. `UserError` if its folder cannot be made."""
        self._out, self._path = BackgroundWriter(BagWriter(path, self._contract)), path
        self._begun_s = time.monotonic()
        now_ns = clock_ns(self)
        if self._task:
            self._out.put(self._text(TASK, self._task, now_ns))
        for kept in self._latched.values():
            for each in kept:
                self._out.put(Serialised(each.topic, each.type, each.cdr, now_ns, each.qos, each.typestore))

    def end(self, outcome: str) -> str:
        """Finish the bag; what is in it, in words. `UserError` if it could not be written."""
        out, lasted_s = self._out, self.lasted_s
        assert out is not None
        out.put(self._text(OUTCOME, outcome, clock_ns(self)))
        self._out = None
        out.close()
        if out.error is not None:
            raise UserError("out", str(self._path), f"a place that can be written ({out.error})")
        count, lost = sum(out.written.values()), sum(out.dropped.values())
        words = f"{lasted_s:.1f} s, {count} messages of {len(out.written)} topics"
        sources = self._contract.deployment.streams
        silent = [each.topic for each in sources if not out.written[self.resolve_topic_name(each.topic)]]
        words += f"; NOTHING on {', '.join(silent)}" if silent else ""
        return words + (f"; {lost} LOST" if lost else "")

    def discard(self, path: Path) -> None:
        """Take an episode away, also one that is open."""
        if self._out is not None and path == self._path:
            out, self._out = self._out, None
            out.close()
        shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        self._tap.close()
        self.destroy_node()

    def _take(self, message: Serialised) -> None:
        if message.qos.durability == "transient_local":
            most = _TRANSFORMS if message.type == "tf2_msgs/msg/TFMessage" else 1
            self._latched.setdefault(message.topic, deque(maxlen=most)).append(message)
        if self._out is not None and not self._out.put(message):
            self.get_logger().warning(f"{message.topic}: message lost", throttle_duration_sec=2.0)

    def _text(self, topic: str, text: str, stamp_ns: int) -> Serialised:
        types = standard_types()
        cdr = types.serialize_cdr(types.types[_STRING](data=text), _STRING)
        return Serialised(absolute(topic), _STRING, bytes(cdr), stamp_ns, LATCHED)


def record_episodes(
    contract: Contract,
    episodes: Episodes,
    read_keys: Callable[[], str | None],
    say: Callable[[str], object],
    topics: Sequence[str] = (),
    task: str = "",
    most: int = 0,
    longest_s: float = 0.0,
    use_sim_time: bool = False,
) -> None:
    """Record until the person quits.

    Args:
        contract, topics, task, use_sim_time: see `EpisodeRecorder`.
        episodes: of the data set.
        read_keys: what was pressed since the last call; None once no key can come any more.
        say: prints a line.
        most: episodes that are kept, after which it quits; 0 for any number.
        longest_s: of an episode, which is then ended and kept; 0 for any length.

    Raises:
        UserError: an episode cannot be written.
    """
    start_ros()
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it
        signal.signal(signal.SIGHUP, lambda *_: stop())  # the terminal is closed: finish the bag
    node = EpisodeRecorder(contract, topics, task, use_sim_time)
    executor = make_executor()
    executor.add_node(node)
    go_first(_PRIORITY)  # where that is allowed: else keys, and what comes, wait for whoever has the cores
    budget = CoreBudget(_MOST_CORES)
    node.create_timer(1.0, budget.judge)
    try:
        while not interrupted():
            spin_for(executor, _SPIN_S)
            keys = read_keys()
            late = 0.0 < longest_s < node.lasted_s
            for key in "q" if keys is None else keys or (" " if late else ""):
                if _obey(node, episodes, key, say) or (most and not episodes.recording and len(episodes.kept) >= most):
                    return
    finally:
        if episodes.recording is not None:
            _obey(node, episodes, "q", say)
        node.close()
        rclpy.try_shutdown()


def _obey(node: EpisodeRecorder, episodes: Episodes, key: str, say: Callable[[str], Any]) -> bool:
    """Do what a key asks for; True if that is the end, for which an open episode is kept first."""
    order = episodes.press(key)
    try:
        _follow(node, order, say)
    except UserError:
        episodes.lost()
        raise
    if key in "qQ" and order.kind == "end":
        order = episodes.press(key)
    return order.kind == "quit"


def _follow(node: EpisodeRecorder, order: Order, say: Callable[[str], Any]) -> None:
    if order.path is None:
        if order.words:
            say(order.words)
    elif order.kind == "begin":
        node.begin(order.path)
        heard = "" if node.topics else "; NOTHING of the robot is heard: is it running, in this ROS_DOMAIN_ID?"
        say(f"{order.words}, {node.topics} topics{heard}")
    elif order.kind == "end":
        say(f"{order.words}; {node.end(order.outcome)}")
    else:
        node.discard(order.path)
        say(order.words)
