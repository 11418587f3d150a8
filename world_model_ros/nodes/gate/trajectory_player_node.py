"""Node that plays whole trajectories through the gate, as a FollowJointTrajectory server for MoveIt and others.

It offers control_msgs/action/FollowJointTrajectory as a joint_trajectory_controller does, and sends what a goal asks
for as commands of one source of the contract's ``deployment.sources``. It never asks for the gate: a goal that comes
while another source owns it, or while it is not armed, is aborted, and says so.

Parameters: ``robot`` (contract, name or file), ``source`` (of the contract; its one source of kind moveit without it),
``action`` (name of the action), ``start_tolerance`` (how far from where the robot is a trajectory may begin, rad, a
fifth of it in m for slides), ``goal_tolerance`` (how far measured joints may be from its end, in the same units, where
a goal says nothing), ``goal_time`` (s after its end by which they have to be there, where a goal says nothing),
``allow_partial_joints_goal`` (joints that a goal leaves out stay where they are), ``thread_priority`` (SCHED_FIFO
priority of the process; 0 for none), ``lock_memory`` (keep the process in memory); both where they are allowed.
See `world_model_ros.gate.playing.player` for what it does.
"""

from __future__ import annotations

import importlib
import sys
from functools import partial
from typing import Any

import numpy as np
from rclpy.action import ActionServer, CancelResponse
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.contract.hands import gripper_joints
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.topics import APPLIED, GATE_STATE
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.gate.playing.endings import Code, Ending
from world_model_ros.gate.playing.goal import Tolerances, asked_from, per_joint
from world_model_ros.gate.playing.news import news_of
from world_model_ros.gate.playing.player import Feedback, Player, PlayerSettings, arrived
from world_model_ros.gate.playing.source import source_of
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.joint_hearing import JointHearing
from world_model_ros.nodes.json_reports import report_of
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.real_time import first_of_its_process
from world_model_ros.nodes.spin import run_node

_LEAST_HZ = 25.0  # of commands
_OFTENER = 2.0  # than a source promises
_HORIZON_S = 0.5


def action_class() -> Any:
    """The class of the action; `UserError` if control_msgs is not installed."""
    try:
        return importlib.import_module("control_msgs.action").FollowJointTrajectory
    except (ImportError, AttributeError) as error:
        legal = (
            f"apt install ros-jazzy-control-msgs, or of another distribution; no pip wheels of ROS have it ({error})"
        )
        raise UserError("control_msgs", "not installed", legal) from error


class _Served(ActionServer):
    """An action server whose goals the player pursues: rclpy executes only how one ends.

    A coroutine that waits for the end would be polled by rclpy without a pause.
    """

    def notify_execute(self, goal_handle: Any, execute_callback: Any) -> None:
        if execute_callback is not None:
            super().notify_execute(goal_handle, execute_callback)


