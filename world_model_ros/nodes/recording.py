"""What a recorder listens to, and with which quality of service."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.fields import Qos

RECORDER = "recorder"  # name of its node
_BRAIN_AND_GATE = (
    "command tick surprise predicted/path predicted/joints predicted/states predicted/contact predicted/candidates "
    "goal/image goal/joints goal/cancel goal/refused gate/applied gate/state "
    "robot_description /diagnostics /tf /tf_static"
)
# Messages that may wait for this process while others have the CPU; large ones fewer, for the sake of memory.
_DEPTH, _DEPTH_LARGE = 1000, 200
_LARGE = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/PointCloud2")


def recorded_topics(contract: Contract) -> list[str]:
    """Names of what is recorded if nothing else is asked for."""
    deployment = contract.deployment
    topics = [source.topic for source in deployment.streams] + [label.topic for label in deployment.labels]
    if deployment.command is not None:
        topics += [each.topic for each in deployment.command.controllers(contract.joint_names)]
    for target in contract.interface.targets:
        topics += [f"goal/{target.name}/pose", f"predicted/{target.name}/path", f"predicted/{target.name}/region"]
    return [*topics, *_BRAIN_AND_GATE.split()]


def recording_qos(offered: Sequence[QoSProfile], type_name: str) -> Qos:
    """The best that every publisher of a topic offers, so that all of them are heard."""
    reliable = all(each.reliability == ReliabilityPolicy.RELIABLE for each in offered)
    latched = all(each.durability == DurabilityPolicy.TRANSIENT_LOCAL for each in offered)
    return Qos(
        reliability="reliable" if reliable else "best_effort",
        durability="transient_local" if latched else "volatile",
        depth=_DEPTH_LARGE if type_name in _LARGE else _DEPTH,
    )
