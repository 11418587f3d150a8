"""Runs brain, gate and simulated robot on tasks in one process, on a virtual clock, faster than real time.

The same objects as on a robot, joined without DDS. A plan reaches the gate a while after its
observation, as it does live.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import PLAN_RULES, Decision, Memory
from world_model_ros.brain.session import BrainSession
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import CameraStream, TaxelStream
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.core.arrays import Float
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation, Streams
from world_model_ros.evaluate.tasks.goal_picture import goal_picture
from world_model_ros.evaluate.tasks.messy_table import MessyTable
from world_model_ros.evaluate.tasks.oracle import Oracle
from world_model_ros.evaluate.tasks.task import PICTURES, Judge, Task, TaskKind, Verdict, task_goal
from world_model_ros.evaluate.tasks.task_draw import draw_task
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scenes.draw import Variety, Wish, scene_for_seed

_EXPOSURE_NS = 20_000_000  # age of the image at the tick
_LATENCY_NS = 40_000_000  # from the tick to the gate
_SETTLE_STEPS = 5
_FELT_N = 0.5  # sum over the taxels that counts as contact


@dataclass(frozen=True)
class Blackout:
    """Streams of which nothing comes for a while.

    Args:
        streams: their names.
        begin_s: after the goal was given; None is when the fingertip first feels something.
        seconds: how long; infinity is for good.
    """

    streams: tuple[str, ...]
    begin_s: float | None = 0.5
    seconds: float = 2.0


@dataclass(frozen=True)
class TaskResult:
    """A task and how it ended.

    Args:
        dark_error_m: mean distance of the believed from the true object during a blackout, in the plane; None without.
        jerk_m_s3: of the commanded fingertips, root mean square over the ticks; not a number of a very short one.
        broken: objects that broke, which ended it, but for a messy table.
        right: of a messy table, the things that are where they belong; None of other tasks.
    """

    task: Task
    verdict: Verdict
    dark_error_m: float | None = None
    jerk_m_s3: float = float("nan")
    broken: tuple[str, ...] = ()
    right: tuple[str, ...] | None = None


class ClosedLoop:
    """One seed's scene with everything running.

    Args:
        contract: of a simulated robot.
        brain: made for it; None where an oracle acts.
        seed: of scene, sensor noise, goals and planner.
        unplugged: streams that stay silent.
        variety: how much scenes differ.
        make: of messages; those of bags without it.
        record: is called with topic, type, message and stamp in ns of everything that is sent.
        turns: ticks in a step of the model, see `Interleaving`.
        wish: what the scene must be like.
    """

    def __init__(
        self,
        contract: Contract,
        brain: Brain | None,
        seed: int,
        unplugged: tuple[str, ...] = (),
        variety: Variety = "plain",
        make: MessageMaker | None = None,
        record: Callable[[str, str, Any, int], None] | None = None,
        turns: int = 1,
        wish: Wish | None = None,
    ) -> None:
        self.contract, self.seed = contract, seed
        self._make = make or MessageMaker(standard_types().types.__getitem__)
        self._record = record
        self.rig = Rig(contract, scene_for_seed(contract, seed, variety, wish), seed, self._make, unplugged=unplugged)
        self.ticks = 0
        self.observation: Observation | None = None  # of the last tick
        self.last: Decision | None = None
        self.tamper: Callable[[str, int, NDArray[Any]], NDArray[Any]] | None = None  # changes what a stream says
        self._streams = Streams(contract.stream_rules())
        self._converters = {}
        for stream in contract.interface.streams:
            source = contract.source(stream.name)
            self._converters[source.topic] = (stream.name, converter_for(stream, source))
        self._arm = ArmKinematics(contract)
        links = {target.link: target.name for target in contract.interface.targets if target.link is not None}
        self._tips = {links[link]: link for link in self._arm.links if link in links}  # targets that the action moves
        self._pads = [stream.name for stream in contract.interface.of(TaxelStream)]
        self._blackout: Blackout | None = None
        self._dark_from_ns: int | None = None
        self._session = None if brain is None else BrainSession(brain, seed, turns)
        self._tick_ns = contract.tick_ns // turns
        for _ in range(_SETTLE_STEPS * turns):
            self.tick(None)

    @property
    def memory(self) -> Memory:
        """What the brain remembers after the last tick."""
        assert self._session is not None
        return self._session.memory

    def tips(self) -> dict[str, Float]:
        """Measured place (3,) of each fingertip that is moved, by its target, m, base frame."""
        joints = self.rig.robot.joint_state()[0]
        return {name: self._arm.tip(joints, link)[0] for name, link in self._tips.items()}

    def places(self) -> dict[str, Float]:
        """True pose (7,) of each object that is there."""
        return {name: place for name, place in self.rig.robot.places().items() if len(place) > 1}

    def values(self) -> dict[str, Float]:
        """True value (1,) of everything articulated."""
        return {name: place for name, place in self.rig.robot.places().items() if len(place) == 1}

    def positions(self) -> dict[str, Float]:
        """Where (3,) all fingertips and objects are, and the values (1,) of everything articulated."""
        return self.tips() | {name: pose[:3] for name, pose in self.places().items()} | self.values()

    def tick(self, goal: Goal | None) -> None:
        """Run to the next tick, then let the brain think."""
        now_ns = self.rig.now_ns + self._tick_ns
        if self.rig.telemetry.cameras:
            self.rig.expose(now_ns - _EXPOSURE_NS)
        for sample in self.rig.advance(now_ns):
            if self._record is not None:
                self._record(sample.topic, sample.type, sample.message, sample.stamp_ns)
            if sample.topic in self._converters:
                name, convert = self._converters[sample.topic]
                if not self._is_dark(name):
                    stamp_ns, value = convert(sample.message)
                    stamp_ns = stamp_ns or sample.stamp_ns  # what has no stamp counts from when it comes
                    if self.tamper is not None:
                        value = self.tamper(name, stamp_ns, value)
                    self._streams.push(name, stamp_ns, value)
        rule = self.rig.take_refusal()
        self.observation = self._streams.observe(now_ns)
        self.ticks += 1
        if self._session is None:
            return
        refusal = rule if rule in PLAN_RULES else None
        inputs = self._session.inputs(self.observation, self.rig.reference, goal, refusal=refusal)
        self.last = self._session.step(inputs).decision
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
        """Draw a goal of a kind and pursue it until the judge decides, or something breaks.

        Args:
            tolerance_m: in place of the task's own.
            blackout: streams that fall silent on the way.
            oracle: commands in place of the brain.
        """
        task = draw_task(kind, self.seed, self.contract, self.positions())
        if tolerance_m is not None:
            task = replace(task, tolerance_m=tolerance_m)
        return self._tidy(task, oracle) if task.kind == "messy_table" else self._pursue(task, blackout, oracle)

    def _tidy(self, task: Task, oracle: Oracle | None) -> TaskResult:
        """Pursue the goals of a messy table, each until the judge decides, whatever became of those before."""
        start_ns, table = self.rig.now_ns, MessyTable(task, self.contract)
        jerks = []
        for step in table.steps():
            if all(part.target in self.positions() for part in step.parts):
                jerks.append(self._pursue(step, None, oracle).jerk_m_s3)
        places, broken = self.places() | self.values(), tuple(self.rig.robot.broken)
        verdict = table.verdict(places, broken, (self.rig.now_ns - start_ns) * 1e-9)
        jerk = float(np.nanmean(jerks)) if np.isfinite(jerks).any() else float("nan")
        return TaskResult(task, verdict, None, jerk, broken, tuple(table.right(places)))

    def _pursue(self, task: Task, blackout: Blackout | None, oracle: Oracle | None) -> TaskResult:
        """Pursue a goal until the judge decides, or something breaks."""
        before = len(self.rig.robot.broken)
        goal = self._goal(task, self.places())
        judge = Judge(task, goal.stamp_ns)
        self._blackout = blackout
        after_s = None if blackout is None else blackout.begin_s
        self._dark_from_ns = None if after_s is None else goal.stamp_ns + round(after_s * 1e9)
        dark_errors: list[float] = []
        way = [self._arm.tips(self.rig.reference)]
        while True:
            if oracle is None:
                self.tick(goal)
            else:
                places = self.places() | self.values()
                command = oracle.command(task, self.rig.reference, places, self.rig.now_ns)
                self.rig.send(command, self.rig.now_ns + _LATENCY_NS)
                self.rig.advance(self.rig.now_ns + self._tick_ns)
            way.append(self._arm.tips(self.rig.reference))
            for name, seen in (self.tips() | self.places() | self.values()).items():
                judge.see(self.rig.now_ns, name, seen)
            place = self.places().get(task.target)
            broken = tuple(self.rig.robot.broken[before:])
            verdict = judge.failed(self.rig.now_ns) if broken else judge.verdict(self.rig.now_ns)
            if blackout is not None and place is not None and self._is_dark(blackout.streams[0]):
                dark_errors.append(self._belief_error_m(task.target, place))
            if verdict is not None:
                dark = float(np.mean(dark_errors)) if dark_errors else None
                return TaskResult(task, verdict, dark, _jerk(np.array(way), self._tick_ns * 1e-9), broken)

    def _is_dark(self, stream: str) -> bool:
        blackout, now_ns = self._blackout, self.rig.now_ns
        if blackout is None or stream not in blackout.streams:
            return False
        if self._dark_from_ns is None:
            felt = [np.linalg.norm(self.rig.robot.taxels(pad).sum((0, 1))) for pad in self._pads]
            if max(felt, default=0.0) < _FELT_N:
                return False
            self._dark_from_ns = now_ns
        return 0.0 <= (now_ns - self._dark_from_ns) * 1e-9 < blackout.seconds

    def _belief_error_m(self, target: str, place: Float) -> float:
        """How far a target is believed to be from where it is, in the plane."""
        assert self.last is not None
        if self.last.belief_poses is None:
            return float("nan")
        index = [each.name for each in self.contract.interface.targets].index(target)
        return float(np.hypot(*(self.last.belief_poses[index, :2] - place[:2])))

    def _goal(self, task: Task, places: dict[str, Float]) -> Goal:
        stamp_ns = self.rig.now_ns
        if task.kind not in PICTURES:
            return task_goal(task, stamp_ns)
        camera = self.contract.interface.of(CameraStream)[0]
        picture = self._make.image(
            goal_picture(task, self.contract, self.rig.robot.scene, places, self.tips()), "rgb8", stamp_ns, ""
        )
        _, convert = self._converters[self.contract.source(camera.name).topic]
        return Goal("image", stamp_ns, image=convert(picture)[1])


def _jerk(way: Float, tick_s: float) -> float:
    """Root mean square of the third derivative of places (N, T, 3), m / s^3."""
    jerk = np.diff(way, n=3, axis=0) / tick_s**3
    return float(np.sqrt((jerk**2).sum(-1).mean())) if len(jerk) else float("nan")
