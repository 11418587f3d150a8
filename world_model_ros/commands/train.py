"""``world-model train``."""

from __future__ import annotations

import argparse
from pathlib import Path

from world_model_ros.commands.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bags", nargs="+", type=Path, help="bags, or folders with bags")
    parser.add_argument("--robot", default="tabletop_arm", help="contract: name or .yaml file (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/train"), help="folder to write (%(default)s)")
    parser.add_argument("--steps", type=int, nargs=2, metavar=("ONE", "TWO"), help="gradient steps of the two stages")
    parser.add_argument("--resume", type=Path, help="a stage1.pt: train only the second stage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes that read bags (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.learning.dataset import build_cache, find_bags
    from world_model_ros.learning.train import TrainConfig, train

    contract = load_contract(arguments.robot)
    bags = find_bags(arguments.bags)
    cache = build_cache(contract, bags, arguments.out / "cache", arguments.workers)
    steps = tuple(arguments.steps) if arguments.steps else TrainConfig.steps
    train(contract, cache, arguments.out, TrainConfig(steps=steps, seed=arguments.seed), arguments.resume)
    checkpoint = arguments.out / "model.pt"
    result = {"robot": contract.name, "bags": len(bags), "ticks": len(cache.fresh), "checkpoint": str(checkpoint)}
    show(result, arguments.json, [f"{len(bags)} bags, {len(cache.fresh)} ticks; wrote {checkpoint}"])
    return 0
