"""An arm around a gate process that does exactly what it is sent, and keeps what the gate says."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Duration
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from world_model_ros.bench.checker import Checker
from world_model_ros.bench.executed import Executed
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.outgoing import MessageMaker, ros_class
from world_model_ros.convert.stamps import stamp_ns, time_ns
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.safety.build import joint_stream
from world_model_ros.safety.rules import Proposal

_EXACT_S = 0.055  # of a trajectory, before its points are sparse
_JOINED = 20  # trajectories after which it does not matter where one began
_LONGEST_S = 2**31 - 1  # that a message can say


class GateProbeNode(Node):
    """Controller and joint states of a robot; with ``clock`` also its time.

    Attributes:
        state: the newest ``gate/state``; changed: when its state was last another one (monotonic s): by what it says
            itself, because a probe that floods the gate hears late; with ``clock``, when that was heard.
        applied: the newest ``gate/applied``, (J,); heard: how many there were.
        commanded, measured: when the last command and the last joint states were sent (monotonic s).
        measuring: whether joint states are sent.
    """

    def __init__(
        self, contract: Contract, start: NDArray[np.float64], context: rclpy.Context, clock: bool = False
    ) -> None:
        super().__init__("gate_probe", context=context)
        command = contract.deployment.command
        assert command is not None
        self.rate_hz = command.rate_hz
        self.state: dict[str, Any] = {}
        self.changed = self.commanded = self.measured = time.monotonic()
        self.applied: NDArray[np.float64] | None = None
        self.measuring = True
        self.heard = 0
        self._start = start
        self._sent: list[Trajectory] = []
        self._contract, self._make = contract, MessageMaker(ros_class)
        source = contract.source(joint_stream(contract).name)
        self._joint_states = self.create_publisher(JointState, source.topic, 10)
        self._commands = self.create_publisher(JointTrajectory, "command", 50)
        self.create_subscription(JointTrajectory, command.topic, self._on_sent, 100)
        self.create_subscription(JointState, "gate/applied", self._on_applied, 10)
        self.create_subscription(String, "gate/state", self._on_state, LATCHED)
        self.create_subscription(JointTrajectory, "command", self._on_command, 10)
        self._arm = self.create_client(Trigger, "gate/arm")
        self._reset = self.create_client(Trigger, "gate/reset")
        self.create_timer(0.01, self._measure)
        self._leapt_ns = 0
        self._is_clock = clock
        if clock:
            self._time = self.create_publisher(Clock, "/clock", 10)
            self.create_timer(0.005, lambda: self._time.publish(Clock(clock=self._make.time(self.now_ns()))))

    def now_ns(self) -> int:
        """The time that ``/clock`` has, or would have."""
        return int(self.get_clock().now().nanoseconds) + self._leapt_ns

    def leap(self, span_s: float) -> None:
        """Let ``/clock`` jump."""
        self._leapt_ns += round(span_s * 1e9)

    def arm(self) -> Future:
        return self._arm.call_async(Trigger.Request())

    def reset(self) -> Future:
        return self._reset.call_async(Trigger.Request())

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
        """Largest joint speed of the arm now, rad/s."""
        return float(np.abs(self._motion()[1]).max())

    def mark(self) -> int:
        """This moment, for `deceleration`."""
        return len(self._sent)

    def deceleration(self, since: int) -> float:
        """How hard any joint braked since a `mark` at most, as a share of its acceleration limit.

        As a controller follows what was sent, which it joins from where it is.
        """
        joined = self._sent[max(0, since - _JOINED) :]
        executed = Executed(joined[0].positions[0])
        for i, (sent, following) in enumerate(zip(joined, [*joined[1:], None])):
            if i == min(since, _JOINED):
                executed.segments.clear()
            executed.take(sent)
            executed.run(1.0 if following is None else (following.stamp_ns - sent.stamp_ns) * 1e-9)
        ends = np.array([state for _, before, after in executed.segments for state in (before, after)])
        braking = np.where(ends[:, 1] * ends[:, 2] < 0, np.abs(ends[:, 2]), 0.0)
        return float((braking / self._contract.limits().acceleration).max(initial=0.0))

    def rest(self) -> dict[str, Any]:
        """What is left once no trajectory comes any more: the speed at its end, and its length in s."""
        last = self._sent[-1]
        return {"speed_at_end": float(np.abs(last.velocities[-1]).max()), "length_s": float(last.times_s[-1])}

    def judged(self) -> dict[str, Any]:
        """What the independent checker says of all that was sent, followed on the trajectories' own stamps."""
        checker = Checker(self._contract, self._start)
        before_ns = None
        for sent in self._sent:
            if before_ns is not None:
                passed_s = (sent.stamp_ns - before_ns) * 1e-9
                checker.passed(passed_s, late=passed_s > _EXACT_S)
            before_ns = sent.stamp_ns
            checker.sent(sent)
        checker.passed(2.0, late=True)
        return {
            "trajectories": len(self._sent),
            "violations": dict(checker.violations),
            "boundary_acc_step": checker.boundary_acc_step,
            "nearest_m": checker.nearest_m,
        }

    def _motion(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not self._sent:
            return self._start, np.zeros_like(self._start)
        return self._sent[-1].sample(self.now_ns())

    def _measure(self) -> None:
        if self.measuring:
            position, velocity = self._motion()
            names = self._contract.joint_names
            self._joint_states.publish(self._make.joint_state(names, position, velocity, stamp_ns=self.now_ns()))
            self.measured = time.monotonic()

    def _on_sent(self, message: JointTrajectory) -> None:
        points = message.points
        times = np.array([time_ns(point.time_from_start) * 1e-9 for point in points])
        rows = [np.array([getattr(point, name) for point in points]) for name in _FIELDS]
        self._sent.append(Trajectory(self._contract.joint_names, times, rows[0], rows[1], stamp_ns(message), rows[2]))

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

    def _monotonic(self, then_ns: int) -> float:
        """A moment of the system's clock, in monotonic s; never later than now."""
        return time.monotonic() - max(0.0, (self.now_ns() - then_ns) * 1e-9)


_FIELDS = ("positions", "velocities", "accelerations")


def _row(rows: Any, index: int) -> list[float]:
    return list(rows[index]) if index < len(rows) else []


def _duration(time_s: float) -> Duration:
    nanoseconds = round(time_s * 1e9)
    return Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
