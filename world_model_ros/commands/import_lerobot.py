"""``world-model import-lerobot``."""

from __future__ import annotations

import argparse
from pathlib import Path

from world_model_ros.commands.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, help="folder of a LeRobot data set, v2.1 or v3")
    parser.add_argument("--contract", required=True, help="robot contract: name or .yaml file")
    parser.add_argument("--out", type=Path, required=True, help="folder for the bags, one an episode")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FROM:=TO",
        help="a joint or camera of the data set is one of the contract",
    )


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from world_model_ros.commands.lerobot import need_lerobot
    from world_model_ros.commands.replay import topic_names
    from world_model_ros.contract.contract import load_contract

    need_lerobot()
    from world_model_ros.bags.lerobot_import import import_episodes, import_plan
    from world_model_ros.bags.lerobot_layout import LerobotDataset

    contract = load_contract(arguments.contract)
    data = LerobotDataset(arguments.dataset)
    plan = import_plan(data, contract, topic_names(arguments.map))
    bags = [str(path) for path in tqdm(import_episodes(data, contract, plan, arguments.out), unit="episode")]
    lines = [f"{len(bags)} bags in {arguments.out}"]
    lines += [f"{feature}: ignored, the contract does not know it" for feature in plan.ignored]
    result = {"robot": contract.name, "version": data.version, "fps": data.fps, "bags": bags}
    show(result | {"cameras": sorted(plan.cameras), "ignored": list(plan.ignored)}, arguments.json, lines)
    return 0
