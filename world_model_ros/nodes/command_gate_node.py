"""The command gate as a process of its own: everything that reaches the controller goes through it.

Parameters: ``robot`` (contract, name or file), ``dry_run`` (judge and report, never arm, send nothing).
Stepped on the steady clock; ages are taken on the ROS clock. See `world_model_ros.safety.gate` for what it does.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, deque

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.contract.schema import JointStream
from world_model_ros.convert.joints import JointConverter
from world_model_ros.convert.outgoing import MessageMaker, ros_class
from world_model_ros.convert.stamps import stamp_ns, time_ns
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.diagnostics import OK, WARN, diagnostics, status
from world_model_ros.nodes.qos import LATCHED, qos_profile
from world_model_ros.nodes.spin import run_node
from world_model_ros.safety.gate import Gate
from world_model_ros.safety.report import state_report
from world_model_ros.safety.rules import Proposal, Refusal
from world_model_ros.safety.states import Transition

_SLOPE_S = 0.1


class CommandGateNode(Node):
    """`Gate` with topics, services and a clock."""

    def __init__(self) -> None:
        super().__init__("command_gate")
        contract = load_contract(str(self.declare_parameter("robot", "tabletop_arm").value))
        self._dry_run = bool(self.declare_parameter("dry_run", False).value)
        command = contract.deployment.command
        if command is None:
            raise UserError("deployment.command", None, "a controller topic; this robot can only be watched")
        stream = _joint_stream(contract)
        source = contract.source(stream.name)
        self._joints = JointConverter(stream.name, contract.joint_names, stream.fields)
        self._velocity = stream.fields.index("velocity") if "velocity" in stream.fields else None
        self._gate = Gate(
            contract.limits(),
            contract.deployment.gate,
            1.0 / contract.interface.tick_hz,
            command.rate_hz,
            source.max_age_s,
        )
        self._make = MessageMaker(ros_class)
        self._past: deque[tuple[int, NDArray[np.float64]]] = deque()  # stamps and positions
        self._bad_joint_states = 0
        self._events: Counter[str] = Counter()
        self._cycle_ms: deque[float] = deque(maxlen=500)
        self._told = ""

        self._to_controller = self.create_publisher(JointTrajectory, command.topic, 1)
        self._applied = self.create_publisher(JointState, "gate/applied", 10)
        self._state = self.create_publisher(String, "gate/state", LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_subscription(JointState, source.topic, self._on_joint_state, qos_profile(source.qos))
        self.create_subscription(JointTrajectory, "command", self._on_command, 5)
        self.create_service(Trigger, "gate/arm", self._on_arm)
        self.create_service(Trigger, "gate/disarm", self._on_disarm)
        self.create_service(Trigger, "gate/stop", self._on_stop)
        self.create_service(Trigger, "gate/reset", self._on_reset)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / command.rate_hz, self._step, clock=steady)
        self.create_timer(0.5, lambda: self._tell(again=True), clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _step(self) -> None:
        begin = time.perf_counter()
        now_ns = self._now_ns()
        output = self._gate.step(now_ns)
        if output.outgoing is not None:
            self._to_controller.publish(self._make.trajectory(output.outgoing))
        if output.reference is not None:
            motion = output.reference
            names = self._gate.limits.names
            self._applied.publish(self._make.joint_state(names, motion.position, motion.velocity, stamp_ns=now_ns))
        for transition in output.transitions:
            self._log(transition)
        self._tell()
        self._cycle_ms.append((time.perf_counter() - begin) * 1e3)

    def _on_joint_state(self, message: JointState) -> None:
        try:
            stamp, values = self._joints(message)
        except UserError as error:
            self._bad_joint_states += 1
            self.get_logger().warning(f"joint states ignored: {error}", throttle_duration_sec=5.0)
            return
        position = np.array(values[:, 0], dtype=np.float64)
        if self._velocity is not None:
            velocity = np.array(values[:, self._velocity], dtype=np.float64)
        else:
            velocity = self._slope(stamp, position)
        self._gate.joint_state(stamp, position, velocity)

    def _slope(self, stamp_ns: int, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Velocity (J,) over the last `_SLOPE_S`, for joint states that have none."""
        while self._past and not 0 <= stamp_ns - self._past[0][0] <= _SLOPE_S * 1e9:
            self._past.popleft()
        self._past.append((stamp_ns, position))
        before_ns, before = self._past[0]
        return (position - before) / max((stamp_ns - before_ns) * 1e-9, 1e-3)

    def _on_command(self, message: JointTrajectory) -> None:
        proposal = Proposal(
            message.joint_names,
            [time_ns(point.time_from_start) * 1e-9 for point in message.points],
            [point.positions for point in message.points],
            [point.velocities for point in message.points],
            stamp_ns(message),
        )
        refusal = self._gate.command(self._now_ns(), proposal)
        if refusal is not None and refusal.rule != "state":
            self.get_logger().warning(f"command refused: {refusal}", throttle_duration_sec=2.0)

    def _on_arm(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._dry_run:
            return _answer(response, Refusal("dry_run", None, "dry_run is true", "dry_run false"), "")
        return _answer(response, self._gate.arm(self._now_ns()), "armed")

    def _on_disarm(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return _answer(response, self._gate.disarm(self._now_ns()), "disarmed as soon as it stands still")

    def _on_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._gate.stop(self._now_ns())
        return _answer(response, None, "stopped until reset")

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return _answer(response, self._gate.reset(self._now_ns()), "disarmed")

    def _log(self, transition: Transition) -> None:
        self._events[transition.cause.value] += 1
        self.get_logger().info(f"gate: {transition}")

    def _tell(self, again: bool = False) -> None:
        """Publish ``gate/state`` if it changed, or ``again``. Accepted commands alone do not count as a change."""
        report = state_report(self._gate)
        changing = str([report[key] for key in ("state", "cause", "refused")])
        if again or changing != self._told:
            self._told = changing
            self._state.publish(String(data=json.dumps(report)))

    def _diagnose(self) -> None:
        gate = self._gate
        cycles = np.array(self._cycle_ms or [0.0])
        values = {
            **{f"commands_{rule}": count for rule, count in sorted(gate.counts.items())},
            **{f"events_{cause}": count for cause, count in sorted(self._events.items())},
            "joint_states_ignored": self._bad_joint_states,
            "cycle_ms_p50": float(np.percentile(cycles, 50)),
            "cycle_ms_p99": float(np.percentile(cycles, 99)),
        }
        level = WARN if gate.state.value in ("slowing", "stopped") else OK
        message = f"{gate.state.value} ({gate.cause.value})"
        report = status("command_gate: gate", level, message, values)
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), report))


def _joint_stream(contract: Contract) -> JointStream:
    """The required stream that measures every joint."""
    for stream in contract.interface.streams:
        if isinstance(stream, JointStream) and set(stream.joints) == set(contract.joint_names):
            return stream
    raise UserError("interface.streams", "no stream of all joints", f"one with {list(contract.joint_names)}")


def _answer(response: Trigger.Response, refusal: Refusal | None, done: str) -> Trigger.Response:
    response.success = refusal is None
    response.message = done if refusal is None else f"refused: {refusal}"
    return response


def main() -> int:
    """Run the node until it is interrupted; 1 if its parameters are wrong."""
    return run_node("command_gate_node", CommandGateNode, CommandGateNode.destroy_node)


if __name__ == "__main__":
    sys.exit(main())
