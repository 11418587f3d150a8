"""The commanded joint positions that a bag tells of; their changes are the actions that were applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.joints import JointConverter
from world_model_ros.convert.trajectory import trajectory_from

APPLIED_TOPIC = "/gate/applied"
_USUAL_COMMAND = "joint_trajectory_controller/joint_trajectory"


@dataclass(frozen=True)
class ReferenceSource:
    """Where commanded positions come from.

    Args:
        topic: absolute topic name.
        read: (message, its stamp in ns, now in ns) -> commanded positions now, (J,) in contract order.
    """

    topic: str
    read: Callable[[Any, int, int], NDArray[np.float64]]


def reference_source(bag: BagReader, contract: Contract) -> ReferenceSource | None:
    """What the gate says it applied; without a gate, what the controller was sent; None if the bag has neither."""
    topics = {name: topic.type for name, topic in bag.topics().items() if topic.count}
    if topics.get(APPLIED_TOPIC) == "sensor_msgs/msg/JointState":
        convert = JointConverter(APPLIED_TOPIC, contract.joint_names)
        return ReferenceSource(
            APPLIED_TOPIC, lambda message, stamp_ns, now_ns: convert(message)[1][:, 0].astype(np.float64)
        )
    command = contract.deployment.command
    topic = "/" + (command.topic if command else _USUAL_COMMAND).lstrip("/")
    if topics.get(topic) != "trajectory_msgs/msg/JointTrajectory":
        return None

    def commanded(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        trajectory = trajectory_from(message, contract.joint_names, topic)
        return replace(trajectory, stamp_ns=stamp_ns).sample(now_ns)[0]

    return ReferenceSource(topic, commanded)
