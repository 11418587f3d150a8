"""Publishes status, feedback and results of goals, and refusals with their reasons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from action_msgs.msg import GoalStatus, GoalStatusArray
from builtin_interfaces.msg import Time
from rclpy.node import Node
from std_msgs.msg import String

from world_model_ros.contract.deployment.goals import GoalSettings
from world_model_ros.contract.topics import GOAL_FEEDBACK, GOAL_REFUSED, GOAL_RESULT, GOAL_STATUS
from world_model_ros.goals.life.goal_json import ended_words, feedback_json, result_json
from world_model_ros.goals.life.life import Life, Result
from world_model_ros.nodes.qos import LATCHED

_STATUSES = {
    "accepted": GoalStatus.STATUS_ACCEPTED,
    "executing": GoalStatus.STATUS_EXECUTING,
    "canceling": GoalStatus.STATUS_CANCELING,
    "succeeded": GoalStatus.STATUS_SUCCEEDED,
    "canceled": GoalStatus.STATUS_CANCELED,
    "aborted": GoalStatus.STATUS_ABORTED,
}  # what was rejected never was a goal, as of actions
_LISTED = 16  # goals that are over, in ``goal/status``
_RESULTS = 100  # that may wait for a subscriber: a whole queue may end at once


class GoalOutbox:
    """Publishers of ``goal/status``, ``goal/feedback``, ``goal/result`` and ``goal/refused``."""

    def __init__(self, node: Node, settings: GoalSettings) -> None:
        self._node, self._feedback_ns = node, round(1e9 / settings.feedback_hz)
        self._said_ns: int | None = None
        self._listed: list[tuple[str, str, int]] = []
        self._status = node.create_publisher(GoalStatusArray, GOAL_STATUS, LATCHED)
        self._feedback = node.create_publisher(String, GOAL_FEEDBACK, 10)
        self._result = node.create_publisher(String, GOAL_RESULT, _RESULTS)
        self._refused = node.create_publisher(String, GOAL_REFUSED, 10)
        self._status.publish(GoalStatusArray())

    def close(self) -> None:
        for publisher in (self._status, self._feedback, self._result, self._refused):
            self._node.destroy_publisher(publisher)

    def refused(self, told: dict[str, Any]) -> None:
        """A goal was refused, said at once."""
        self._refused.publish(String(data=json.dumps(told)))

    def tell(self, life: Life, ended: Sequence[Result], now_ns: int) -> None:
        """After a tick: results, status if it changed, and feedback if it is time for it."""
        for result in ended:
            self.ended(result)
        listed: list[tuple[str, str, int]] = [(each.id, each.status, each.accepted_ns) for each in life.over[-_LISTED:]]
        listed += [(each.id, each.status, each.accepted_ns) for each in life.goals]
        if listed != self._listed:
            self._listed = listed
            self._status.publish(_status_array(listed))
        now = life.current
        passed_ns = None if self._said_ns is None else now_ns - self._said_ns
        if now is not None and now.status == "executing" and not (passed_ns and 0 < passed_ns < self._feedback_ns):
            self._said_ns = now_ns
            self._feedback.publish(String(data=feedback_json(now)))

    def ended(self, result: Result) -> None:
        """A goal is over."""
        self._result.publish(String(data=result_json(result)))
        self._node.get_logger().info(f"goal {result.id or result.about}: {ended_words(result)}")


def _status_array(listed: Sequence[tuple[str, str, int]]) -> GoalStatusArray:
    message = GoalStatusArray()
    for id, status, accepted_ns in listed:
        if status in _STATUSES:
            each = GoalStatus(status=_STATUSES[status])
            each.goal_info.goal_id.uuid = np.frombuffer(UUID(id).bytes, np.uint8)
            each.goal_info.stamp = Time(sec=accepted_ns // 10**9, nanosec=accepted_ns % 10**9)
            message.status_list.append(each)
    return message
