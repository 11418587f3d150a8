"""Node that stands in for the arm of a gate under test, exact or simulated, and records what the gate sends."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Duration
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from world_model_ros.bench.gate.sent_trajectories import Sent
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import APPLIED, CLOCK, COMMAND, DIAGNOSTICS, GATE_ARM, GATE_STATE
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.stamps import stamp_ns, time_ns
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.factory import joint_stream
from world_model_ros.gate.rules import Proposal
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.qos import LATCHED

_HEARD = 5  # messages of a simulated arm whose median is its speed now, because they are noisy
_LONGEST_S = 2**31 - 1  # that a message can say


class GateProbeNode(Node):
    """The arm of a gate; with ``clock`` also its time.

    Args:
        start: configuration (J,) of an arm that does exactly what it is sent; None for a simulated one, which says
            where it is on ``sim/joint_states``; that is handed on.

    Attributes:
        sent: what the gate sent.
        state: the newest ``gate/state``; changed: when its state was last another one (monotonic s): by what it says
            itself, because a probe that floods the gate hears late; with ``clock``, when that was heard.
        applied: the newest ``gate/applied``, (J,); heard: how many there were.
        commanded, measured: when the last command and the last joint states were sent (monotonic s).
        measuring: whether joint states are sent, or handed on.
        cycle_ms: what the gate says that its cycles of the last seconds took, 50th and 99th percentile.
    """

    def __init__(
        self, contract: Contract, start: NDArray[np.float64] | None, context: rclpy.Context, clock: bool = False
    ) -> None:
        super().__init__("gate_probe", context=context)
        command = contract.deployment.command
        assert command is not None
        self.rate_hz = command.rate_hz
        self.state: dict[str, Any] = {}
        self.changed = self.commanded = self.measured = time.monotonic()
        self.applied: NDArray[np.float64] | None = None
        self.measuring = True
        self.cycle_ms = (0.0, 0.0)
        self.heard = 0
        self.sent = Sent(contract, start)
        self._simulated = start is None
        self._velocities: deque[NDArray[np.float64]] = deque(maxlen=_HEARD)
        self._contract, self._make = contract, MessageMaker(ros_class)
        source = contract.source(joint_stream(contract).name)
        self._joint_states = self.create_publisher(JointState, source.topic, 10)
        self._commands = self.create_publisher(JointTrajectory, COMMAND, 50)
        self.create_subscription(JointTrajectory, command.topic, self._on_sent, 100)
        self.create_subscription(JointState, APPLIED, self._on_applied, 10)
        self.create_subscription(String, GATE_STATE, self._on_state, LATCHED)
        self.create_subscription(JointTrajectory, COMMAND, self._on_command, 10)
        self.create_subscription(DiagnosticArray, DIAGNOSTICS, self._on_diagnostics, 10)
        self._arm = self.create_client(Trigger, GATE_ARM)
        self._leapt_ns = 0
        self._is_clock = clock
        if clock:
            self._time = self.create_publisher(Clock, CLOCK, 10)
        if self._simulated:
            self.create_subscription(JointState, "sim/joint_states", self._on_simulated, 50)
        else:
            self.create_timer(0.01, self._measure)
            if clock:
                self.create_timer(0.005, lambda: self._time.publish(Clock(clock=self._make.time(self.now_ns()))))

    def now_ns(self) -> int:
        """The time that ``/clock`` has, or would have."""
        return clock_ns(self) + self._leapt_ns

    def leap(self, span_s: float) -> None:
        """Let ``/clock`` jump."""
        self._leapt_ns += round(span_s * 1e9)

    def arm(self) -> Future:
        return self._arm.call_async(Trigger.Request())

    def propose(self, proposal: Proposal) -> bool:
        """Publish a command of any content; False if a message cannot say it."""
        message = JointTrajectory(joint_names=list(proposal.names))
        if not all(abs(each) < _LONGEST_S for each in proposal.times_s) or not 0 <= proposal.stamp_ns < 2**31 * 10**9:
            return False
        message.header.stamp = self._make.time(proposal.stamp_ns)
        for i, time_s in enumerate(proposal.times_s):
            point = JointTrajectoryPoint(positions=_row(proposal.positions, i), velocities=_row(proposal.velocities, i))
            point.time_from_start = _duration(time_s)
            message.points.append(point)
        self._commands.publish(message)
        return True

    def speed(self) -> float:
        """Largest joint speed of the arm now, rad/s; of a simulated one the median of its last messages."""
        if self._simulated:
            return float(np.median([np.abs(velocity).max() for velocity in self._velocities] or [0.0]))
        return float(np.abs(self.sent.motion(self.now_ns())[1]).max())

    def _measure(self) -> None:
        if self.measuring:
            position, velocity = self.sent.motion(self.now_ns())
            names = self._contract.joint_names
            self._joint_states.publish(self._make.joint_state(names, position, velocity, stamp_ns=self.now_ns()))
            self.measured = time.monotonic()

    def _on_simulated(self, message: JointState) -> None:
        self._velocities.append(np.array(message.velocity))
        if self.measuring:
            self._joint_states.publish(message)
            self.measured = time.monotonic()

    def _on_sent(self, message: JointTrajectory) -> None:
        points = message.points
        times = np.array([time_ns(point.time_from_start) * 1e-9 for point in points])
        rows = [np.array([getattr(point, name) for point in points]) for name in _FIELDS]
        sent = Trajectory(self._contract.joint_names, times, rows[0], rows[1], stamp_ns(message), rows[2])
        self.sent.append(sent, self.now_ns())

    def _on_applied(self, message: JointState) -> None:
        self.applied = np.array(message.position)
        self.heard += 1

    def _on_state(self, message: String) -> None:
        state = json.loads(message.data)
        if state["state"] != self.state.get("state"):
            self.changed = time.monotonic() if self._is_clock else self._monotonic(state["since_ns"])
        self.state = state

    def _on_command(self, message: JointTrajectory) -> None:
        self.commanded = time.monotonic() if self._is_clock else self._monotonic(stamp_ns(message))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        values = {value.key: value.value for status in message.status for value in status.values}
        if "cycle_ms_p99" in values:
            self.cycle_ms = float(values["cycle_ms_p50"]), float(values["cycle_ms_p99"])

    def _monotonic(self, then_ns: int) -> float:
        """A moment of the system's clock, in monotonic s, not after now."""
        return time.monotonic() - max(0.0, (self.now_ns() - then_ns) * 1e-9)


_FIELDS = ("positions", "velocities", "accelerations")


def _row(rows: Any, index: int) -> list[float]:
    return list(rows[index]) if index < len(rows) else []


def _duration(time_s: float) -> Duration:
    nanoseconds = round(time_s * 1e9)
    return Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
