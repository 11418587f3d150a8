"""Moves one joint as a person who is a source of the gate: ``python jog_joint.py shoulder_pan_joint 0.2 --as person``.

It asks for its source as owner of the gate, then commands the joint so far from where it is, until Ctrl-C. The gate has
to be armed, and does the rest: limits, collisions, and whether this source may move anything at all.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

RATE_HZ, AHEAD_S = 20.0, 0.5


class Jog(Node):
    """Waits for the gate, then sends a short trajectory of all joints each time; only one of them goes anywhere."""

    def __init__(self, joint: str, by: float, source: str, topic: str) -> None:
        super().__init__("jog_joint")
        self._joint, self._by, self._source = joint, by, source
        self._goal: list[float] | None = None
        self._names: list[str] = []
        self._command = self.create_publisher(JointTrajectory, topic, 1)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._owner, self._asked = self.create_publisher(String, "command/owner", 1), False
        self.create_subscription(String, "gate/owner", self._on_owner, latched)
        self.create_subscription(JointState, "gate/applied", self._on_motion, 1)
        self.create_timer(1.0 / RATE_HZ, self._send)

    def _on_owner(self, message: String) -> None:
        said = json.loads(message.data)
        words = f"the gate is owned by {said['owner'] or 'no source'}"
        self.get_logger().info(words if said["refused"] is None else f"{words}; {said['refused']}")

    def _on_motion(self, message: JointState) -> None:
        if self._goal is not None:
            return
        if self._joint not in message.name:
            raise SystemExit(f"joint: got {self._joint!r}; expected one of {list(message.name)}")
        self._names = list(message.name)
        goal = [float(each) for each in message.position]
        goal[self._names.index(self._joint)] += self._by
        self._goal = goal

    def _send(self) -> None:
        if not self._asked and self._owner.get_subscription_count():  # said before, the gate would not hear it
            self._owner.publish(String(data=self._source))
            self._asked = True
        if self._goal is None:
            return
        message = JointTrajectory(joint_names=self._names)
        message.header.stamp = self.get_clock().now().to_msg()
        point = JointTrajectoryPoint(positions=self._goal, velocities=[0.0] * len(self._goal))
        point.time_from_start.nanosec = round(AHEAD_S * 1e9)
        message.points = [point]
        self._command.publish(message)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("joint")
    parser.add_argument("by", type=float, help="rad, or m for a slide")
    parser.add_argument("--as", dest="source", default="person", help="name of the source (%(default)s)")
    parser.add_argument("--topic", default="person/command", help="that the contract gives this source (%(default)s)")
    arguments = parser.parse_args()
    if not math.isfinite(arguments.by):
        parser.error(f"by: got {arguments.by}; expected a number")
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Jog(arguments.joint, arguments.by, arguments.source, arguments.topic))


if __name__ == "__main__":
    main()
