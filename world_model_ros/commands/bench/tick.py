"""``world-model bench tick``: prints the time of live ticks by stage, or with --soak tests whether memory grows."""

from __future__ import annotations

import argparse
from typing import Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import add_model, add_robot, bundle_for


def add_arguments(parser: Parser) -> None:
    add_robot(parser)
    add_model(parser)
    parser.add_argument("--threads", type=int, default=1, help="of the planner on a CPU (%(default)s)")
    parser.add_argument("--rate", type=float, default=0.0, help="ticks a second; 0: the contract's, else its multiple")
    parser.add_argument("--ticks", type=int, default=200, help="how many, live (%(default)s)")
    parser.add_argument(
        "--soak", type=int, default=0, metavar="TICKS", help="so many without a pause or middleware: what has grown?"
    )
    parser.only("without --soak", lambda found: not found.soak, "rate", "ticks")


def run(arguments: argparse.Namespace) -> int:
    """With ``--soak``, exit status 0 only if nothing grew."""
    from world_model_ros.bench.report import report
    from world_model_ros.bench.speed.made_up_senses import with_camera_size
    from world_model_ros.bench.speed.soak import soak
    from world_model_ros.brain.interleaving import turns_of
    from world_model_ros.bundle.provider import provider_named
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar

    for name in ("threads", "ticks"):
        if getattr(arguments, name) < 1:
            raise UserError(name, getattr(arguments, name), "1 or more")
    contract = with_camera_size(load_contract(arguments.robot))
    turns_of(arguments.rate, contract)
    bundle = bundle_for(contract, arguments)
    provider = str(provider_named(arguments.provider))
    about = {"robot": contract.name, "model": bundle.manifest.name, "provider": provider, "threads": arguments.threads}
    if arguments.soak:
        with progress_bar(total=arguments.soak, unit=" ticks") as bar:
            found = soak(bundle, contract, provider, arguments.threads, arguments.soak, bar.update)
        result = report(**about, repeats=arguments.soak, **found)
        show(result, arguments.json, _soak_lines(result))
        return 1 if result["grows"] else 0
    from world_model_ros.bench.speed.tick import tick_times
    from world_model_ros.nodes.probes.tick_probe import live_ticks

    records = live_ticks(contract, str(bundle.folder), provider, arguments.threads, arguments.ticks, arguments.rate)
    result = report(**about, repeats=len(records), **tick_times(records))
    show(result, arguments.json, _lines(result))
    return 0


def _lines(result: dict[str, Any]) -> list[str]:
    lines = [f"{result['ticks']} ticks, {result['missed']} missed; {result['model']}, {result['provider']}"]
    for name, times in result["stages_ms"].items():
        lines.append(f"  {name:12} {times['p50']:8.3f} ms   p99 {times['p99']:8.3f}")
    return [*lines, f"{100 * result['share_in_runtime']:.1f} % inside ONNX Runtime"]


def _soak_lines(result: dict[str, Any]) -> list[str]:
    return [
        f"{result['repeats']} ticks: objects {result['blocks_per_tick']:+.4f} a tick, memory"
        f" {result['bytes_per_tick']:+.1f} bytes a tick in the second half",
        "something grows" if result["grows"] else "nothing grows",
    ]
