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
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from world_model_ros.bags.heard_samples import HeardSamples
from world_model_ros.bags.recorded_topics import recorded_topics
from world_model_ros.bags.storage.background_writer import BackgroundWriter, Serialised
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.topics import DIAGNOSTICS
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.nodes.bags.recording_qos import RECORDER
from world_model_ros.nodes.bags.topic_tap import TopicTap
from world_model_ros.nodes.diagnostics import ERROR, OK, STALE, WARN, diagnostics, status
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.real_time import CoreBudget, first_of_its_process
from world_model_ros.nodes.spin import run_node

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
        self._seen = 0
        self._out = BackgroundWriter(BagWriter(path, contract))
        self._samples = HeardSamples(contract)
        self._path, self._budget = Path(path), CoreBudget(_MOST_CORES)
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)
        self._tap = TopicTap(self, names, self._store)
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._tap.look()
        self.get_logger().info(f"recording into {path}")

    def close(self) -> None:
        """Finish the bag and say what is in it."""
        self._tap.close()
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

    def _store(self, message: Serialised) -> None:
        self._samples.hear(message.topic, message.cdr)
        if not self._out.put(message):
            self.get_logger().warning(
                f"{message.topic}: message lost, {self._out.error or 'the disk is too slow'}",
                throttle_duration_sec=2.0,
            )

    def _report(self) -> None:
        out, greedy = self._out, self._budget.judge()
        if greedy is not None:
            self.get_logger().warning(f"real-time priority is given back: {greedy}")
        count, lost = sum(out.written.values()), sum(out.dropped.values())
        level, words = OK, f"{self._tap.count} topics into {self._path}"
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
            "topics_skipped": len(self._tap.skipped),
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
