"""``world-model evaluate``: the demo's goals for many seeds, in one process and faster than real time."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from world_model_ros.commands.output import show

if TYPE_CHECKING:
    from world_model_ros.evaluate.closed_loop import TaskResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--robot", default="tabletop_arm", help="contract: name or .yaml file (%(default)s)")
    parser.add_argument("--model", default="", help="bundle: name or folder; the one named like the robot without it")
    parser.add_argument("--provider", default="auto", help="auto, cpu, cuda or tensorrt (%(default)s)")
    parser.add_argument("--seeds", default="3000-3019", help="one, or first-last (%(default)s)")
    parser.add_argument("--goals", default="pose,image,push", help="which, in this order (%(default)s)")
    parser.add_argument("--policy", default="model", choices=["model", "random"], help="random is the control")
    parser.add_argument("--unplug", default="", help="comma separated streams or kinds (camera) that send nothing")


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from world_model_ros.bringup.processes import streams_named
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.evaluate.closed_loop import run_tasks
    from world_model_ros.evaluate.task import task_kinds
    from world_model_ros.runtime.brain import Brain
    from world_model_ros.runtime.bundle import load_bundle

    seeds = seeds_from(arguments.seeds)
    kinds = task_kinds(arguments.goals)
    contract = load_contract(arguments.robot)
    bundle = load_bundle(arguments.model or contract.name, contract)
    unplugged = tuple(streams_named(arguments.robot, arguments.unplug))
    brain = Brain(bundle, contract, arguments.provider, policy=arguments.policy)
    begin = time.monotonic()
    found: dict[int, Sequence[TaskResult]] = {}
    for seed in tqdm(seeds, unit="seed"):
        found[seed] = run_tasks(contract, brain, seed, kinds, unplugged)
    result: dict[str, Any] = {
        "robot": contract.name,
        "model": bundle.manifest.name,
        "policy": arguments.policy,
        "unplugged": list(unplugged),
        "seeds": len(seeds),
        "goals": {kind: _score([results[i] for results in found.values()]) for i, kind in enumerate(kinds)},
        "minutes": round((time.monotonic() - begin) / 60, 2),
        "results": [
            {
                "seed": seed,
                "kind": each.task.kind,
                "reached": each.verdict.reached,
                "error_m": round(each.verdict.error_m, 4),
            }
            for seed, results in found.items()
            for each in results
        ],
    }
    lines = [
        f"{kind:6} {score['reached']:3d} of {score['of']} reached, median error {score['median_error_m'] * 100:.1f} cm"
        for kind, score in result["goals"].items()
    ]
    show(result, arguments.json, lines)
    return 0


def seeds_from(text: str) -> range:
    """``7`` or ``3000-3019``, both ends included; `UserError` otherwise."""
    from world_model_ros.core.errors import UserError

    first, _, last = text.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()) or (last and int(last) < int(first)):
        raise UserError("seeds", text, "a number, or first-last")
    return range(int(first), int(last or first) + 1)


def _score(results: Sequence[TaskResult]) -> dict[str, Any]:
    return {
        "reached": sum(result.verdict.reached for result in results),
        "of": len(results),
        "median_error_m": round(float(np.median([result.verdict.error_m for result in results])), 4),
    }