class TrajectoryPlayerNode(Node):
    """`Player` with topics, an action and a clock."""

    def __init__(self) -> None:
        super().__init__("trajectory_player")
        contract = load_contract(str(declare(self, "robot", default_robot())))
        source = source_of(contract, str(declare(self, "source", "")))
        action = str(declare(self, "action", "~/follow_joint_trajectory"))
        self._player = Player(contract.limits(), self._settings(contract, source.name))
        declare(self, "thread_priority", 20)
        declare(self, "lock_memory", True)
        self._kind, self._make = action_class(), MessageMaker(ros_class)
        self._names = contract.joint_names
        self._source = source.name
        self._handle: Any = None  # of the goal that is played
        self._joints = JointHearing(contract)
        self._joints.subscribe(self, self._on_joints)
        self.create_subscription(String, GATE_STATE, self._on_gate, LATCHED)
        self.create_subscription(JointState, APPLIED, self._on_reference, 1)
        self._command = self.create_publisher(JointTrajectory, source.topic, 1)
        self._server = _Served(
            self,
            self._kind,
            action,
            self._kind.Result,
            handle_accepted_callback=self._play,
            cancel_callback=self._cancel,
        )
        rate_hz = max(_LEAST_HZ, _OFTENER * (source.rate_hz or contract.interface.tick_hz))
        self.create_timer(1.0 / rate_hz, self._step, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f"plays goals of {action} as {source.name}, on {source.topic} at {rate_hz:g} Hz")

    def _settings(self, contract: Contract, source: str) -> PlayerSettings:
        units = {joint.name: joint.unit for joint in contract.interface.joints}
        names, gripping = contract.joint_names, gripper_joints(contract.interface.action)
        start = _positive("start_tolerance", declare(self, "start_tolerance", 0.05))
        goal = per_joint(_positive("goal_tolerance", declare(self, "goal_tolerance", 0.01)), units, names)
        goal_time_s = _positive("goal_time", declare(self, "goal_time", 5.0))
        watched = np.array([name not in gripping for name in names])
        return PlayerSettings(
            source,
            per_joint(start, units, names),
            Tolerances.default(np.where(watched, goal, np.inf), goal_time_s),
            bool(declare(self, "allow_partial_joints_goal", False)),
            watched,
            arrived(units, names),
            min(_HORIZON_S, contract.deployment.gate.horizon_s),
        )

    def _on_gate(self, message: String) -> None:
        report = report_of(message)
        news = None if report is None else news_of(report, self._source)
        if news is not None:
            self._player.hear_gate(news, clock_ns(self))

    def _on_reference(self, message: JointState) -> None:
        if tuple(message.name) == self._names:
            self._player.hear_reference(stamp_ns(message), np.array(message.position), np.array(message.velocity))

    def _on_joints(self, stream: JointStream, message: JointState) -> None:
        try:
            if not self._joints.take(stream, message, clock_ns(self)):
                return
        except UserError as error:
            self.get_logger().warning(f"{stream.name} cannot be used: {error}", throttle_duration_sec=5.0)
            return
        whole = self._joints.whole()
        if whole is not None:
            self._player.hear_joints(*whole)

    def _play(self, handle: Any) -> None:
        """Begin a goal, which ends at once if it cannot be played."""
        handle.execute()
        ending, replaced = self._player.begin(asked_from(handle.request), clock_ns(self))
        if ending is not None:
            self._end(handle, ending)
            return
        before, self._handle = self._handle, handle
        if before is not None and replaced is not None:
            self._end(before, replaced)
        self.get_logger().info(f"plays a trajectory of {len(handle.request.trajectory.points)} points")

    def _cancel(self, handle: Any) -> CancelResponse:
        if self._handle is not None and _id(handle) == _id(self._handle):
            self._player.cancel()
        return CancelResponse.ACCEPT

    def _step(self) -> None:
        step = self._player.step(clock_ns(self))
        if step.command is not None:
            self._command.publish(self._make.trajectory(step.command))
        if self._handle is None:
            return
        if step.feedback is not None:
            self._handle.publish_feedback(self._feedback(step.feedback))
        if step.ending is not None:
            handle, self._handle = self._handle, None
            self._end(handle, step.ending)

    def _end(self, handle: Any, ending: Ending) -> None:
        """Have the client of a goal told how it ended."""
        self._server.notify_execute(handle, partial(self._result, ending))

    def _result(self, ending: Ending, handle: Any) -> Any:
        if ending.canceled and handle.is_cancel_requested:
            handle.canceled()
        elif ending.code is Code.SUCCESSFUL:
            handle.succeed()
        else:
            handle.abort()
        words = f"{ending.code.name}: {ending.words}" if ending.words else ending.code.name
        if ending.code is Code.SUCCESSFUL:
            self.get_logger().info(f"a goal has ended: {words}")
        else:
            self.get_logger().warning(f"a goal has ended: {words}")
        return self._kind.Result(error_code=int(ending.code), error_string=ending.words)

    def _feedback(self, feedback: Feedback) -> Any:
        desired, actual = feedback.desired, feedback.actual
        message = self._kind.Feedback(joint_names=list(self._names))
        message.header.stamp = self._make.time(feedback.stamp_ns)
        message.desired = JointTrajectoryPoint(
            positions=desired.position, velocities=desired.velocity, accelerations=desired.acceleration
        )
        message.actual = JointTrajectoryPoint(positions=actual.position, velocities=actual.velocity)
        message.error = JointTrajectoryPoint(
            positions=desired.position - actual.position, velocities=desired.velocity - actual.velocity
        )
        if hasattr(message, "index"):  # of control_msgs since 5
            message.index = feedback.index
        return message


def _positive(name: str, value: float) -> float:
    if not 0.0 < value < np.inf:
        raise UserError(name, value, "a number, more than 0")
    return value


def _id(handle: Any) -> bytes:
    """Of a goal."""
    return bytes(handle.goal_id.uuid)


def main() -> int:
    """Run the node until it is interrupted; 1 if its parameters are wrong."""
    return run_node(
        "trajectory_player_node", first_of_its_process(TrajectoryPlayerNode), TrajectoryPlayerNode.destroy_node
    )


if __name__ == "__main__":
    sys.exit(main())
