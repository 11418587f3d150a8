"""Node that records topics into an MCAP bag, by default those of the contract, the brain and the gate.

Parameters:
    ``robot``: contract, name or file.
    ``path``: bag folder to be made; must not exist.
    ``topics``: comma separated; empty takes those of the contract, the brain and the gate, ``all`` takes everything.
    ``thread_priority``: of SCHED_FIFO, where that is allowed, after the brain's 20 and before all that is only looked
    at: what waits too long for this process is lost; 0 for none. It is given back where recording takes over half a
    core: drivers may not have any. ``lock_memory``: keep the process in memory.

Topics that appear later are found by asking the graph. The bag is whole only after the node was ended by SIGINT or
SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from world_model_ros.bags.heard_samples import HeardSamples
from world_model_ros.bags.recorded_topics import recorded_topics
from world_model_ros.bags.storage.background_writer import BackgroundWriter, Serialised
from world_model_ros.bags.storage.message_types import Typestore, installed_types, standard_types
from world_model_ros.bags.storage.writer import CONTRACT_TOPIC, BagWriter
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.field_types import Qos
from world_model_ros.contract.topics import DIAGNOSTICS
from world_model_ros.convert.messages import ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.nodes.bags.recording import RECORDER, recording_qos
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.diagnostics import ERROR, OK, STALE, WARN, diagnostics, status
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.qos import qos_profile
from world_model_ros.nodes.real_time import CoreBudget, first_of_its_process
from world_model_ros.nodes.spin import run_node

_LOOK_EVERY_S = 0.5
_MOST_CORES = 0.5  # for what has real-time priority


class RecorderNode(Node):
    """Subscribes without deserialising, and hands over to the writer's thread."""

    def __init__(self) -> None:
        super().__init__(RECORDER)
        contract = load_contract(str(declare(self, "robot", default_robot())))
        path = str(declare(self, "path", ""))
        declare(self, "thread_priority", 10)
        declare(self, "lock_memory", False)
        if not path:
            raise UserError("path", path, "a bag folder that does not exist yet")
        asked = str(declare(self, "topics", "")).split(",")
        names = [name.strip() for name in asked if name.strip()] or recorded_topics(contract)
        self._all = "all" in names
        self._wanted = {self.resolve_topic_name(name) for name in names}
        self._skipped: dict[str, str] = {}
        self._subscriptions_of: dict[str, tuple[Qos, Any]] = {}
        self._typestores: dict[str, Typestore] = {}
        self._seen = 0
        self._out = BackgroundWriter(BagWriter(path, contract))
        self._samples = HeardSamples(contract)
        self._path, self._budget = Path(path), CoreBudget(_MOST_CORES)
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_LOOK_EVERY_S, self._look, clock=steady)
        self.create_timer(1.0, self._report, clock=steady)
        self._look()
        self.get_logger().info(f"recording into {path}")

    def close(self) -> None:
        """Finish the bag and say what is in it."""
        for _, subscription in self._subscriptions_of.values():
            self.destroy_subscription(subscription)
        self._out.close()
        count, lost = sum(self._out.written.values()), sum(self._out.dropped.values())
        topics = len(self._out.written)
        print(f"recorder: {count} messages of {topics} topics in {self._path}, {lost} lost in writing", flush=True)
        lacking = ", ".join(f"{name} {missed}" for name, missed in self._samples.lacking().items())
        if lacking:
            words = "samples that the brain's ticks used did not come to the recorder"
            print(f"recorder: {words}: {lacking}; a replay differs from those ticks on", flush=True)
        for topic, why in self._out.why.items():
            print(f"recorder: {topic}: {self._out.dropped[topic]} messages lost, the first one for: {why}", flush=True)
        if self._out.error is not None:
            raise UserError("path", str(self._path), f"a place that can be written ({self._out.error})")

    def _look(self) -> None:
        """Subscribe to what has appeared, or what offers less than it did."""
        if clock_ns(self) == 0:  # simulated time has not started
            return
        for topic, types in self.get_topic_names_and_types():
            # The contract is in the bag already.
            if topic == CONTRACT_TOPIC or not (self._all or topic in self._wanted) or topic in self._skipped:
                continue
            publishers = self.get_publishers_info_by_topic(topic)
            if not publishers:
                continue
            qos = recording_qos([each.qos_profile for each in publishers], types[0])
            before = self._subscriptions_of.get(topic)
            if before is not None:
                if before[0] == qos or (before[0].reliability, before[0].durability) == ("best_effort", "volatile"):
                    continue
                self.destroy_subscription(before[1])
            try:
                self._subscribe(topic, types, qos)
            except UserError as error:
                self._skipped[topic] = str(error)
                self.get_logger().warning(f"{topic} is not recorded: {error}")

    def _subscribe(self, topic: str, types: list[str], qos: Qos) -> None:
        if len(types) != 1:
            raise UserError(f"types of {topic}", types, "one type")
        kind = ros_class(types[0])
        typestore = self._typestore(types[0])
        store = partial(self._store, topic, types[0], qos, typestore)
        self._subscriptions_of[topic] = (qos, self.create_subscription(kind, topic, store, qos_profile(qos), raw=True))

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

    def _store(self, topic: str, type_name: str, qos: Qos, typestore: Typestore | None, cdr: bytes) -> None:
        now_ns = clock_ns(self)
        self._samples.hear(topic, cdr)
        if not self._out.put(Serialised(topic, type_name, cdr, now_ns, qos, typestore)):
            self.get_logger().warning(
                f"{topic}: message lost, {self._out.error or 'the disk is too slow'}", throttle_duration_sec=2.0
            )

    def _report(self) -> None:
        out, greedy = self._out, self._budget.judge()
        if greedy is not None:
            self.get_logger().warning(f"real-time priority is given back: {greedy}")
        count, lost = sum(out.written.values()), sum(out.dropped.values())
        level, words = OK, f"{len(self._subscriptions_of)} topics into {self._path}"
        if out.error is not None:
            level, words = ERROR, f"nothing is written any more: {out.error}"
        elif lost:
            level, words = WARN, f"{lost} messages lost"
        elif count == self._seen:
            level, words = STALE, "no messages come in"
        self._seen = count
        values = {
            "messages_written": count,
            "messages_lost": lost,
            "waiting_mb": out.waiting_bytes / 2**20,
            "topics_skipped": len(self._skipped),
        }
        report = status("recorder: bag", level, words, values)
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), report))


def main() -> int:
    """Record until interrupted; 1 if the parameters are wrong or not everything could be written."""
    return run_node("recorder_node", first_of_its_process(RecorderNode), _close)


def _close(node: RecorderNode) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave the bag without its index
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    node.close()


if __name__ == "__main__":
    sys.exit(main())
