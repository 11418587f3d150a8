"""Result types of a brain: a tick's decision, memory for the next tick, imagined futures, and decoded senses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bundle.signatures import UNKNOWN
from world_model_ros.contract.schema import Target
from world_model_ros.core.arrays import ByValue, Floats
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.goals.errors import GoalError
from world_model_ros.goals.pursuit import Pursuit, PushProgress

PLAN_RULES = ("position", "velocity")  # of the gate, that a more careful plan can keep
_CAUTION, _CALM, _MOST_CAUTION = 0.5, 1.25, 0.125


@dataclass(frozen=True, eq=False)
class Memory(ByValue):
    """What one tick hands to the next.

    Args:
        belief: (M,) of the model.
        warm: (H, C) chunk of the last plan, m or rad a tick; the next plan starts from it.
        fresh_start: the model forgets what it believed before the next tick.
        pursuit: of the goal image, if there is one.
        reach: share of the action's bounds that plans may use; less after the gate has refused one.
        since: steps of the model since the plan of ``warm``; less than one where ticks are more frequent than steps.
        progress: how a push has gone so far, if there is one.
        past: beliefs (M,) of the last steps before ``belief``, each with the action (C,) that followed; oldest first.
        age: ticks since ``warm`` was planned anew; None if it was not, or is to be.
        planned_for: stamp of the goal that it was planned for.
    """

    belief: Floats
    warm: Floats
    fresh_start: bool = True
    pursuit: Pursuit | None = None
    reach: float = 1.0
    since: float = 1.0
    progress: PushProgress | None = None
    past: tuple[tuple[Floats, Floats], ...] = ()
    age: int | None = None
    planned_for: int = 0

    def after(self, belief: Floats, applied: Floats | None, kept: int) -> Memory:
        """A tick later: a new belief, no plan yet, and a little less careful.

        Args:
            belief: (M,). applied: (C,) action that led to it, None if not known. kept: most steps in ``past``.
        """
        reach = min(1.0, _CALM * self.reach)
        past: tuple[tuple[Floats, Floats], ...] = ()
        if kept and not self.fresh_start:
            action = np.zeros_like(self.warm[0]) if applied is None else np.asarray(applied, np.float32)
            past = (*self.past, (self.belief, action))[-kept:]
        return Memory(belief, np.zeros_like(self.warm), False, self.pursuit, reach, self.since, self.progress, past)

    def goes_on(self, every: int) -> bool:
        """Whether the last plan goes on at the next tick, where there is a new one every so many steps of the model.

        A plan at every step is one at every tick, however many ticks a step has.
        """
        return every > 1 and self.age is not None and self.age + 1 < every * round(1.0 / self.since)

    def shifted(self) -> Floats:
        """The last plan (H, C) as it goes on from now: what it has for after its end is its last action."""
        ahead = np.concatenate([self.warm[1:], self.warm[-1:]])
        return ahead if self.since == 1.0 else self.warm + np.float32(self.since) * (ahead - self.warm)

    def refused(self) -> Memory:
        """After the gate has refused the last plan: it is not the start of the next, which may reach half as far."""
        reach = max(_MOST_CAUTION, _CAUTION * self.reach)
        return replace(self, warm=np.zeros_like(self.warm), reach=reach, age=None)


@dataclass(frozen=True, eq=False)
class Decision(ByValue):
    """Outcome of one tick. H ticks ahead, first entry one tick after now; positions in m in the base frame.

    Args:
        status: ``idle``, ``pursuing``, ``reached``, ``random``, or what keeps it from moving.
        chunk: (H, C) displacement a tick; zeros hold still. None for a model that only watches.
        trajectory: the chunk as joint motion; None if nothing may be commanded.
        action: (C,) the first of the chunk, where the robot itself reads it; None if nothing is to be sent.
        aim: (7,) pose that the plan was given for ``aim_target``; None without such a goal.
        plan: name of the graph that planned at this tick; None where the plan before goes on, or there is none.
        wants: goal tensors of the plan graph by name; empty without a goal, None if none was looked for.
        errors: what is left of each part of the goal. to_go: steps of the model in which it is imagined to be reached;
            None where that is not within the horizon.
        states: (H, S) imagined. poses: (H, K, 7). sigma: (H, K, 3) m, standard deviation. joints: (H, J).
        contact: (H, 1) N. values: (H, K) of what is articulated. cost: of the chunk.
        candidates: (n, H, 3) first target under chunks that lost.
        surprise: how badly what is sensed and believed fits what was predicted; one usual tick in a hundred is over 1.
        sensed: (O,) what was sensed, as the inverse model takes it; None of a model without one.
        belief_poses: (K, 7) now, with belief_sigma (K, 3). belief_values: (K,) now, of what is articulated.
        seen: (K, 3) read from the first camera; None if stale.
        stages_ms: time of each stage; runtime_ms: of it, inside ONNX Runtime. Not part of the outcome.
    """

    status: str
    surprise: float
    stages_ms: Mapping[str, float]
    runtime_ms: float = 0.0
    chunk: Floats | None = None
    trajectory: Trajectory | None = None
    action: Floats | None = None
    aim_target: str | None = None
    aim: Floats | None = None
    plan: str | None = None
    wants: Mapping[str, NDArray[Any]] | None = None
    errors: tuple[GoalError, ...] = ()
    to_go: int | None = None
    states: Floats | None = None
    poses: Floats | None = None
    sigma: Floats | None = None
    joints: Floats | None = None
    contact: Floats | None = None
    values: Floats | None = None
    cost: float | None = None
    candidates: Floats | None = None
    belief_poses: Floats | None = None
    belief_sigma: Floats | None = None
    belief_values: Floats | None = None
    seen: Floats | None = None
    sensed: Floats | None = None

    def believed(self, index: int, target: Target) -> Floats | None:
        """Where a target is now: (3,) m, or (1,) in its unit if it is articulated; None where that is not known."""
        if self.unknown(index):
            return None
        if target.kind == "articulated":
            return None if self.belief_values is None else self.belief_values[index : index + 1]
        return None if self.belief_poses is None else self.belief_poses[index, :3]

    def unknown(self, target: int) -> bool:
        """Whether nothing is known of where a target is, because it was never reported."""
        return self.belief_sigma is not None and bool(self.belief_sigma[target].max() >= UNKNOWN)


@dataclass(frozen=True, eq=False)
class PriorRollout(ByValue):
    """How it usually goes on: actions (H, C), imagined states (H, S), and poses (H, K, 7) where there are targets."""

    chunk: Floats
    states: Floats
    poses: Floats | None = None


@dataclass(frozen=True, eq=False)
class Imagined(ByValue):
    """Futures of N candidates: states (N, H, S), contact (N, H, 1) N, joints (N, H, J) of a contract with joints, poses
    (N, H, K, 7) and sigma (N, H, K, 3) m of one with targets, values (N, H, K) of one with articulated ones."""

    states: Floats
    joints: Floats | None = None
    contact: Floats | None = None
    poses: Floats | None = None
    sigma: Floats | None = None
    values: Floats | None = None

    def way(self, index: int, target: Target) -> tuple[Floats, Floats] | None:
        """Where a target is imagined, and its standard deviation.

        Args:
            index: of it in the contract.

        Returns:
            (N, H, 3) each, m; (N, H, 1) in its unit of one that is articulated. None of a model that imagines none.
        """
        if self.poses is None or self.sigma is None:
            return None
        if target.kind != "articulated":
            return self.poses[:, :, index, :3], self.sigma[:, :, index]
        return None if self.values is None else (self.values[:, :, index, None], self.sigma[:, :, index, :1])


@dataclass(frozen=True, eq=False)
class Decoded(ByValue):
    """Imagined states as senses, by stream name.

    Args:
        pictures: of each camera that is imagined, (B, H, W, 3) uint8; the first camera of the contract comes first.
        senses: all others; microphones as log-mel.
    """

    pictures: Mapping[str, NDArray[np.uint8]]
    senses: Mapping[str, NDArray[Any]]

    @property
    def frames(self) -> NDArray[np.uint8] | None:
        """Pictures of the first camera; None without one."""
        return next(iter(self.pictures.values()), None)
