"""The live part of ``world-model bench views``: measures what a viewer of imagined futures costs the brain."""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray

from world_model_ros.bringup.domain import talking_in
from world_model_ros.bringup.options import SimulationOptions
from world_model_ros.bringup.processes import brain_of, own, simulation
from world_model_ros.bringup.run import Running
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.topics import FUTURES_IMAGE, FUTURES_MARKERS, GATE_ARM, TICK, goal_topic
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.spin import make_executor, spin_for

_SETTLE_S = 1.5  # of each block, not counted: subscriptions are found, the view begins
_GOAL_S = 3.0
_GOALS = ((0.42, 0.18), (0.58, -0.18))
_PATIENCE_S = 60.0


def view_campaign(robot: str, blocks: int, block_s: float, seed: int = 0) -> dict[str, Any]:
    """Run the simulated robot after changing goals, in alternating blocks with and without a viewer.

    Args:
        robot: contract of a simulated arm.
        blocks: of each kind.
        block_s: length of a block, s.

    Returns:
        ``off`` and ``on``: ticks, ``tick_ms`` (median of the blocks' medians), ``missed`` share; ``median_change``: of
        the medians of neighbouring blocks, with the smallest and largest; ``missed_points``: how many more of 100 are
        missed; ``images`` and ``markers`` that came meanwhile.
    """
    owner = brain_of(load_contract(robot))
    with (
        TemporaryDirectory() as logs,
        Running(own(simulation(SimulationOptions(robot, seed=seed, owner=owner))), Path(logs)) as running,
    ):
        context = rclpy.Context()
        with talking_in(running.environment):
            rclpy.init(context=context)
            probe = _Probe(context)
        try:
            probe.start()
            measured: dict[str, list[tuple[float, int, int]]] = {"off": [], "on": []}
            for block in range(2 * blocks):
                # off on, on off, off on: what drifts falls on both alike
                kind = ("off", "on", "on", "off")[block % 4]
                probe.look(kind == "on")
                measured[kind].append(probe.block(block_s))
            return _summary(measured, probe)
        finally:
            probe.close()
            rclpy.try_shutdown(context=context)


def _summary(measured: dict[str, list[tuple[float, int, int]]], probe: _Probe) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for kind, rows in measured.items():
        ticks, missed = sum(row[1] for row in rows), sum(row[2] for row in rows)
        median = float(np.median([row[0] for row in rows]))
        result[kind] = {
            "ticks": ticks,
            "tick_ms": round(median, 2),
            "missed": round(missed / max(1, ticks + missed), 4),
        }
    changes = [on[0] / off[0] - 1 for on, off in zip(measured["on"], measured["off"])]
    result["median_change"] = round(float(np.median(changes)), 4)
    result["median_change_range"] = [round(min(changes), 4), round(max(changes), 4)]
    result["missed_points"] = round(100 * (result["on"]["missed"] - result["off"]["missed"]), 2)
    return result | {"images": probe.images, "markers": probe.markers}


class _Probe:
    """Gives goals, reads tick records, and looks or does not."""

    def __init__(self, context: rclpy.Context) -> None:
        self._node = Node("view_probe", context=context)
        self._executor = make_executor(context)
        self._executor.add_node(self._node)
        self._ticks: list[tuple[float, int]] = []  # ms, missed so far
        self._looking: list[Subscription] = []
        self._goal = self._node.create_publisher(PoseStamped, goal_topic("fingertip"), 1)
        self._arm = self._node.create_client(Trigger, GATE_ARM)
        self._node.create_subscription(String, TICK, self._tick, 50)
        self.images = self.markers = 0
        self._goal_at = 0.0
        self._goals = 0

    def start(self) -> None:
        """Wait for the brain, and arm the gate."""
        end = time.monotonic() + _PATIENCE_S
        armed = False
        while not armed or len(self._ticks) < 20:
            if time.monotonic() > end:
                raise UserError(
                    "views", "the robot did not get ready", f"a robot that ticks within {_PATIENCE_S:.0f} s"
                )
            self._spin(0.2)
            if not armed and len(self._ticks) > 5 and self._arm.service_is_ready():
                future = self._arm.call_async(Trigger.Request())
                self._executor.spin_until_future_complete(future, timeout_sec=2.0)
                armed = future.done() and bool(future.result().success)

    def look(self, on: bool) -> None:
        """Subscribe to the strip and the markers, or stop."""
        if on and not self._looking:
            self._looking = [
                self._node.create_subscription(Image, FUTURES_IMAGE, self._image, 1),
                self._node.create_subscription(MarkerArray, FUTURES_MARKERS, self._marker, 1),
            ]
        elif not on:
            for subscription in self._looking:
                self._node.destroy_subscription(subscription)
            self._looking = []

    def block(self, seconds: float) -> tuple[float, int, int]:
        """Median tick in ms, ticks, and ticks missed in a block."""
        self._spin(_SETTLE_S)
        first = len(self._ticks)
        self._spin(seconds)
        ticks = self._ticks[first - 1 :]
        return float(np.median([ms for ms, _ in ticks[1:]])), len(ticks) - 1, ticks[-1][1] - ticks[0][1]

    def close(self) -> None:
        self._executor.shutdown()
        self._node.destroy_node()

    def _spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            if now > self._goal_at + _GOAL_S:
                self._goal_at = now
                self._send_goal()
            spin_for(self._executor, 0.05)

    def _send_goal(self) -> None:
        message = PoseStamped()
        message.header.frame_id = "base_link"
        message.header.stamp = self._node.get_clock().now().to_msg()
        x, y = _GOALS[self._goals % len(_GOALS)]
        message.pose.position.x, message.pose.position.y, message.pose.position.z = x, y, 0.03
        message.pose.orientation.w = 1.0
        self._goals += 1
        self._goal.publish(message)

    def _tick(self, message: Any) -> None:
        record = json.loads(message.data)
        self._ticks.append((float(record["stages_ms"]["total"]), int(record["missed"])))

    def _image(self, _: Any) -> None:
        self.images += 1

    def _marker(self, _: Any) -> None:
        self.markers += 1
