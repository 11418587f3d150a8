"""A process that sends or receives camera images, to time the transport: see `world_model_ros.bench.speed.transport`.

Example::

    python -m world_model_ros.nodes.probes.image_probe hear 640 480 60 30 reliable 10
"""

from __future__ import annotations

import json
import sys
import time
from array import array
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image

from world_model_ros.contract.field_types import Qos
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.nodes.qos import qos_profile
from world_model_ros.nodes.spin import make_executor

_TOPIC = "bench/image"
_MATCH_S = 15.0  # patience for the other process
_SETTLE_S = 0.5  # after the match, which the two sides do not see at the same time
_LATE_S = 2.0  # patience for images after the last was due


def send(node: Node, size: tuple[int, int], count: int, rate_hz: float, qos: Any) -> dict[str, Any]:
    """Publish ``count`` images, each stamped just before. Returns how many, and how long ``publish`` took, ms."""
    publisher = node.create_publisher(Image, _TOPIC, qos)
    deadline = time.monotonic() + _MATCH_S
    while not publisher.get_subscription_count():
        if time.monotonic() > deadline:
            return {"sent": 0, "publish_ms": []}
        time.sleep(0.02)
    time.sleep(_SETTLE_S)
    pixels = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8)
    message = MessageMaker(ros_class).image(pixels, "rgb8", 0)
    data: array[int] = message.data
    laps, begin = [], time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number / rate_hz - time.monotonic()))
        now_ns = time.monotonic_ns()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns, 10**9)
        data[0] = number % 256
        publisher.publish(message)
        laps.append((time.monotonic_ns() - now_ns) * 1e-6)
    time.sleep(_LATE_S)  # a reliable writer has to live until all is heard
    return {"sent": count, "publish_ms": laps}


def hear(node: Node, size: tuple[int, int], count: int, rate_hz: float, qos: Any) -> dict[str, Any]:
    """Count the images that arrive. Returns their latencies in ms, from before ``publish`` to the callback."""
    latencies: list[float] = []

    def store(message: Image) -> None:
        stamp = message.header.stamp
        latencies.append((time.monotonic_ns() - stamp.sec * 10**9 - stamp.nanosec) * 1e-6)
        assert len(message.data) == size[0] * size[1] * 3

    node.create_subscription(Image, _TOPIC, store, qos)
    executor = make_executor()
    executor.add_node(node)
    deadline = time.monotonic() + _MATCH_S + count / rate_hz + _LATE_S
    last = 0
    while len(latencies) < count and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.05)
        if len(latencies) > last:
            last = len(latencies)
            deadline = min(deadline, time.monotonic() + count / rate_hz + _LATE_S)
    return {"delivered": len(latencies), "latency_ms": latencies}


def main() -> int:
    """Words: send or hear, width, height, count, rate in Hz, reliability, depth. Prints one JSON object."""
    role, width, height, count, rate_hz, reliability, depth = sys.argv[1:8]
    qos = qos_profile(Qos.model_validate({"reliability": reliability, "depth": int(depth)}))
    rclpy.init()
    node = Node(f"image_{role}")
    found = {"send": send, "hear": hear}[role](node, (int(width), int(height)), int(count), float(rate_hz), qos)
    print(json.dumps(found), flush=True)
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
