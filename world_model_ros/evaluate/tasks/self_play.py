"""Runs simulated episodes in which the brain pursues random goals, and records them as bags for the next training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.evaluate.brain_recipe import BrainRecipe
from world_model_ros.evaluate.tasks.closed_loop import ClosedLoop
from world_model_ros.evaluate.tasks.task import TaskKind, task_goal
from world_model_ros.evaluate.tasks.task_draw import draw_task
from world_model_ros.goals.hands import Hands
from world_model_ros.sim.collection.collect import LOST_TICKS, EpisodeResult, Job, finish
from world_model_ros.sim.collection.operators import out_of_reach
from world_model_ros.sim.scenes.draw import Variety, draw_variety

POLICY = "planner"
_PUSH_SHARE = 0.8  # the other goals are places for the fingertip
_TWO_HANDED_SHARE = 0.6


@dataclass(frozen=True)
class Practice:
    """Runs a job of `collect` with a brain in the loop.

    Args:
        model: bundle, name or folder.
    """

    model: str

    def __call__(self, job: Job) -> EpisodeResult:
        contract, brain = BrainRecipe(job.contract, self.model, "cpu").make()
        random = np.random.default_rng([job.seed, 0x9AC7])
        ticks = int(random.integers(60, 91))
        variety = draw_variety(job.scenes, random)
        with job.writer() as writer:
            done = practise(contract, brain, job.seed, ticks, variety, random, writer)
        return finish(job, EpisodeResult(job.name, job.seed, POLICY, done, variety))


def practise(
    contract: Contract,
    brain: Brain,
    seed: int,
    ticks: int,
    variety: Variety,
    random: np.random.Generator,
    writer: BagWriter,
) -> int:
    """Pursue goals, a new one every few seconds, and write what is sensed. Returns the number of ticks."""
    loop = ClosedLoop(contract, brain, seed, variety=variety, make=writer.make, record=writer.write)
    goal: Goal | None = None
    left, lost = 0, 0
    hands = Hands.of(contract.interface.hands)
    try:
        while loop.ticks < ticks:
            if left <= 0:
                goal, left = _goal(contract, loop, random), int(random.integers(15, 40))
            loop.tick(goal)
            left -= 1
            if loop.rig.robot.broken:
                break
            lost = lost + 1 if out_of_reach(hands, loop.places()["object_0"]) else 0
            if lost >= LOST_TICKS:
                break
    finally:
        loop.rig.robot.close()
    return loop.ticks


def _goal(contract: Contract, loop: ClosedLoop, random: np.random.Generator) -> Goal:
    """A push, or where there is no room for one, a place for a fingertip; with several hands, often tasks for two."""
    pushed = random.random() < _PUSH_SHARE
    kinds: list[TaskKind] = ["push", "pose"] if pushed else ["pose"]
    if len(loop.tips()) > 1 and random.random() < _TWO_HANDED_SHARE:
        kinds = ["steady" if pushed else "together", *kinds]
    for kind in kinds:
        try:
            task = draw_task(kind, int(random.integers(1 << 30)), contract, loop.positions())
        except UserError:
            continue
        return task_goal(task, loop.rig.now_ns)
    raise UserError("scene", list(loop.places()), "room for a goal")
