"""The command gate node: judges and limits every motion command before controllers get it, and stops the arm on faults.

Parameters: ``robot`` (contract, name or file), ``dry_run`` (judge and report, never arm, send nothing),
``owner`` (the source of commands that owns it at the start, where the contract names sources; no source without it),
``speed_scale`` (0.05 to 1, share of the speed of everything that is commanded, to be changed at any time),
``thread_priority`` (SCHED_FIFO priority of the process; 0 for none), ``lock_memory`` (keep the process in memory); both
as ros2_control's controller manager has them, where they are allowed.
Stepped by a thread of its own on the steady clock, whatever the callbacks do; ages are taken on the ROS clock.
See `world_model_ros.gate.gate` for what it does.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Lock, Thread

import numpy as np
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.topic_clashes import refuse_clashes
from world_model_ros.contract.topics import GATE_ARM, GATE_DISARM, GATE_RESET, GATE_STOP
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.gate.conditions.ownership import UNBROKEN
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.gate import SLOWEST
from world_model_ros.gate.output import GateOutput
from world_model_ros.gate.report import state_report
from world_model_ros.gate.rules import Refusal
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.gate.inbox import GateInbox
from world_model_ros.nodes.gate.outbox import GateOutbox
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.real_time import first_of_its_process
from world_model_ros.nodes.spin import run_node, stop


class CommandGateNode(Node):
    """`Gate` with topics, services and a clock."""

    changeable = ("speed_scale",)

    def __init__(self) -> None:
        super().__init__("command_gate")
        contract = load_contract(str(declare(self, "robot", default_robot())))
        refuse_clashes(contract.deployment, resolve=self.resolve_topic_name)
        self._dry_run = bool(declare(self, "dry_run", False))
        declare(self, "thread_priority", 50)
        declare(self, "lock_memory", True)
        self._gate = gate_for(contract)
        self._ask_for(str(declare(self, "owner", "")))
        span = FloatingPointRange(from_value=SLOWEST, to_value=1.0)
        about = ParameterDescriptor(description="share of the commanded speed", floating_point_range=[span])
        self._gate.speed_scale = float(declare(self, "speed_scale", 1.0, about))
        self.add_post_set_parameters_callback(self._scale_speed)
        self._lock = Lock()  # of the gate: its cycle, and the services
        command = contract.deployment.command
        assert command is not None
        self._cycle_s = 1.0 / command.rate_hz
        self._events: Counter[str] = Counter()
        self._cycle_ms: deque[float] = deque(maxlen=500)
        self._late = 0
        self._failure: BaseException | None = None

        self._inbox = GateInbox(self, contract)
        self._outbox = GateOutbox(self, contract, self._dry_run)
        for name, act in (
            (GATE_ARM, self._arm),
            (GATE_DISARM, lambda now_ns: (self._gate.disarm(now_ns), "disarmed as soon as it stands still")),
            (GATE_STOP, self._stop),
            (GATE_RESET, lambda now_ns: (self._gate.reset(now_ns), "disarmed")),
        ):
            self.create_service(Trigger, name, self._service(act))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.5, lambda: self._outbox.state(self._report, again=True), clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)
        gc.collect()
        gc.freeze()  # else a full collection looks through all that was loaded, and takes longer than a cycle
        self._ending = Event()
        # The first line takes the logger 22 ms: not in a cycle.
        line = f"gate of {contract.name}: {command.rate_hz:g} Hz, {self._gate.state.value}{self._owned()}"
        self.get_logger().info(line)
        self._thread = Thread(target=self._run, name="gate", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the cycle, then the node; raises what ended the cycle, if something did."""
        self._ending.set()
        self._thread.join()
        gc.unfreeze()
        self.destroy_node()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        """One cycle after another until the end. A bug in a cycle ends the process, and that stops the arm."""
        due = time.monotonic()
        try:
            while not self._ending.is_set() and self.context.ok():
                self._cycle()
                due += self._cycle_s
                wait_s = due - time.monotonic()
                if wait_s > 0:
                    self._ending.wait(wait_s)
                else:  # what was missed is not made up for
                    self._late += 1
                    due = time.monotonic()
        except Exception as error:
            if self.context.ok():
                self._failure = error
                stop()

    def _cycle(self) -> None:
        begin = time.perf_counter()
        with self._lock:
            owner = self._gate.ownership.owner
            refusals = self._inbox.pour(self._gate)
            if not self._gate.led_in:  # it is told once where motion begins, and would step there later
                self._gate.heard = self._dry_run or not self._outbox.unheard
            now_ns = clock_ns(self)
            output = self._gate.step(now_ns)
            self._events.update(transition.cause.value for transition in output.transitions)
        self._outbox.step(output, now_ns)
        self._outbox.owner(self._gate.ownership)
        self._log(refusals, output, owner)
        self._outbox.state(self._report)
        self._cycle_ms.append((time.perf_counter() - begin) * 1e3)

    def _scale_speed(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name == "speed_scale":
                self._gate.speed_scale = float(parameter.value)
                self.get_logger().info(f"gate: at {parameter.value:.0%} of the commanded speed")

    def _log_refusals(self, refusals: list[tuple[str, Refusal]]) -> None:
        for source, refusal in refusals:
            if refusal.rule not in UNBROKEN or source not in self._gate.ownership.sources:
                self.get_logger().warning(f"{source}: refused: {refusal}", throttle_duration_sec=2.0)

    def _log(self, refusals: list[tuple[str, Refusal]], output: GateOutput, before: str | None) -> None:
        self._log_refusals(refusals)
        for transition in output.transitions:
            self.get_logger().info(f"gate: {transition}")
        owner = self._gate.ownership.owner
        if owner != before:
            self.get_logger().info(f"gate: owned by {owner or 'no source'}, before by {before or 'no source'}")

    def _arm(self, now_ns: int) -> tuple[Refusal | None, str]:
        if self._dry_run:
            return Refusal("dry_run", None, "dry_run is true", "dry_run false"), ""
        refusal = self._gate.arm(now_ns)
        missing = self._inbox.joints_missing
        if refusal is not None and refusal.rule == "joint_states_stale" and missing:
            refusal = replace(refusal, value=f"{refusal.value}: {missing}")
        unheard = self._outbox.unheard
        done = f"armed; no controller listens on {unheard[0]} yet" if unheard else "armed"
        return refusal, done + self._owned()

    def _ask_for(self, owner: str) -> None:
        """Ask for who owns the gate at the start; `UserError` if that is no source that may move the robot."""
        refusal = self._gate.ownership.ask(owner, 0) if owner else None
        if refusal is not None:
            raise UserError("owner", owner, str(refusal.limit))

    def _owned(self) -> str:
        """Who owns the gate, or is asked for, where there is a choice."""
        ownership = self._gate.ownership
        owner, sources = ownership.owner, ownership.sources.values()
        if owner is None and ownership.asked is not None:
            return f"; to be owned by {ownership.asked.name}"
        if owner is None:
            legal = " or ".join(each.name for each in sources if each.moves)
            return f"; owned by no source, so nothing moves until command/owner asks for {legal}"
        return f"; owned by {owner}" if len(sources) > 1 else ""

    def _stop(self, now_ns: int) -> tuple[None, str]:
        self._gate.stop(now_ns)
        return None, "stopped until reset"

    def _service(
        self, act: Callable[[int], tuple[Refusal | None, str]]
    ) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            with self._lock:
                refusals = self._inbox.pour(self._gate)  # judge by what is known now, not a cycle ago
                refusal, done = act(clock_ns(self))
            self._log_refusals(refusals)
            response.success = refusal is None
            response.message = done if refusal is None else f"refused: {refusal}"
            return response

        return answer

    def _report(self) -> dict[str, object]:
        with self._lock:
            return state_report(self._gate)

    def _diagnose(self) -> None:
        report = self._report()
        cycles = np.array(list(self._cycle_ms) or [0.0])
        with self._lock:
            counts, events = dict(self._gate.counts), dict(self._events)
        values = {
            **{f"commands_{rule}": count for rule, count in sorted(counts.items())},
            **{f"events_{cause}": count for cause, count in sorted(events.items())},
            "joint_states_ignored": self._inbox.ignored["joint_states"],
            "joints_unheard": ", ".join(self._inbox.unheard),
            "commands_dropped": self._inbox.flooded.total(),
            "cycles_late": self._late,
            "cycle_ms_p50": float(np.percentile(cycles, 50)),
            "cycle_ms_p99": float(np.percentile(cycles, 99)),
        }
        self._outbox.diagnose(report, values)


def main() -> int:
    """Run the node until it is interrupted; 1 if its parameters are wrong."""
    return run_node("command_gate_node", first_of_its_process(CommandGateNode), CommandGateNode.close)


if __name__ == "__main__":
    sys.exit(main())
