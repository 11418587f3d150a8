"""Chooses the QoS with which the recorder subscribes to a topic, so that it hears every publisher of that topic."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from world_model_ros.contract.field_types import Qos

RECORDER = "recorder"  # name of its node
# Messages that may wait for this process while others have the CPU; large ones fewer, for the sake of memory.
_DEPTH, _DEPTH_LARGE = 1000, 200
_LARGE = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/PointCloud2")


def recording_qos(offered: Sequence[QoSProfile], type_name: str) -> Qos:
    """The best that every publisher of a topic offers, so that all of them are heard."""
    reliable = all(each.reliability == ReliabilityPolicy.RELIABLE for each in offered)
    latched = all(each.durability == DurabilityPolicy.TRANSIENT_LOCAL for each in offered)
    return Qos(
        reliability="reliable" if reliable else "best_effort",
        durability="transient_local" if latched else "volatile",
        depth=_DEPTH_LARGE if type_name in _LARGE else _DEPTH,
    )
