"""``world-model evaluate benchmark NAME``: runs a model on a public benchmark's goals; trains it first on request."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show

if TYPE_CHECKING:
    from world_model_ros.contract.contract import Contract
    from world_model_ros.evaluate.benchmarks.closed_loop import Disturbance


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        default="",
        help="which: ogbench-cube-single, ogbench-cube-double, ogbench-scene; ogbench- may be left out",
    )
    parser.add_argument("--episodes", type=int, help="how many a goal; 50 without it")
    parser.add_argument("--first-seed", type=int, help="of the first episode; 300000 without it")
    parser.add_argument("--goals", default="", help="comma separated numbers; all without it")
    parser.add_argument("--out", type=Path, help="folder of play, training, model and attempts (runs/benchmarks/NAME)")
    parser.add_argument(
        "--train", action="store_true", help="collect play, train and export first; goes on where it was"
    )
    parser.add_argument("--play", type=int, help="episodes of play to train on; 200, of cube-single 100, without it")
    parser.add_argument("--steps", type=int, help="gradient steps of the training; the usual ones without it")
    parser.add_argument("--train-seed", type=int, default=0, help="of the training (%(default)s)")
    parser.add_argument("--noise-mm", type=float, default=0.0, help="of the positions of what is tracked (%(default)s)")
    parser.add_argument(
        "--lost", type=float, default=0.0, help="share of tracked poses that never arrive (%(default)s)"
    )
    parser.add_argument("--late-ms", type=float, default=0.0, help="how late tracked poses arrive (%(default)s)")
    parser.add_argument(
        "--moved", action="store_true", help="a cube is put elsewhere by hand, 1 to 2.5 s after the start"
    )
    parser.only("with --train", lambda found: found.train, "play", "steps", "train_seed")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bundle.bundle import load_bundle
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar
    from world_model_ros.evaluate.benchmarks.benchmark import (
        FIRST_SEED,
        SEEDS,
        attempts_of,
        benchmark_scores,
        goal_numbers,
    )
    from world_model_ros.evaluate.benchmarks.ogbench_tasks import PREFIX
    from world_model_ros.evaluate.benchmarks.play_bags import benchmark_contract

    arguments.name = arguments.name.removeprefix(PREFIX)
    contract, goals = benchmark_contract(arguments.name), goal_numbers(arguments.goals)
    disturbance = _disturbance(arguments)
    out: Path = arguments.out or Path("runs") / "benchmarks" / arguments.name
    if arguments.train and arguments.model:
        raise UserError("train", arguments.model, "--train, or --model of a bundle that there is")
    if arguments.train:
        _train(arguments, contract, out)
    elif not arguments.model and not (out / "model").is_dir():
        raise UserError("model", "", f"--model BUNDLE, or --train, which makes one in {out / 'model'}")
    bundle = load_bundle(arguments.model or out / "model", contract)
    first = FIRST_SEED if arguments.first_seed is None else arguments.first_seed
    seeds = range(first, first + (SEEDS if arguments.episodes is None else arguments.episodes))
    with progress_bar(total=len(goals) * len(seeds), desc=arguments.name, unit="attempt") as bar:
        attempts = attempts_of(
            arguments.name,
            contract,
            bundle,
            goals,
            seeds,
            out / "attempts",
            disturbance,
            arguments.provider,
            arguments.workers,
            bar.update,
        )
    found = benchmark_scores(arguments.name, contract, bundle, attempts)
    found |= {"model": bundle.manifest.name, "disturbance": vars(disturbance)}
    show(found, arguments.json, _lines(found))
    return 0


def _disturbance(arguments: argparse.Namespace) -> Disturbance:
    from world_model_ros.evaluate.benchmarks.closed_loop import Disturbance

    return Disturbance(arguments.noise_mm * 1e-3, arguments.lost, arguments.late_ms * 1e-3, arguments.moved)


def _train(arguments: argparse.Namespace, contract: Contract, out: Path) -> None:
    """Play, training and bundle in ``out``; what is there already is kept."""
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar
    from world_model_ros.evaluate.benchmarks.benchmark import ALIKE, PLAY, TOLERANCE_M
    from world_model_ros.evaluate.benchmarks.play_bags import collect_play
    from world_model_ros.learning.behaviour.chunk_training import ChunkConfig
    from world_model_ros.learning.export.publish import export
    from world_model_ros.learning.training.train_on_bags import train

    episodes = PLAY[arguments.name] if arguments.play is None else arguments.play
    config = ChunkConfig(alike=ALIKE.get(arguments.name, ()), seed=arguments.train_seed, tolerance_m=TOLERANCE_M)
    if arguments.steps is not None:
        if arguments.steps < 1:
            raise UserError("steps", arguments.steps, "1 or more")
        config = replace(config, steps=arguments.steps)
    with progress_bar(total=episodes, desc="play", unit="episode") as bar:
        bags = collect_play(arguments.name, out / "play", episodes, arguments.workers, bar.update)
    train(contract, bags, out / "training", config, workers=arguments.workers)
    export(out / "training", out / "model", contract.name)


def _lines(found: dict[str, Any]) -> list[str]:
    low, high = found["ci95"]
    lines = [
        f"{found['benchmark']}: {found['success']:.1%} of goals reached ({low:.1%} to {high:.1%}), a plan takes"
        f" {found['plan_ms']:.1f} ms"
    ]
    lines += [
        f"  goal {task['goal']}: {task['success']:.0%} of {task['attempts']}"
        + (f", median {task['median_seconds']:.1f} s" if task["median_seconds"] is not None else "")
        for task in found["tasks"]
    ]
    if found["transitions"] is not None:
        lines.append(f"  trained on {found['episodes']} episodes of play, {found['transitions']} transitions")
    return [*lines, "  published: " + ", ".join(f"{name} {share:.0%}" for name, share in found["published"].items())]
