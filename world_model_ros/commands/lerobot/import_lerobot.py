"""``world-model import-lerobot``: converts a LeRobot data set to bags."""

from __future__ import annotations

import argparse
from pathlib import Path

from world_model_ros.commands.output import show

_UNKNOWN = "the contract does not know it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, help="folder of a LeRobot data set, v2.0, v2.1 or v3")
    parser.add_argument("--contract", required=True, help="robot contract: name or .yaml file")
    parser.add_argument("--out", type=Path, required=True, help="folder for the bags, one an episode")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FROM:=TO",
        help="a joint or camera of the data set is one of the contract",
    )
    parser.add_argument(
        "--units",
        action="append",
        default=[],
        metavar="[JOINT:=]UNIT",
        help="of the numbers, which LeRobot does not say: radians, degrees, metres, millimetres, fraction, percent",
    )


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.commands.lerobot.libraries import need_lerobot
    from world_model_ros.commands.replay import topic_names
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.core.progress import progress_bar

    need_lerobot()
    from world_model_ros.core.errors import UserError
    from world_model_ros.lerobot.importer import import_episodes, import_plan
    from world_model_ros.lerobot.layout import LerobotDataset, LostEpisode

    contract = load_contract(arguments.contract)
    data = LerobotDataset(arguments.dataset)
    plan = import_plan(data, contract, topic_names(arguments.map), arguments.units)
    done = list(
        progress_bar(import_episodes(data, contract, plan, arguments.out), unit="episode", total=len(data.episodes()))
    )
    bags = [str(each) for each in done if not isinstance(each, LostEpisode)]
    lost = [each for each in done if isinstance(each, LostEpisode)]
    if not bags:
        why = "".join(f"; {each}" for each in lost[:1])
        raise UserError("data set", str(arguments.dataset), f"one episode at least that can be read{why}")
    notes = [*data.notes, *plan.notes]
    lines = [f"{len(bags)} bags in {arguments.out}", *(str(each) for each in lost), *notes]
    lines += [
        f"{feature}: ignored, " + ("depth" if feature in data.pictures() and data.is_depth(feature) else _UNKNOWN)
        for feature in plan.ignored
    ]
    result = {"robot": contract.name, "version": data.version, "fps": data.fps, "bags": bags}
    result |= {"failed": {each.name: each.reason for each in lost}, "notes": notes}
    result |= {"cameras": sorted(plan.cameras), "ignored": list(plan.ignored), "units": dict(plan.scaling.units)}
    show(result, arguments.json, lines)
    return 2 if lost else 0
