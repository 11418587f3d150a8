"""Success of the shipped brain in closed loop, each task in a scene of its own, with controls beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.closed_loop import Blackout, ClosedLoop, TaskResult
from world_model_ros.evaluate.oracle import Oracle
from world_model_ros.evaluate.statistics import wilson
from world_model_ros.evaluate.task import TaskKind
from world_model_ros.runtime.brain import Brain
from world_model_ros.runtime.bundle import Bundle

# Stricter than the demo's where that is generous.
STRICT_M: dict[TaskKind, float] = {"pose": 0.02, "image": 0.02, "push": 0.035, "push_image": 0.035}
CONTROLS = ("random", "oracle", "vision_only")


def run_episodes(
    kind: TaskKind,
    seeds: Sequence[int],
    contract: Contract,
    bundle: Bundle,
    provider: str = "auto",
    control: str | None = None,
    unplugged: tuple[str, ...] = (),
    blackout: Blackout | None = None,
    progress: Callable[[], object] | None = None,
) -> list[TaskResult]:
    """One task for each seed, each in a fresh scene.

    Args:
        control: one of `CONTROLS` in place of the brain with all its senses.
        unplugged: streams that send nothing at all.
        blackout: streams that fall silent on the way.
    """
    brain = Brain(bundle, contract, provider, policy="random" if control == "random" else "model")
    oracle = Oracle(contract) if control == "oracle" else None
    if control == "vision_only":
        others = (s.name for s in contract.interface.streams if s.kind in ("microphone", "taxels", "wrench"))
        unplugged = tuple({*unplugged, *others})
    results = []
    for seed in seeds:
        loop = ClosedLoop(contract, brain, seed, unplugged)
        try:
            results.append(loop.run(kind, tolerance_m=STRICT_M[kind], blackout=blackout, oracle=oracle))
        finally:
            loop.rig.robot.close()
        if progress is not None:
            progress()
    return results


def task_scores(results: Sequence[TaskResult], first_seed: int) -> dict[str, Any]:
    """Success with its Wilson interval, median error and median time of those that were reached."""
    reached = [result for result in results if result.verdict.reached]
    low, high = wilson(len(reached), len(results))
    return {
        "episodes": len(results),
        "first_seed": first_seed,
        "success": round(len(reached) / len(results), 4),
        "ci95": [round(low, 4), round(high, 4)],
        "tolerance_m": results[0].task.tolerance_m,
        "median_error_m": round(float(np.median([result.verdict.error_m for result in results])), 4),
        "median_seconds": round(float(np.median([r.verdict.seconds for r in reached])), 2) if reached else None,
        "missed_seeds": [first_seed + i for i, result in enumerate(results) if not result.verdict.reached],
    }
