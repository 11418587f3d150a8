"""Where the targets of a simulated robot truly are: fingertips by their joints, all others by their labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float32

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.tasks.task import Judge
from world_model_ros.kinematics.arm import ArmKinematics

_LOOK_NS = 18_000_000  # joint states come more often than a judge needs


class TrueState:
    """Listens.

    Attributes:
        positions: (3,) of each target that was seen, m, base frame, or the value (1,) of what is articulated.
        poses: (7,) of objects.
        tips: links of the fingertips that the action moves, by target.
        judge: is given every target; None if nothing is judged.
    """

    def __init__(self, node: Node, contract: Contract) -> None:
        self._node = node
        self._kinematics = ArmKinematics(contract)
        self.positions: dict[str, Float] = {}
        self.poses: dict[str, Float] = {}
        self.judge: Judge | None = None
        self._seen_ns = 0
        interface = contract.interface
        arm = interface.of(JointStream)[0]
        self._joints = JointConverter(arm.name, contract.joint_names)
        links = self._kinematics.links
        self.tips = {target.name: target.link for target in interface.targets if target.link in links}
        node.create_subscription(JointState, contract.source(arm.name).topic, self._on_joints, 10)
        for label, source in zip(interface.labels, contract.deployment.labels):
            if source.type == "std_msgs/msg/Float32":
                node.create_subscription(Float32, source.topic, self._value_callback(label.target), 10)
            else:
                node.create_subscription(PoseStamped, source.topic, self._label_callback(label.target), 10)

    def tip_positions(self) -> dict[str, Float]:
        """(3,) of each fingertip."""
        return {name: self.positions[name] for name in self.tips}

    def _see(self, target: str, time_ns: int, place: Float) -> None:
        """A position (3,), pose (7,) or value (1,)."""
        self.positions[target] = place[:3]
        judge = self.judge
        if judge is not None:
            judge.see(time_ns, target, place)

    def _on_joints(self, message: Any) -> None:
        time_ns = stamp_ns(message)
        if 0 <= time_ns - self._seen_ns < _LOOK_NS:
            return
        self._seen_ns = time_ns
        try:
            _, values = self._joints(message)
        except UserError as error:
            self._node.get_logger().warning(f"joint states ignored: {error}", throttle_duration_sec=5.0)
            return
        joints = values[:, 0].astype(float)
        for name, link in self.tips.items():
            self._see(name, time_ns, self._kinematics.tip(joints, link)[0])

    def _label_callback(self, target: str) -> Callable[[Any], None]:
        def on_label(message: Any) -> None:
            self.poses[target] = pose = pose_array(message)
            self._see(target, stamp_ns(message), pose)

        return on_label

    def _value_callback(self, target: str) -> Callable[[Any], None]:
        def on_value(message: Any) -> None:  # without a stamp: it counts from when it comes
            self._see(target, int(self._node.get_clock().now().nanoseconds), np.array([message.data]))

        return on_value
