"""Node that feeds a brain made-up sensor messages and collects its tick records, for ``world-model bench tick``."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import String

from world_model_ros.bench.speed.made_up_senses import Senses, rest
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import TICK, goal_topic
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.arrays import Float
from world_model_ros.goals.workspace import Workspace
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.qos import qos_profile

_BEAT_NS = 10_000_000
_AWAY_M = 0.05


class SenseProbeNode(Node):
    """Publishes every stream of a contract at its rate, and a goal that is never reached; collects ``tick``.

    Attributes:
        records: of the ticks, as the brain published them.
    """

    def __init__(self, contract: Contract, context: Any) -> None:
        super().__init__("sense_probe", context=context)
        self.records: list[dict[str, Any]] = []
        self._contract, self._make, self._senses = contract, MessageMaker(ros_class), Senses(contract, ros_class)
        self._outlets = {
            name: self.create_publisher(ros_class(source.type), source.topic, qos_profile(source.qos))
            for name, source in ((name, contract.source(name)) for name in self._senses.rates_hz)
        }
        self._began_ns = clock_ns(self)
        self._sent = dict.fromkeys(self._outlets, 0)
        self.create_subscription(String, TICK, self._hear, 50)
        self._goal = self._make_goal()
        self.create_timer(_BEAT_NS * 1e-9, self._beat, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def pursue(self) -> None:
        """Send the goal, where the robot has a fingertip, or things without kinematics."""
        if self._goal is not None:
            publisher, pose = self._goal
            publisher.publish(self._make.pose(pose, clock_ns(self), self._base))

    @property
    def _base(self) -> str:
        return self._contract.interface.base_frame

    def _make_goal(self) -> tuple[Any, np.ndarray[Any, Any]] | None:
        if self._contract.interface.action.free:
            return self._thing_goal()
        arm = motion_for(self._contract) if self._contract.deployment.command is not None else None
        if not isinstance(arm, ArmKinematics):
            return None
        tip = next((each for each in self._contract.interface.targets if each.link in arm.links), None)
        if tip is None:
            return None
        return self._goal_to(tip.name, arm.tip(rest(self._contract), tip.link)[0] + np.array([0.0, _AWAY_M, 0.0]))

    def _thing_goal(self) -> tuple[Any, np.ndarray[Any, Any]] | None:
        """In the middle of the workspace of the first target that is a place: made-up poses are never there."""
        workspace = Workspace.of(self._contract)
        for target in self._contract.interface.targets:
            box = None if target.kind == "articulated" else workspace.for_target(target).box
            if box is not None:
                return self._goal_to(target.name, box.mean(0))
        return None

    def _goal_to(self, target: str, place: Float) -> tuple[Any, np.ndarray[Any, Any]]:
        publisher = self.create_publisher(ros_class("geometry_msgs/msg/PoseStamped"), goal_topic(target), 10)
        return publisher, np.array([*place, 0.0, 0.0, 0.0, 1.0])

    def _beat(self) -> None:
        """Publish what is due, stamped with the time when it was."""
        since_ns = clock_ns(self) - self._began_ns
        for name, rate_hz in self._senses.rates_hz.items():
            number = int(since_ns * 1e-9 * rate_hz)
            for each in range(self._sent[name], number):
                stamp_ns = self._began_ns + round(each / rate_hz * 1e9)
                self._outlets[name].publish(self._senses.message(name, stamp_ns))
            self._sent[name] = number

    def _hear(self, message: String) -> None:
        self.records.append(json.loads(message.data))
