"""A simulated robot behind its command gate, stepped without ROS: for collection, evaluation and tests."""

from __future__ import annotations

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import APPLIED
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.assumed_rest import tell_standing
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.states import State
from world_model_ros.sim.scenes.scene import SceneConfig, home_of
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Sample, Telemetry

APPLIED_TYPE = "sensor_msgs/msg/JointState"
SENSE_NS = 10_000_000
_START_NS = 1_000_000_000  # time of the first state


class Rig:
    """Robot, gate and senses on one clock. Nothing happens outside of `advance`.

    Args:
        contract: with a command interface.
        scene: what stands on the table.
        seed: of sensor noise.
        make: message maker of rosbags or rclpy.
        unplugged: names of streams that stay silent.
    """

    def __init__(
        self,
        contract: Contract,
        scene: SceneConfig,
        seed: int,
        make: MessageMaker,
        unplugged: tuple[str, ...] = (),
    ) -> None:
        command = contract.deployment.command
        if command is None:
            raise UserError("deployment.command", None, "a command interface; this robot cannot be moved")
        self.contract = contract
        self.robot = SimRobot(contract, scene, seed, _START_NS)
        self.telemetry = Telemetry(contract, make, unplugged)
        rate_hz = command.rate_hz
        self._gate_ns = round(1e9 / rate_hz)
        self._make = make
        self.gate = gate_for(contract, brain_alone=True)
        self._waiting: list[tuple[int, Trajectory]] = []
        self._exposures: list[int] = []
        self._refusal: str | None = None
        tell_standing(self.gate, self.robot.joint_state()[0], _START_NS)
        refusal = self.gate.arm(_START_NS)
        if refusal is not None:
            home = home_of(contract, scene).tolist()
            raise UserError("home", home, f"a configuration in which the gate can be armed ({refusal})")
        self.reference = home_of(contract, scene)

    @property
    def now_ns(self) -> int:
        return self.robot.now_ns

    def send(self, trajectory: Trajectory, arrival_ns: int) -> None:
        """A command that reaches the gate at a time; its stamp is the time of the observation."""
        self._waiting.append((arrival_ns, trajectory))

    def take_refusal(self) -> str | None:
        """The rule of the newest command that the gate refused since the last call; None if it refused none."""
        rule, self._refusal = self._refusal, None
        return rule

    def expose(self, at_ns: int) -> None:
        """Take an image with every camera at a time that is still to come; the samples come out of `advance`."""
        self._exposures.append(at_ns)

    def advance(self, until_ns: int) -> list[Sample]:
        """Run to a time. Samples of images, senses, labels and ``gate/applied`` in order of time."""
        samples: list[Sample] = []
        while self.now_ns < until_ns:
            before_ns = self.now_ns
            target_ns = min(before_ns - before_ns % SENSE_NS + SENSE_NS, until_ns)
            for at_ns in sorted(at_ns for at_ns in self._exposures if at_ns <= target_ns):
                self.robot.step_to(at_ns)
                samples += [self.telemetry.image(self.robot, camera) for camera in self.telemetry.cameras]
                self._exposures.remove(at_ns)
            self.robot.step_to(target_ns)
            samples += self.telemetry.read(self.robot, before_ns)
            samples += self.telemetry.labels(self.robot, before_ns)
            if target_ns // self._gate_ns > before_ns // self._gate_ns:
                samples.append(self._run_gate())
        return samples

    def _run_gate(self) -> Sample:
        now_ns = self.now_ns
        self._measure()
        for arrival_ns, trajectory in sorted(self._waiting, key=lambda each: each[0]):
            if arrival_ns <= now_ns:
                refusal = self.gate.command(now_ns, trajectory)
                if refusal is not None:
                    self._refusal = refusal.rule
        self._waiting = [each for each in self._waiting if each[0] > now_ns]
        if self.gate.state is State.DISARMED:
            self.gate.arm(now_ns)
        output = self.gate.step(now_ns)
        if output.outgoing is not None:
            self.robot.set_trajectory(output.outgoing)
        assert output.reference is not None
        self.reference = output.reference.position
        message = self._make.joint_state(
            self.contract.joint_names, output.reference.position, output.reference.velocity, stamp_ns=now_ns
        )
        return Sample(APPLIED, APPLIED_TYPE, message, now_ns)

    def _measure(self) -> None:
        position, velocity, _ = self.robot.joint_state()
        self.gate.joint_state(self.now_ns, position, velocity)
