"""Drives the arms of a humanoid whose maker's own controller has them too, from what the gate sends a controller.

It is a process of its own between the gate and the robot: it follows the gate's trajectories, sends motor commands over
DDS with the share of them that counts, and publishes what the motors measure as joint states. The share rises once the
gate is armed, and falls when the gate is disarmed or silent, when the motors are, at the service ``arms/release``, and
before the process ends. Until the arms are ours ``arms/pace`` says 0, and the gate waits.

Parameters: ``robot`` (contract, name or file), ``motors`` (a file with the robot's motors, or the name of one of
config/motors), ``rate_hz`` (messages a second, 50 to 500), ``take_s`` and ``release_s`` (in which the share rises from
0 to 1, and falls; 0.5 to 10 and 0.2 to 3), ``silence_s`` (after which a gate counts as lost, 0.1 to 2),
``state_max_age_s`` (for which a measured state counts, 0.02 to 1), ``domain`` (of DDS), ``network_interface`` (that
leads to the robot; DDS chooses one without it), ``thread_priority`` (SCHED_FIFO priority of the process; 0 for none),
``lock_memory`` (keep the process in memory); both where they are allowed.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import Counter, deque
from functools import partial
from threading import Event, RLock, Thread

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.topics import APPLIED, ARMS_PACE, ARMS_READY, DIAGNOSTICS, GATE_STATE
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.checks import within
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.gate.states import State
from world_model_ros.motors.arms import Arms, Times
from world_model_ros.motors.dds import DdsMotors
from world_model_ros.motors.description import driven_by, load_motors
from world_model_ros.motors.messages import STATE, from_stream, to_stream
from world_model_ros.motors.share import Phase
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.diagnostics import OK, STALE, WARN, diagnostics, status
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.real_time import first_of_its_process
from world_model_ros.nodes.spin import run_node, stop

_STATES_S = 0.01  # between joint states
_SAID_S = 0.1  # between repetitions of what has not changed


class ArmsNode(Node):
    """`Arms` with topics, DDS and a clock."""

    def __init__(self) -> None:
        super().__init__("arms")
        contract = load_contract(str(declare(self, "robot", default_robot())))
        motors = load_motors(str(declare(self, "motors", "")))
        rate_hz = within("rate_hz", declare(self, "rate_hz", 250.0), 50.0, 500.0)
        times = Times(
            within("take_s", declare(self, "take_s", 2.0), 0.5, 10.0),
            within("release_s", declare(self, "release_s", 1.0), 0.2, 3.0),
            within("silence_s", declare(self, "silence_s", 0.5), 0.1, 2.0),
            within("state_max_age_s", declare(self, "state_max_age_s", 0.1), 0.02, 1.0),
        )
        declare(self, "thread_priority", 40)
        declare(self, "lock_memory", True)
        controllers = driven_by(contract, motors)
        self._arms = Arms(controllers, motors, contract.limits(), rate_hz, times)
        self._dds = DdsMotors(motors, int(declare(self, "domain", 0)), str(declare(self, "network_interface", "")))
        self._lock = RLock()  # of the arms
        self._state_topic = motors.state.topic
        self._period_s, self._ends_within_s = 1.0 / rate_hz, times.release_s + 1.0
        self._counts: Counter[str] = Counter()
        self._cycle_ms: deque[float] = deque(maxlen=500)
        self._phase: Phase | None = None
        self._said: tuple[bool, float] | None = None
        self._said_s = self._states_s = 0.0
        self._failure: BaseException | None = None
        self._make = MessageMaker(ros_class)
        self._states = [self.create_publisher(JointState, topic, 10) for topic in _topics(contract, self._arms.names)]
        self._ready = self.create_publisher(Bool, ARMS_READY, LATCHED)
        self._pace = self.create_publisher(Float64, ARMS_PACE, LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)
        for index, each in enumerate(controllers):
            self.create_subscription(JointTrajectory, each.topic, partial(self._on_trajectory, index, each.topic), 5)
        self.create_subscription(String, GATE_STATE, self._on_gate, LATCHED)
        self.create_subscription(JointState, APPLIED, self._on_applied, 5)
        self.create_service(Trigger, "arms/release", self._on_release)
        self.create_timer(1.0, self._diagnose, clock=Clock(clock_type=ClockType.STEADY_TIME))
        heard = " and ".join(each.topic for each in controllers)
        line = f"{len(self._arms.names)} joints at {rate_hz:g} Hz, from {heard} to {motors.command.topic}"
        self.get_logger().info(line)
        self._ending = Event()
        self._thread = Thread(target=self._run, name="arms", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let the arms go, wait until they are, and end; raises what ended the cycle, if something did."""
        with self._lock:
            self._arms.release("the process ends", for_good=True)
        until_s = time.monotonic() + self._ends_within_s
        while self._thread.is_alive() and time.monotonic() < until_s and self._sends():
            time.sleep(0.02)
        self._ending.set()
        self._thread.join()
        self.destroy_node()
        if self._failure is not None:
            raise self._failure

    def _sends(self) -> bool:
        with self._lock:
            return self._arms.share.sends

    def _run(self) -> None:
        """One cycle after another until the end. Whatever ends it early, the arms are let go."""
        due = time.monotonic()
        try:
            while not self._ending.is_set():
                self._cycle()
                due += self._period_s
                wait_s = due - time.monotonic()
                if wait_s > 0:
                    self._ending.wait(wait_s)
                else:  # what was missed is not made up for
                    self._counts["cycles_late"] += 1
                    due = time.monotonic()
        except Exception as error:
            if self.context.ok():
                self._failure = error
            self._let_go()
            stop()

    def _let_go(self) -> None:
        """Send until the share is gone, and do nothing else."""
        self._arms.release("the process has failed", for_good=True)
        with contextlib.suppress(Exception):
            while self._arms.share.sends:
                message = self._arms.step(time.time_ns(), time.monotonic())
                if message is not None:
                    self._dds.send(to_stream(message))
                time.sleep(self._period_s)

    def _cycle(self) -> None:
        begin = time.monotonic()
        came = self._dds.take()
        with self._lock:
            if came is not None:
                self._hear_motors(came, begin)
            message = self._arms.step(clock_ns(self), begin)
            share, said = self._arms.share, (self._arms.ready, self._arms.pace)
            measured = self._arms.measured() if came is not None and begin - self._states_s >= _STATES_S else None
        if message is not None:
            self._dds.send(to_stream(message))
            self._counts["sent"] += 1
        if measured is not None:
            self._states_s = begin
            state = self._make.joint_state(
                measured.names, measured.position, measured.velocity, measured.effort, stamp_ns=clock_ns(self)
            )
            for publisher in self._states:
                publisher.publish(state)
        if said != self._said or begin - self._said_s >= _SAID_S:
            self._said, self._said_s = said, begin
            self._ready.publish(Bool(data=said[0]))
            self._pace.publish(Float64(data=said[1]))
        if share.phase is not self._phase:
            self._phase = share.phase
            self.get_logger().info(f"arms: {share.phase.value}{f' ({share.why})' if share.why else ''}")
        self._cycle_ms.append((time.monotonic() - begin) * 1e3)

    def _hear_motors(self, stream: bytes, now_s: float) -> None:
        try:
            self._arms.hear_motors(from_stream(stream, STATE), now_s)
        except UserError as error:
            self._counts["states_refused"] += 1
            self.get_logger().warning(f"a state of the motors is refused: {error}", throttle_duration_sec=5.0)

    def _on_trajectory(self, index: int, topic: str, message: JointTrajectory) -> None:
        try:
            with self._lock:
                self._arms.hear_trajectory(index, message, clock_ns(self), topic)
        except UserError as error:
            self._counts["trajectories_refused"] += 1
            self.get_logger().warning(f"a trajectory is refused: {error}", throttle_duration_sec=5.0)

    def _on_gate(self, message: String) -> None:
        try:
            state = State(json.loads(message.data)["state"])
        except (ValueError, KeyError, TypeError):
            self.get_logger().warning(f"{GATE_STATE} cannot be read", throttle_duration_sec=5.0)
            return
        with self._lock:
            self._arms.hear_gate(state, time.monotonic())

    def _on_applied(self, _: JointState) -> None:
        with self._lock:
            self._arms.hear_gate(None, time.monotonic())

    def _on_release(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            self._arms.release("arms/release was called")
        response.success, response.message = True, "let go; to be taken again once the gate has been disarmed and armed"
        return response

    def _diagnose(self) -> None:
        with self._lock:
            measured, share = self._arms.measured(), self._arms.share
            fresh, phase, weight, why = self._arms.fresh(time.monotonic()), share.phase, share.weight, share.why
        level, words = OK, f"{phase.value}{f' ({why})' if why else ''}"
        values: dict[str, object] = {"weight": weight, "heard": self._dds.heard, **dict(sorted(self._counts.items()))}
        values["cycle_ms_p99"] = float(np.percentile(list(self._cycle_ms) or [0.0], 99))
        if measured is not None:
            hottest = int(np.argmax(measured.temperature))
            values["hottest"] = f"{measured.names[hottest]} {measured.temperature[hottest]:g} C"
            faults = {name: int(code) for name, code in zip(measured.names, measured.fault) if code}
            values |= {f"fault_{name}": code for name, code in faults.items()}
            if faults:
                level, words = WARN, f"motors report faults: {', '.join(faults)}"
        if not fresh:
            level, words = STALE, f"no state of the motors on {self._state_topic}"
            self.get_logger().warning(f"{words}; network_interface? domain?", throttle_duration_sec=10.0)
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnostics(stamp, status("arms: motors", level, words, values)))


def _topics(contract: Contract, names: tuple[str, ...]) -> list[str]:
    """Where the contract expects states of these joints."""
    streams = [each for each in contract.interface.of(JointStream) if set(each.joints) & set(names)]
    return sorted({contract.source(each.name).topic for each in streams})


def main() -> int:
    """Run the node until it is interrupted; 1 if its parameters are wrong."""
    return run_node("arms_node", first_of_its_process(ArmsNode), ArmsNode.close)


if __name__ == "__main__":
    sys.exit(main())
