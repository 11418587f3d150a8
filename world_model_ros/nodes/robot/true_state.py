"""Tracks the true places of a simulated robot's targets: fingertips by joint states, other targets by labels."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from rclpy.node import Node

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.convert.messages import ros_class
from world_model_ros.convert.senses.converters import Converter, pose_converter
from world_model_ros.convert.senses.transforms import TransformConverter
from world_model_ros.convert.senses.value import ValueConverter
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import OtherMessage, UserError
from world_model_ros.evaluate.tasks.task import Judge
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.joint_hearing import JointHearing
from world_model_ros.nodes.qos import STATIC

_LABEL_AGE_S = 0.5
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
        self._seen_ns = -_LOOK_NS
        interface = contract.interface
        self._joints = JointHearing(contract, velocities=False)
        links = self._kinematics.links
        self.tips = {target.name: target.link for target in interface.targets if target.link in links}
        self._joints.subscribe(node, self._on_joints)
        sources = {source.name: source for source in contract.deployment.labels}
        for label in interface.labels:
            source = sources[label.name]
            convert = pose_converter(source, label.name, interface.base_frame, _LABEL_AGE_S)
            hear = partial(self._on_label, label.target, convert or ValueConverter(label.name))
            node.create_subscription(ros_class(source.type), source.topic, hear, 10)
            if isinstance(convert, TransformConverter) and source.static_topic is not None:
                hear = partial(self._on_label, label.target, convert.static)
                node.create_subscription(ros_class(source.type), source.static_topic, hear, STATIC)

    def tip_positions(self) -> dict[str, Float]:
        """(3,) of each fingertip."""
        return {name: self.positions[name] for name in self.tips}

    def _see(self, target: str, time_ns: int, place: Float) -> None:
        """A position (3,), pose (7,) or value (1,)."""
        self.positions[target] = place[:3]
        judge = self.judge
        if judge is not None:
            judge.see(time_ns, target, place)

    def _on_joints(self, stream: JointStream, message: Any) -> None:
        try:
            whole = self._joints.whole() if self._joints.take(stream, message, clock_ns(self._node)) else None
        except UserError as error:
            self._ignore("joint states", error)
            return
        if whole is None or 0 <= whole[0] - self._seen_ns < _LOOK_NS:
            return
        self._seen_ns = whole[0]
        for name, link in self.tips.items():
            self._see(name, self._seen_ns, self._kinematics.tip(whole[1], link)[0])

    def _on_label(self, target: str, convert: Converter, message: Any) -> None:
        try:
            stamp_ns, place = convert(message)
        except OtherMessage:
            return
        except UserError as error:
            self._ignore(f"the label of {target}", error)
            return
        if len(place) == 7:
            self.poses[target] = place.astype(np.float64)
        elif not stamp_ns:  # it counts from when it comes
            stamp_ns = clock_ns(self._node)
        self._see(target, stamp_ns, place.astype(np.float64))

    def _ignore(self, what: str, error: UserError) -> None:
        self._node.get_logger().warning(f"{what} ignored: {error}", throttle_duration_sec=5.0)
