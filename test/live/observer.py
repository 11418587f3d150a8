"""Sees what gate and arm do, over real topics."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory


class Observer(Node):
    """Keeps what the gate says and what the arm does, by time of arrival (monotonic s)."""

    def __init__(self, context: rclpy.Context) -> None:
        super().__init__("observer", context=context)
        self.applied: list[tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        self.joints: list[tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        self.states: list[tuple[float, dict[str, Any]]] = []
        self.ticks: list[tuple[float, dict[str, Any]]] = []
        self.sent: list[float] = []
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(JointState, "gate/applied", lambda m: self.applied.append(_motion(m)), 100)
        self.create_subscription(JointState, "joint_states", lambda m: self.joints.append(_motion(m)), 100)
        self.create_subscription(String, "gate/state", lambda m: self.states.append(_record(m)), latched)
        self.create_subscription(String, "tick", lambda m: self.ticks.append(_record(m)), 100)
        self.create_subscription(
            JointTrajectory,
            "joint_trajectory_controller/joint_trajectory",
            lambda _: self.sent.append(time.monotonic()),
            100,
        )
        self.goal = self.create_publisher(PoseStamped, "goal/fingertip/pose", 1)
        self._arm = self.create_client(Trigger, "gate/arm")

    def arm(self) -> None:
        """Arm the gate, trying until it agrees."""
        assert self._arm.wait_for_service(30.0)

        def armed() -> bool:
            future = self._arm.call_async(Trigger.Request())
            wait_until(future.done, 5.0)
            return bool(future.result().success)

        wait_until(armed, 20.0)

    def go(self, x: float, y: float, heard: bool = True) -> None:
        """Give a goal to the fingertip."""
        message = PoseStamped()
        message.header.frame_id = "base_link"
        message.header.stamp = self.get_clock().now().to_msg()
        message.pose.position.x, message.pose.position.y, message.pose.position.z = x, y, 0.03
        message.pose.orientation.w = 1.0
        self.goal.publish(message)
        deadline = time.monotonic() + 20.0
        while heard and self.ticks[-1][1]["goal"] is None:  # a reader that is found may not yet have found us
            assert time.monotonic() < deadline, "the brain does not hear the goal"
            time.sleep(0.3)
            self.goal.publish(message)

    def wait_until_steady(self) -> None:
        """Wait until brain, gate and arm have been heard without a gap for two seconds.

        The first message to a process that is new takes up to 333 ms (github.com/eProsima/Fast-DDS/issues/6535).
        """

        def steady() -> bool:
            now = time.monotonic()
            return all(
                max(np.diff([now - 2.0, *(when for when, *_ in kept[-400:] if when > now - 2.0), now])) < gap_s
                for kept, gap_s in ((self.joints, 0.1), (self.applied, 0.1), (self.ticks, 0.2))
            )

        wait_until(steady, 30.0)

    def speed(self) -> float:
        """Largest commanded joint speed now, rad/s."""
        return float(np.abs(self.applied[-1][2]).max()) if self.applied else 0.0


def _motion(message: JointState) -> tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return time.monotonic(), np.array(message.position), np.array(message.velocity)


def _record(message: String) -> tuple[float, dict[str, Any]]:
    return time.monotonic(), json.loads(message.data)


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    """Wait for something to become true, or fail."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.005)
