"""Measures success of a brain, or a control such as an oracle, on simulated tasks, and the cost of losing a sense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from world_model_ros.brain.brain import Policy
from world_model_ros.bundle.bundle import Bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.parallel import spread
from world_model_ros.evaluate.brain_recipe import BrainRecipe
from world_model_ros.evaluate.statistics import paired_difference, wilson
from world_model_ros.evaluate.tasks.closed_loop import Blackout, ClosedLoop, TaskResult
from world_model_ros.evaluate.tasks.oracle import oracle_for
from world_model_ros.evaluate.tasks.table_tasks import SCENES, TABLE_TOLERANCES
from world_model_ros.evaluate.tasks.task import LIFTS, PUSHES, TaskKind
from world_model_ros.evaluate.tasks.task_draw import LIFTED_M, draw_task
from world_model_ros.sim.scenes.draw import Variety

# Stricter than the demo's where that is generous.
STRICT_M = dict.fromkeys(get_args(TaskKind), 0.02) | dict.fromkeys(PUSHES, 0.035) | dict.fromkeys(LIFTS, LIFTED_M)
STRICT_M |= TABLE_TOLERANCES
_MOST_RIGHT = 3  # of the five things of a messy table
CONTROLS = ("random", "oracle", "vision_only")


@dataclass(frozen=True)
class Conditions:
    """Under which episodes are run.

    Args:
        control: one of `CONTROLS` in place of the brain with all its senses.
        unplugged: streams that send nothing at all.
        blackout: streams that fall silent on the way.
        variety: how much scenes differ.
        turns: ticks in a step of the model.
    """

    control: str | None = None
    unplugged: tuple[str, ...] = ()
    blackout: Blackout | None = None
    variety: Variety = "plain"
    turns: int = 1


@dataclass(frozen=True)
class _Job:
    """One episode; travels to another process."""

    kind: TaskKind
    seed: int
    contract: Contract
    brain: BrainRecipe | None
    conditions: Conditions


def try_tasks(
    kinds: Sequence[TaskKind], seed: int, contract: Contract, variety: Variety, controls: Sequence[str] = ()
) -> None:
    """`UserError` of a kind of task that the robot cannot be given, or an oracle that cannot move it, without running.

    Of one kind alone its first episode says the same.
    """
    if "oracle" in controls:
        oracle_for(contract)
    for kind in kinds[1:]:
        loop = ClosedLoop(contract, None, seed, variety=variety, wish=SCENES.get(kind))
        try:
            draw_task(kind, seed, contract, loop.positions())
        finally:
            loop.rig.robot.close()


def run_episodes(
    kind: TaskKind,
    seeds: Sequence[int],
    contract: Contract,
    bundle: Bundle | None,
    provider: str = "auto",
    conditions: Conditions | None = None,
    workers: int = 1,
    progress: Callable[[], object] | None = None,
) -> list[TaskResult]:
    """One task for each seed, each in a fresh scene; results in the order of the seeds.

    Args:
        bundle: of the brain; an oracle needs none.
        workers: processes; the results do not depend on it.
    """
    conditions = conditions or Conditions()
    policy: Policy = "random" if conditions.control == "random" else "model"
    recipe = None if bundle is None else BrainRecipe.of(contract, bundle, provider, policy)
    results = []
    for result in spread(_run, [_Job(kind, seed, contract, recipe, conditions) for seed in seeds], workers):
        results.append(result)
        if progress is not None:
            progress()
    return results


def _run(job: _Job) -> TaskResult:
    conditions = job.conditions
    contract = job.contract
    brain = None if conditions.control == "oracle" or job.brain is None else job.brain.make()[1]
    unplugged = conditions.unplugged
    if conditions.control == "vision_only":
        streams = contract.interface.streams
        others = (each.name for each in streams if not each.is_picture and not isinstance(each, JointStream))
        unplugged = tuple({*unplugged, *others})
    oracle = oracle_for(contract) if conditions.control == "oracle" else None
    wish = SCENES.get(job.kind)
    loop = ClosedLoop(contract, brain, job.seed, unplugged, conditions.variety, turns=conditions.turns, wish=wish)
    try:
        return loop.run(job.kind, tolerance_m=STRICT_M[job.kind], blackout=conditions.blackout, oracle=oracle)
    finally:
        loop.rig.robot.close()


def task_scores(results: Sequence[TaskResult], first_seed: int) -> dict[str, Any]:
    """Success with its Wilson interval, median error, jerk, median time of those that were reached, and in how many
    something broke. Of a messy table also ``tidied``: of each episode how many things are right, and what broke; and in
    which share three or more are right.

    ``dark_error_m``: how far the object of the task was believed to be from where it was while a sense was silent, mean
    over episodes; None if none was, or no task was about an object.
    """
    dark = [result.dark_error_m for result in results if result.dark_error_m is not None]
    reached = [result for result in results if result.verdict.reached]
    jerks = [result.jerk_m_s3 for result in results if np.isfinite(result.jerk_m_s3)]
    low, high = wilson(len(reached), len(results))
    return {
        "episodes": len(results),
        "first_seed": first_seed,
        "success": round(len(reached) / len(results), 4),
        "ci95": [round(low, 4), round(high, 4)],
        "tolerance_m": results[0].task.tolerance_m,
        "median_error_m": round(float(np.median([result.verdict.error_m for result in results])), 4),
        "median_seconds": round(float(np.median([r.verdict.seconds for r in reached])), 2) if reached else None,
        "median_jerk_m_s3": round(float(np.median(jerks)), 2) if jerks else None,
        "broken": sum(bool(result.broken) for result in results),
        "missed_seeds": [first_seed + i for i, result in enumerate(results) if not result.verdict.reached],
        "dark_error_m": round(float(np.mean(dark)), 4) if dark else None,
    } | _tidied(results, first_seed)


def _tidied(results: Sequence[TaskResult], first_seed: int) -> dict[str, Any]:
    counts = [len(result.right) for result in results if result.right is not None]
    if len(counts) < len(results):
        return {}
    most = sum(count >= _MOST_RIGHT for count in counts)
    low, high = wilson(most, len(counts))
    return {
        "three_right": round(most / len(counts), 4),
        "three_right_ci95": [round(low, 4), round(high, 4)],
        "tidied": [
            {"seed": first_seed + i, "right": count, "broken": list(result.broken)}
            for i, (count, result) in enumerate(zip(counts, results))
        ],
    }


def loss_scores(whole: Sequence[TaskResult], lost: Sequence[TaskResult], first_seed: int) -> dict[str, Any]:
    """What it costs to lose a sense, seed by seed: ``lost`` are the same seeds as ``whole``, with the sense silent.

    ``success_lost`` is a share with its paired 95 % interval.
    """
    before = [result.verdict.reached for result in whole]
    after = [result.verdict.reached for result in lost]
    share, low, high = paired_difference(before, after)
    return task_scores(lost, first_seed) | {
        "success_lost": round(share, 4),
        "success_lost_ci95": [round(low, 4), round(high, 4)],
    }
