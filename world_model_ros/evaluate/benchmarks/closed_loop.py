"""Runs a brain on one benchmark goal, from messages to actions, with noise, losses, delay or a moved cube if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from world_model_ros.bags.align.ticks import PHASE_NS
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.session import BrainSession
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import PoseStream
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.stamps import has_header
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal
from world_model_ros.core.streams import Observation, Streams
from world_model_ros.evaluate.benchmarks.ogbench_tasks import TICK_NS, Task, Values
from world_model_ros.evaluate.benchmarks.tick_messages import tick_messages
from world_model_ros.goals.subgoal import check_goal

_START_NS = 1_000_000_000_000
_MOVED_TICKS = (20, 50)  # when something is moved by hand
_CLEAR_M = 0.08  # of its new place from everything else
_ON_TABLE_M = 0.02
_TRIES = 1000  # to find a free place


@dataclass(frozen=True)
class Disturbance:
    """What makes it harder than the benchmark is.

    Args:
        noise_m: standard deviation of the position of tracked things, on each axis, at each tick.
        lost: share of their poses that never arrive.
        late_s: how long they are on their way.
        moved: whether a cube is put elsewhere by hand, 1 to 2.5 s after the start.
    """

    noise_m: float = 0.0
    lost: float = 0.0
    late_s: float = 0.0
    moved: bool = False

    def __post_init__(self) -> None:
        for name, most in (("noise_m", 0.1), ("lost", 1.0), ("late_s", 10.0)):
            if not 0.0 <= getattr(self, name) <= most:
                raise UserError(name, getattr(self, name), f"0 to {most:g}")


@dataclass(frozen=True)
class Attempt:
    """One episode: goal, seed, whether it was reached, ticks until it was over, and the median time of a plan."""

    goal: int
    seed: int
    reached: bool
    ticks: int
    plan_ms: float


@dataclass
class Senses:
    """Streams of a contract, fed with messages of an environment.

    Args:
        disturbance: of the poses of targets. random: that it draws from.
    """

    contract: Contract
    disturbance: Disturbance
    random: np.random.Generator
    _on_way: list[tuple[int, str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        contract = self.contract
        self._streams = Streams(contract.stream_rules())
        self._make = MessageMaker(standard_types().types.__getitem__)
        self._stamped = {source.name: has_header(source.type) for source in contract.deployment.streams}
        self._converters = {
            each.name: converter_for(each, contract.source(each.name)) for each in contract.interface.streams
        }
        targets = {target.name for target in contract.interface.targets}
        self._tracked = {each.name for each in contract.interface.of(PoseStream)} & targets

    def observe(self, values: Values, now_ns: int) -> Observation:
        """What is known at a tick a little after everything was measured, at ``now_ns``."""
        shaken = values | {name: self._shaken(values[name]) for name in sorted(self._tracked)}
        for name, _, _, message in tick_messages(self.contract, self._make, shaken, now_ns):
            tracked = name in self._tracked
            if tracked and self.random.random() < self.disturbance.lost:
                continue
            late_ns = round(self.disturbance.late_s * 1e9) if tracked else 0
            self._on_way.append((now_ns + late_ns, name, message))
        tick_ns = now_ns + PHASE_NS
        for arrives_ns, name, message in self._on_way:
            if arrives_ns <= tick_ns:
                stamp_ns, value = self._converters[name](message)
                self._streams.push(name, stamp_ns if self._stamped[name] else arrives_ns, value)
        self._on_way = [each for each in self._on_way if each[0] > tick_ns]
        return self._streams.observe(tick_ns)

    def _shaken(self, pose: Float) -> Float:
        off = self.random.normal(size=3) * self.disturbance.noise_m
        return np.concatenate([pose[:3] + off, pose[3:]])


def wanted_goal(wanted: Values, contract: Contract, stamp_ns: int) -> Goal:
    """The values that are wanted, of all targets, as one goal."""
    wishes: list[PoseGoal | ValueGoal] = [
        ValueGoal(target.name, float(wanted[target.name][0]))
        if target.kind == "articulated"
        else PoseGoal(target.name, wanted[target.name].astype(np.float32))
        for target in contract.interface.targets
    ]
    return Goal.of(wishes, stamp_ns)


def attempt(task: Task, brain: Brain, goal: int, seed: int, disturbance: Disturbance | None = None) -> Attempt:
    """Pursue a goal until it is reached or time is up.

    Args:
        goal: 1 to `ogbench_tasks.GOALS`.
        seed: of the start, of the planner and of what disturbs.
    """
    disturbance, contract = disturbance or Disturbance(), brain.contract
    random = np.random.default_rng([seed, goal])
    values, wanted = task.reset(seed, goal)
    senses, session = Senses(contract, disturbance, random), BrainSession(brain, seed)
    wish = check_goal(wanted_goal(wanted, contract, _START_NS), contract, brain.bundle.manifest)
    still = np.zeros(contract.interface.action.size, np.float32)
    moved_at = int(random.integers(*_MOVED_TICKS)) if disturbance.moved else None
    applied, reached, ticks, plans_ms = still, False, 0, [0.0]
    while not task.over:
        if ticks == moved_at:
            cube = int(random.integers(sum(name.startswith("cube_") for name in values)))
            task.put(cube, free_place(task.table_m, cube, values, wanted, random))
            values = task.values()
        observation = senses.observe(values, _START_NS + ticks * TICK_NS)
        done = session.step(session.inputs(observation, None, wish, applied=applied))
        if done.memory.age == 0:  # planned anew
            plans_ms.append(done.decision.stages_ms["plan"])
        applied = still if done.decision.action is None else done.decision.action
        values, reached = task.step(applied.astype(np.float64))
        ticks += 1
    return Attempt(goal, seed, reached, ticks, round(float(np.median(plans_ms[1:] or plans_ms)), 3))


def free_place(table_m: Float, cube: int, values: Values, wanted: Values, random: np.random.Generator) -> Float:
    """A place (3,) on the table for a cube that is neither near anything, nor where it is, nor where it is wanted.

    Args:
        table_m: (2, 2) lowest and highest x, y.
    """
    taken: Sequence[Float] = [
        values["effector"][:2],
        wanted[f"cube_{cube}"][:2],
        *(value[:2] for name, value in values.items() if name.startswith("cube_")),
    ]
    for _ in range(_TRIES):
        place = random.uniform(table_m[0], table_m[1])
        if all(np.hypot(*(place - other)) > _CLEAR_M for other in taken):
            break
    return np.array([*place, _ON_TABLE_M])
