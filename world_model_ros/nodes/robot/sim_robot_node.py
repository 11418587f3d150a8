"""The simulated robot as a process: streams, labels and URDF in real time, and a trajectory controller.

Parameters: ``robot`` (contract, name or file), ``seed`` (of the scene), ``scenes`` (plain, varied or cluttered),
``unplug`` (comma separated names of streams that stay silent), ``clock`` (true: time starts at zero and goes out on
``/clock``; false: stamps are of the ROS clock), ``thread_priority`` (of SCHED_FIFO, where that is allowed: above the
brain's, as a driver's should be; 0 for none), ``lock_memory`` (keep the process in memory).
The service ``sim/reset`` puts the scene of the seed back. Contact sound is synthesised.

Physics and joint states go before images, which a process of its own draws: as many as the machine affords, which is
measured at the start and stated, and fewer where it is busy.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.topics import CLOCK, DIAGNOSTICS, ROBOT_DESCRIPTION
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.diagnostics import OK, WARN, diagnostics, status
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.qos import LATCHED, qos_profile
from world_model_ros.nodes.real_time import ask_for_real_time
from world_model_ros.nodes.spin import run_node
from world_model_ros.sim.camera_process import Shot, Studio
from world_model_ros.sim.camera_rates import CameraRates
from world_model_ros.sim.processor_need import physics_share
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.scene import STEP_NS
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Sample, Telemetry

_PERIOD_NS = 10_000_000
_AFTER_NS = 300_000
_BURST = 100
_JUMP_NS = 1_000_000_000
_MOST_S = 0.1
_MOST_REAL_TIME = 0.5  # of a core
_LATE_NS = 25_000_000  # that is worth a warning


class SimRobotNode(Node):
    """`SimRobot` with topics and a clock."""

    def __init__(self) -> None:
        super().__init__("sim_robot")
        contract = load_contract(str(declare(self, "robot", default_robot())))
        seed = int(declare(self, "seed", 0))
        unplugged = str(declare(self, "unplug", ""))
        self._own_clock = bool(declare(self, "clock", False))
        command = contract.deployment.command
        if command is None:
            raise UserError("deployment.command", None, "a controller topic; this robot cannot be simulated")
        if command.streamed or command.others:
            raise UserError(
                "deployment.command", command.interface, "one joint_trajectory of all joints; or no simulation"
            )
        self._make = MessageMaker(ros_class)
        names = tuple(filter(None, (name.strip() for name in unplugged.split(","))))
        self._telemetry = Telemetry(contract, self._make, names)
        self._scene = scene_for_seed(contract, seed, declare(self, "scenes", "plain"))
        self._counts: Counter[str] = Counter()
        self._cycle_ms: deque[float] = deque(maxlen=500)
        self._behind_ms: deque[float] = deque(maxlen=500)
        self._studio: Studio | None = None
        self._rates: CameraRates | None = None
        # What takes long comes before time runs.
        if self._telemetry.cameras:
            self._studio = Studio(contract, self._scene, self._on_shot)
        share = physics_share(contract, self._scene, self._make)
        if self._studio is not None:
            self._rates = CameraRates(self._telemetry.cameras, self._studio.ready())
        self._begin_ns = time.monotonic_ns()
        self._robot = SimRobot(contract, self._scene, seed, self._wall_ns() // STEP_NS * STEP_NS)

        self._senders: dict[str, Publisher] = {}
        for stream in contract.interface.streams:
            source = contract.source(stream.name)
            if stream.name not in names:
                qos = qos_profile(source.qos)
                if not stream.is_picture:  # what this process was late with goes out in a burst
                    qos.depth = max(qos.depth, _BURST)
                self._senders[source.topic] = self.create_publisher(ros_class(source.type), source.topic, qos)
        for label in contract.deployment.labels:
            self._senders[label.topic] = self.create_publisher(ros_class(label.type), label.topic, 10)
        self._description = self.create_publisher(String, ROBOT_DESCRIPTION, LATCHED)
        self._description.publish(String(data=contract.urdf_text))
        self._clock_sender = self.create_publisher(ClockMessage, CLOCK, 10) if self._own_clock else None
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)
        self.create_subscription(JointTrajectory, command.topic, self._on_trajectory, 10)
        self.create_service(Trigger, "sim/reset", self._on_reset)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        # Just after a beat of the senses: then a cycle is one piece, and what it sends is young.
        time.sleep((_PERIOD_NS - (self._wall_ns() - _AFTER_NS) % _PERIOD_NS) * 1e-9)
        self.create_timer(_PERIOD_NS * 1e-9, self._run, clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)
        self.get_logger().info(f"simulating {contract.name}, seed {seed}" + (f", without {names}" if names else ""))
        for line in self._rates.lines() if self._rates is not None else []:
            self.get_logger().info(line)
        self._go_first(share)

    def close(self) -> None:
        """End the drawing, then the node."""
        if self._studio is not None:
            self._studio.close()
        self.destroy_node()

    def _go_first(self, share: float) -> None:
        """Real-time priority, unless that would leave little of a core to whatever else has to run there."""
        declare(self, "thread_priority", 30)  # between the brain's 20 and the gate's 50
        declare(self, "lock_memory", False)
        self.get_logger().info(f"physics and senses take {share:.0%} of a core")
        if share < _MOST_REAL_TIME:
            ask_for_real_time(self)
        else:
            self.get_logger().warning("that is too much for real-time priority, which would starve others")

    def _wall_ns(self) -> int:
        """Time that the simulation should have."""
        if self._own_clock:
            return time.monotonic_ns() - self._begin_ns
        return clock_ns(self)

    def _run(self) -> None:
        """Bring the physics to the present and send what became due. Physics never waits for images."""
        begin = time.perf_counter()
        robot = self._robot
        late_ns = self._wall_ns() - robot.now_ns
        if abs(late_ns) > _JUMP_NS:
            self._counts["clock_jumps"] += 1
            self.get_logger().warning(f"the clock jumped by {late_ns * 1e-9:.1f} s; the world stood still meanwhile")
            robot.set_time(self._wall_ns() // STEP_NS * STEP_NS)
        else:
            self._behind_ms.append(max(0, late_ns - _PERIOD_NS) * 1e-6)
        self._catch_up()
        self._cycle_ms.append((time.perf_counter() - begin) * 1e3)

    def _catch_up(self) -> None:
        """Step in pieces of at most 10 ms, so that no sense loses a sample when this process was held up."""
        robot, due = self._robot, dict[str, None]()
        enough = time.perf_counter() + _MOST_S  # on a machine that is too slow, others want their turn too
        while time.perf_counter() < enough and (late_ns := self._wall_ns() - robot.now_ns) >= STEP_NS:
            before_ns = robot.now_ns
            robot.step_to(before_ns + min(late_ns, _PERIOD_NS - before_ns % _PERIOD_NS))
            if robot.now_ns == before_ns:
                break
            if self._clock_sender is not None:
                self._clock_sender.publish(ClockMessage(clock=self._make.time(robot.now_ns)))
            for sample in (*self._telemetry.read(robot, before_ns), *self._telemetry.labels(robot, before_ns)):
                self._send(sample)
            if self._rates is not None:
                due |= dict.fromkeys(self._rates.due(robot.now_ns, before_ns))
        self._draw(list(due))

    def _draw(self, cameras: list[str]) -> None:
        """Have images drawn of the present, but of a camera whose last one still is being drawn."""
        if not cameras or self._studio is None:
            return
        view = self._robot.view()
        for camera in cameras:
            if not self._studio.draw(camera, self._robot.now_ns, view):
                self._counts["images_dropped"] += 1

    def _on_shot(self, shot: Shot) -> None:
        """An image is drawn. In the studio's thread."""
        if self._rates is not None and self.context.ok():
            self._rates.drawn(shot.camera)
            self._counts["images"] += 1
            self._send(self._telemetry.picture(shot.camera, shot.pixels, shot.stamp_ns))

    def _send(self, sample: Sample) -> None:
        self._senders[sample.topic].publish(sample.message)

    def _on_trajectory(self, message: Any) -> None:
        reason = self._robot.set_trajectory(message)
        self._counts["trajectories" if reason is None else "trajectories_refused"] += 1
        if reason is not None:
            self.get_logger().warning(f"trajectory refused: {reason}", throttle_duration_sec=2.0)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._robot.reset(self._scene)
        if self._studio is not None:
            self._studio.set_scene(self._scene)
        response.success, response.message = True, "the arm is at its home and the scene is as in the beginning"
        return response

    def _diagnose(self) -> None:
        cycles = np.array(self._cycle_ms or [0.0])
        counts = ("images", "images_dropped", "trajectories", "trajectories_refused", "clock_jumps")
        values = {
            **{name: self._counts[name] for name in counts},
            **{f"behind_ms_p{share}": float(np.percentile(self._behind_ms or [0.0], share)) for share in (50, 99)},
            "cycle_ms_p50": float(np.percentile(cycles, 50)),
            "cycle_ms_p99": float(np.percentile(cycles, 99)),
        }
        if self._rates is not None:
            values |= self._rates.values()
        behind = self._rates.behind() if self._rates is not None else []
        level, text = (WARN, "; ".join(behind)) if behind else (OK, "real time")
        if values["behind_ms_p99"] > _LATE_NS * 1e-6:
            level, text = WARN, f"physics and joint states come {values['behind_ms_p99']:.0f} ms late (p99)"
        told = values | {"broken": ", ".join(self._robot.broken)}
        report = status("sim_robot: simulation", level, text, told)
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), report))


def main() -> int:
    """Run the node until it is interrupted; 1 if its parameters are wrong."""
    return run_node("sim_robot_node", SimRobotNode, SimRobotNode.close)


if __name__ == "__main__":
    sys.exit(main())
