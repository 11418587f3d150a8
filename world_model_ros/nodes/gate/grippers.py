"""Action clients of the gate for grippers: send setpoints as GripperCommand or ParallelGripperCommand goals.

A timer of the node sends goals, so that they are sent where their answers come in, outside the cycle of the gate.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.action import ActionClient
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import GRIPPER_ACTIONS, Controller
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.gate.gripper.action_goals import GripperGoals, Outcome
from world_model_ros.nodes.diagnostics import OK, WARN, status

_PERIOD_S = 0.02
_LONG_S = 10.0  # without a result
_RESOLUTION = 0.01  # of the range of the joint, where the contract does not say it


def action_class(interface: str) -> Any:
    """The class of an action by the contract's name of the interface; `UserError` if control_msgs is not installed."""
    name = GRIPPER_ACTIONS[interface]
    try:
        return getattr(importlib.import_module("control_msgs.action"), name)
    except (ImportError, AttributeError) as error:
        legal = f"forward_position or joint_trajectory, or control_msgs with its action {name} installed ({error})"
        raise UserError("deployment.command.others: interface", interface, legal) from error


class GripperClient:
    """Sends one gripper where the gate's setpoint is.

    Args:
        node: of the gate.
        controller: of one joint; its topic is the name of the action.

    Attributes:
        setpoint: of the joint now, rad or m; None while disarmed. Set by the gate's cycle.
        ready: whether an action server is there.

    Raises:
        UserError: control_msgs is not installed.
    """

    def __init__(self, node: Node, contract: Contract, controller: Controller) -> None:
        self._node, self._controller = node, controller
        self.column = contract.joint_names.index(controller.joints[0])
        limits = contract.limits()
        reach = float(limits.upper[self.column] - limits.lower[self.column])
        self._goals = GripperGoals(controller.resolution or _RESOLUTION * reach)
        self._kind, self._make = action_class(controller.interface), MessageMaker(ros_class)
        self._client = ActionClient(node, self._kind, controller.topic)
        self._handle: Any = None
        self.setpoint: float | None = None
        self.ready = False
        node.create_timer(_PERIOD_S, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def topic(self) -> str:
        return self._controller.topic

    def status(self) -> DiagnosticStatus:
        """How its goals end, and what is wrong."""
        goals, now_s = self._goals, time.monotonic()
        level, words = OK, "holds where it was" if goals.goal is None else f"goal {goals.goal:.4g}"
        if not self.ready:
            level, words = WARN, f"no action server {self.topic}"
        elif goals.trouble is not None:
            level, words = WARN, goals.trouble
        elif goals.waiting_s(now_s) > _LONG_S:
            level, words = WARN, f"no result of goal {goals.goal:.4g} for {goals.waiting_s(now_s):.0f} s"
        values = {f"goals_{outcome}": count for outcome, count in sorted(goals.counts.items())}
        return status(f"command_gate: {self.topic}", level, words, {"interface": self._controller.interface, **values})

    def _tick(self) -> None:
        setpoint, goals = self.setpoint, self._goals
        self.ready = self._client.server_is_ready()
        if not self.ready:
            if goals.on_way:
                self._end("lost", "the action server has gone")
            return
        if self._handle is not None and goals.cancels(setpoint):
            self._handle.cancel_goal_async()
        position = goals.step(setpoint, time.monotonic())
        if position is not None:
            self._handle = None
            number = goals.counts["sent"]
            answer = self._client.send_goal_async(self._goal(position))
            answer.add_done_callback(lambda told: self._on_answer(number, told.result()))

    def _goal(self, position: float) -> Any:
        goal, controller = self._kind.Goal(), self._controller
        if controller.interface == "gripper_command":
            goal.command.position = position
            goal.command.max_effort = controller.max_effort or 0.0
            return goal
        effort = [] if controller.max_effort is None else [controller.max_effort]
        goal.command = self._make.joint_state(controller.joints, [position], effort=effort, stamp_ns=0)
        return goal

    def _on_answer(self, number: int, handle: Any) -> None:
        if not self._goals.on_way or number != self._goals.counts["sent"]:  # of a server that was lost meanwhile
            return
        if not handle.accepted:
            self._end("rejected", "")
            return
        self._handle = handle
        handle.get_result_async().add_done_callback(lambda told: self._on_result(handle, told.result()))

    def _on_result(self, handle: Any, response: Any) -> None:
        if handle is not self._handle:
            return
        stalled, code = bool(response.result.stalled), response.status
        if stalled and code in (GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_ABORTED):
            self._end("stalled", "")
        elif code == GoalStatus.STATUS_SUCCEEDED:
            self._end("reached", "")
        elif code == GoalStatus.STATUS_CANCELED:
            self._end("canceled", "")
        else:
            self._end("aborted", "" if code == GoalStatus.STATUS_ABORTED else f"status {code}")

    def _end(self, outcome: Outcome, words: str) -> None:
        goals = self._goals
        self._handle = None
        goals.ended(outcome, time.monotonic(), words)
        if goals.trouble is not None:
            self._node.get_logger().warning(f"{self.topic}: {goals.trouble}", throttle_duration_sec=2.0)
