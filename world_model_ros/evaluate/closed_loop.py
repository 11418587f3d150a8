"""Brain, gate and simulated robot in one process on a virtual clock: the demo's tasks, faster than real time.

The same objects as on a robot, joined without DDS. A plan reaches the gate a while after its
observation, as it does live.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.message_types import standard_types
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.incoming import converter_for
from world_model_ros.convert.outgoing import MessageMaker
from world_model_ros.core.goal import Goal
from world_model_ros.core.streams import Streams
from world_model_ros.core.trajectory import Float
from world_model_ros.evaluate.oracle import Oracle
from world_model_ros.evaluate.picture import goal_picture
from world_model_ros.evaluate.task import Judge, Task, TaskKind, Verdict, draw_task
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.runtime.brain import Brain
from world_model_ros.runtime.decision import Decision
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scene import scene_for_seed

_EXPOSURE_NS = 20_000_000  # age of the image at the tick
_LATENCY_NS = 40_000_000  # from the tick to the gate
_SETTLE_TICKS = 5


@dataclass(frozen=True)
class Blackout:
    """Streams of which nothing comes for a while.

    Args:
        streams: their names.
        begin_s: after the goal was given. seconds: how long.
    """

    streams: tuple[str, ...]
    begin_s: float = 0.5
    seconds: float = 2.0


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
        self._make = MessageMaker(standard_types().types.__getitem__)
        self.rig = Rig(contract, scene_for_seed(seed), seed, self._make, unplugged=unplugged)
        self.ticks = 0
        self.last: Decision | None = None
        self.tamper: Callable[[str, int, NDArray[Any]], NDArray[Any]] | None = None  # changes what a stream says
        self._streams = Streams(contract.stream_rules())
        self._converters = {}
        for stream in contract.interface.streams:
            source = contract.source(stream.name)
            self._converters[source.topic] = (stream.name, converter_for(stream, source))
        self._arm = ArmKinematics(contract)
        self._dark: tuple[Blackout, int] | None = None
        self._memory = brain.start()
        self._before: Float | None = None
        for _ in range(_SETTLE_TICKS):
            self.tick(None)

    def tip(self) -> Float:
        """Measured fingertip (3,), m, base frame."""
        return self._arm.tip(self.rig.robot.joint_state()[0])[0]

    def places(self) -> dict[str, Float]:
        """True pose (7,) of each object."""
        robot = self.rig.robot
        return {f"object_{i}": robot.object_pose(i) for i in range(len(robot.scene.objects))}

    def tick(self, goal: Goal | None) -> None:
        """Run to the next tick, then let the brain think."""
        now_ns = self.rig.now_ns + self.contract.tick_ns
        if self.rig.telemetry.camera is not None:
            self.rig.expose(now_ns - _EXPOSURE_NS)
        for sample in self.rig.advance(now_ns):
            if sample.topic in self._converters:
                name, convert = self._converters[sample.topic]
                if not self._is_dark(name):
                    stamp_ns, value = convert(sample.message)
                    if self.tamper is not None:
                        value = self.tamper(name, stamp_ns, value)
                    self._streams.push(name, stamp_ns, value)
        reference = self.rig.reference
        applied = self.brain.applied_action(self._before, reference)
        self._before = reference
        seed = self.seed * 1_000_003 + self.ticks
        observation = self._streams.observe(now_ns)
        self.last, self._memory = self.brain.tick(observation, applied, reference, self._memory, goal, seed)
        self.ticks += 1
        if self.last.trajectory is not None:
            self.rig.send(self.last.trajectory, now_ns + _LATENCY_NS)

    def run(
        self,
        kind: TaskKind,
        *,
        tolerance_m: float | None = None,
        blackout: Blackout | None = None,
        oracle: Oracle | None = None,
    ) -> TaskResult:
        """Draw a goal of a kind and pursue it until the judge decides.

        Args:
            tolerance_m: in place of the task's own.
            blackout: streams that fall silent on the way.
            oracle: commands in place of the brain.
        """
        places = self.places()
        task = draw_task(kind, self.seed, self.contract, self.tip(), {name: pose[:3] for name, pose in places.items()})
        if tolerance_m is not None:
            task = replace(task, tolerance_m=tolerance_m)
        goal = self._goal(task, places)
        judge = Judge(task, goal.stamp_ns)
        self._dark = None if blackout is None else (blackout, goal.stamp_ns)
        while True:
            if oracle is None:
                self.tick(goal)
            else:
                item = self.places().get(task.target, np.zeros(7))[:3]
                command = oracle.command(task, self.rig.reference, item, self.rig.now_ns)
                self.rig.send(command, self.rig.now_ns + _LATENCY_NS)
                self.rig.advance(self.rig.now_ns + self.contract.tick_ns)
            place = self.places().get(task.target)
            judge.see(self.rig.now_ns, self.tip() if place is None else place[:3])
            verdict = judge.verdict(self.rig.now_ns)
            if verdict is not None:
                return TaskResult(task, verdict)

    def _is_dark(self, stream: str) -> bool:
        if self._dark is None or stream not in self._dark[0].streams:
            return False
        blackout, goal_ns = self._dark
        return 0.0 <= (self.rig.now_ns - goal_ns) * 1e-9 - blackout.begin_s < blackout.seconds

    def _goal(self, task: Task, places: dict[str, Float]) -> Goal:
        stamp_ns = self.rig.now_ns
        if task.kind in ("pose", "push"):
            pose = np.array([*task.position, 0.0, 0.0, 0.0, 1.0], np.float32)
            return Goal("pose", stamp_ns, target=task.target, pose=pose)
        camera = next(stream for stream in self.contract.interface.streams if stream.kind == "camera")
        picture = self._make.image(goal_picture(task, self.contract, self.seed, places), "rgb8", stamp_ns, "")
        _, convert = self._converters[self.contract.source(camera.name).topic]
        return Goal("image", stamp_ns, image=convert(picture)[1])


def run_tasks(
    contract: Contract, brain: Brain, seed: int, kinds: Sequence[TaskKind], unplugged: tuple[str, ...] = ()
) -> list[TaskResult]:
    """All kinds of tasks one after the other in the scene of a seed."""
    loop = ClosedLoop(contract, brain, seed, unplugged)
    try:
        return [loop.run(kind) for kind in kinds]
    finally:
        loop.rig.robot.close()
