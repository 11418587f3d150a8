"""``world-model bench replay``: times the replay of a bag."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import add_model, add_robot, bundle_for


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--bag", type=Path, help="what is replayed; without it, made-up senses at live rates")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of made-up senses (%(default)s)")
    add_robot(parser)
    add_model(parser)
    parser.add_argument("--threads", type=int, default=1, help="of the planner on a CPU (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="how often (%(default)s)")
    parser.only("without --bag", lambda found: found.bag is None, "seconds")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bench.report import report
    from world_model_ros.bench.speed.made_up_senses import with_camera_size
    from world_model_ros.bench.speed.replay import replay_times, write_bag
    from world_model_ros.brain.brain import Brain
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.core.errors import UserError

    for name in ("repeats", "threads"):
        if getattr(arguments, name) < 1:
            raise UserError(name, getattr(arguments, name), "1 or more")
    if not 1.0 <= arguments.seconds <= 86400.0:
        raise UserError("seconds", arguments.seconds, "1 to 86400")
    contract = load_contract(arguments.robot)
    contract = contract if arguments.bag is not None else with_camera_size(contract)
    bundle = bundle_for(contract, arguments)
    brain = Brain(bundle, contract, arguments.provider, arguments.threads)
    with TemporaryDirectory() as folder:
        bag = arguments.bag or write_bag(Path(folder) / "senses", contract, arguments.seconds)
        found = replay_times(bag, contract, brain, arguments.repeats)
    about = {"robot": contract.name, "model": bundle.manifest.name, "provider": brain.provider}
    result = report(**about, threads=arguments.threads, repeats=arguments.repeats, **found)
    show(result, arguments.json, _lines(result))
    return 0


def _lines(result: dict[str, Any]) -> list[str]:
    lines = [f"{result['bag']}: {result['ticks']} ticks, {result['real_time_factor']} times as fast as recorded"]
    lines.append(f"without the model {result['real_time_factor_without_model']} times")
    return lines + [f"  {name:12} {times['p50']:8.3f} ms" for name, times in result["stages_ms"].items()]
