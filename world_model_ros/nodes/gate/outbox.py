"""Publishers of the gate: commands to controllers and grippers, applied commands, state, owner and diagnostics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import APPLIED, DIAGNOSTICS, GATE_OWNER, GATE_STATE
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.gate.conditions.ownership import Ownership
from world_model_ros.gate.output import GateOutput
from world_model_ros.gate.report import owner_report
from world_model_ros.nodes.diagnostics import OK, WARN, diagnostics, status
from world_model_ros.nodes.gate.controllers import Told
from world_model_ros.nodes.gate.grippers import GripperClient
from world_model_ros.nodes.qos import LATCHED

_CHANGES = (
    "state",
    "cause",
    "refused",
    "near",
    "driver",
    "speed_scale",
    "owner",
    "led_in",
)  # accepted commands alone are no news


class GateOutbox:
    """Publishers of the gate.

    Args:
        dry_run: make no publisher to the controller at all.
    """

    def __init__(self, node: Node, contract: Contract, dry_run: bool) -> None:
        self._node = node
        self._names = contract.joint_names
        self._make = MessageMaker(ros_class)
        self._telling = Lock()
        self._told: list[object] = []
        command = contract.deployment.command
        assert command is not None
        controllers = command.controllers(contract.joint_names)
        self._controllers = [
            (None if dry_run else node.create_publisher(told.kind, each.topic, 1), told.message)
            for each in controllers
            if not each.grips
            for told in [Told(contract, each)]
        ]
        grippers = [] if dry_run else [each for each in controllers if each.grips]
        self._grippers = [GripperClient(node, contract, each) for each in grippers]
        self._applied = node.create_publisher(JointState, APPLIED, 10)
        self._state = node.create_publisher(String, GATE_STATE, LATCHED)
        several = contract.deployment.sources is not None
        self._owner = node.create_publisher(String, GATE_OWNER, LATCHED) if several else None
        self._owned: Mapping[str, object] = {}
        self._diagnostics = node.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)

    @property
    def unheard(self) -> list[str]:
        """Topics of controllers without a listener, and actions without a server; none in a dry run."""
        publishers = [publisher for publisher, _ in self._controllers if publisher is not None]
        silent = [publisher.topic_name for publisher in publishers if publisher.get_subscription_count() == 0]
        return silent + [gripper.topic for gripper in self._grippers if not gripper.ready]

    def step(self, output: GateOutput, now_ns: int) -> None:
        """What a step of the gate said."""
        for publisher, make in self._controllers:
            message = make(output, now_ns)
            if message is not None and publisher is not None:
                publisher.publish(message)
        for gripper in self._grippers:
            setpoint = output.setpoint
            gripper.setpoint = None if setpoint is None else float(setpoint.position[gripper.column])
        motion = output.reference
        if motion is not None:
            self._applied.publish(
                self._make.joint_state(self._names, motion.position, motion.velocity, stamp_ns=now_ns)
            )

    def state(self, look: Callable[[], Mapping[str, object]], again: bool = False) -> None:
        """``gate/state`` if it changed, or ``again``. Of two threads that tell it, the later one has looked later.

        Args:
            look: gives the report.
        """
        with self._telling:
            report = look()
            changing = [report[key] for key in _CHANGES]
            if again or changing != self._told:
                self._told = changing
                self._state.publish(String(data=json.dumps(report)))

    def owner(self, ownership: Ownership) -> None:
        """``gate/owner`` if it changed, where the gate has several sources."""
        if self._owner is None:
            return
        report = owner_report(ownership)
        if report != self._owned:
            self._owned = report
            self._owner.publish(String(data=json.dumps(report)))

    def diagnose(self, report: Mapping[str, object], values: Mapping[str, Any]) -> None:
        level = WARN if report["state"] in ("slowing", "stopped") else OK
        message = f"{report['state']} ({report['cause']})"
        told = [status("command_gate: gate", level, message, dict(values))]
        told += [gripper.status() for gripper in self._grippers]
        self._diagnostics.publish(diagnostics(self._node.get_clock().now().to_msg(), *told))
