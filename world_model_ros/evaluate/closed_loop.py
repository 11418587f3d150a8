"""Brain, gate and simulated robot in one process on a virtual clock: the demo's tasks, faster than real time.

The same objects as on a robot, joined without DDS. A plan reaches the gate some time after its observation, as it does live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from world_model_ros.bags.message_types import standard_types
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.incoming import converter_for
from world_model_ros.convert.outgoing import MessageMaker
from world_model_ros.core.goal import Goal
from world_model_ros.core.streams import Streams
from world_model_ros.core.trajectory import Float
from world_model_ros.evaluate.picture import goal_picture
from world_model_ros.evaluate.task import Judge, Task, TaskKind, Verdict, draw_task
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.runtime.applied import AppliedReference
from world_model_ros.runtime.brain import Brain
from world_model_ros.runtime.decision import Decision
from world_model_ros.safety.gate import Gate
from world_model_ros.sim.scene import scene_for_seed
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Telemetry

_STEP_NS = 10_000_000
_START_NS = 1_000_000_000
_LATENCY_NS = 40_000_000  # from the tick to the gate
_SETTLE_TICKS = 5


@dataclass(frozen=True)
class TaskResult:
    """A task and how it ended."""

    task: Task
    verdict: Verdict


class ClosedLoop:
    """One seed's scene with everything running.

    Args:
        contract: of a simulated robot.
        brain: made for it.
        seed: of scene, sensor noise, goals and planner.
        unplugged: streams that stay silent.
    """

    def __init__(self, contract: Contract, brain: Brain, seed: int, unplugged: tuple[str, ...] = ()) -> None:
        self.contract, self.brain, self.seed = contract, brain, seed
        self.robot = SimRobot(contract, scene_for_seed(seed), seed, _START_NS)
        self.ticks = 0
        self.last: Decision | None = None
        self._telemetry = Telemetry(contract, MessageMaker(standard_types().types.__getitem__), unplugged)
        self._streams = Streams(contract.stream_rules())
        self._converters = {}
        for stream in contract.interface.streams:
            source = contract.source(stream.name)
            self._converters[source.topic] = (stream.name, converter_for(stream, source))
        command = contract.deployment.command
        assert command is not None
        age = max(source.max_age_s for source in contract.deployment.streams if source.required)
        tick_s = 1.0 / contract.interface.tick_hz
        self._gate_ns = round(1e9 / command.rate_hz)
        self._gate = Gate(contract.limits(), contract.deployment.gate, tick_s, command.rate_hz, age)
        self._applied = AppliedReference()
        self._arm = ArmKinematics(contract)
        self._memory = brain.start()
        self._before: Float | None = None
        self._pending: tuple[int, Decision] | None = None
        self._camera_ns = 0
        for _ in range(_SETTLE_TICKS):
            self.tick(None)
        self._gate.arm(self.robot.now_ns)

    def tip(self) -> Float:
        return self._arm.tip(self.robot.joint_state()[0])[0]

    def tick(self, goal: Goal | None) -> None:
        """Run to the next tick, then let the brain think."""
        end_ns = self.robot.now_ns + self.contract.tick_ns
        while self.robot.now_ns < end_ns:
            self._advance()
        now_ns = self.robot.now_ns
        reference = self._applied.at(now_ns)
        applied = self.brain.applied_action(self._before, reference)
        self._before = reference
        observation = self._streams.observe(now_ns)
        seed = self.seed * 1_000_003 + self.ticks
        decision, self._memory = self.brain.tick(observation, applied, reference, self._memory, goal, seed)
        self.ticks += 1
        self.last = decision
        self._pending = (now_ns + _LATENCY_NS, decision)

    def run(self, kind: TaskKind) -> TaskResult:
        """Draw a goal of a kind and pursue it until the judge decides."""
        places = {f"object_{i}": self.robot.object_pose(i) for i in range(len(self.robot.scene.objects))}
        task = draw_task(kind, self.seed, self.contract, self.tip(), {name: pose[:3] for name, pose in places.items()})
        stamp_ns = self.robot.now_ns
        if kind == "image":
            picture = goal_picture(task, self.contract, self.seed, places)
            topic = next(s.name for s in self.contract.interface.streams if s.kind == "camera")
            _, convert = self._converters[self.contract.source(topic).topic]
            image = convert(self._telemetry.image(picture, stamp_ns).message)[1]
            goal = Goal("image", stamp_ns, image=image)
        else:
            pose = np.array([*task.position, 0.0, 0.0, 0.0, 1.0], np.float32)
            goal = Goal("pose", stamp_ns, target=task.target, pose=pose)
        judge = Judge(task, stamp_ns)
        while True:
            self.tick(goal)
            fingertip = task.target not in places
            judge.see(self.robot.now_ns, self.tip() if fingertip else self.robot.object_pose()[:3])
            verdict = judge.verdict(self.robot.now_ns)
            if verdict is not None:
                return TaskResult(task, verdict)

    def _advance(self) -> None:
        """Ten milliseconds: physics, senses, gate."""
        before_ns = self.robot.now_ns
        self.robot.step_to(before_ns + _STEP_NS)
        now_ns = self.robot.now_ns
        for sample in self._telemetry.read(self.robot, before_ns):
            self._push(sample.topic, sample.message)
        tick_ns = self.contract.tick_ns
        if (
            self._telemetry.camera is not None and now_ns % tick_ns == tick_ns - 2 * _STEP_NS
        ):  # seen 20 ms ago at a tick
            self._push(*_topic_and_message(self._telemetry.image(self.robot.image(), now_ns)))
        position, velocity, _ = self.robot.joint_state()
        self._gate.joint_state(now_ns, position, velocity)
        if self._pending is not None and now_ns >= self._pending[0]:
            trajectory = self._pending[1].trajectory
            if trajectory is not None:
                self._gate.command(now_ns, trajectory)
            self._pending = None
        if now_ns % self._gate_ns == 0:
            output = self._gate.step(now_ns)
            if output.outgoing is not None:
                self.robot.set_trajectory(output.outgoing)
            if output.reference is not None:
                self._applied.push(now_ns, output.reference.position, output.reference.velocity)

    def _push(self, topic: str, message: object) -> None:
        name, convert = self._converters[topic]
        stamp_ns, array = convert(message)
        self._streams.push(name, stamp_ns, array)


def _topic_and_message(sample: object) -> tuple[str, object]:
    return sample.topic, sample.message  # type: ignore[attr-defined]


def run_tasks(
    contract: Contract, brain: Brain, seed: int, kinds: Sequence[TaskKind], unplugged: tuple[str, ...] = ()
) -> list[TaskResult]:
    """All kinds of tasks one after the other in the scene of a seed."""
    loop = ClosedLoop(contract, brain, seed, unplugged)
    try:
        return [loop.run(kind) for kind in kinds]
    finally:
        loop.robot.close()
