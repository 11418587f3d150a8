"""``world-model bench``: command group of the benchmarks: gate, tick, live, plan, transport, replay and views."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import add_json, subcommands

MEASURED = {
    "gate": "send the gate valid and invalid commands and faults, and count what it lets through",
    "tick": "where the time of a tick goes, at live rates; or, with --soak, whether anything grows",
    "live": "every process of the demo at once, for minutes: is the rate held, and which process takes what?",
    "plan": "a plan: time, against PyTorch, planners of published sizes and a matrix product; what it grows with",
    "transport": "whether camera images arrive between two processes, and how late",
    "replay": "how fast a bag is replayed",
    "views": "what looking at the futures costs the brain, in alternating blocks",
}


def add_arguments(parser: Parser) -> None:
    for name, subparser in subcommands(parser, "what", MEASURED):
        _module(name).add_arguments(subparser)
        add_json(subparser)


def run(arguments: argparse.Namespace) -> int:
    return int(_module(arguments.what).run(arguments))


def _module(name: str) -> Any:
    return importlib.import_module(f"world_model_ros.commands.bench.{name}")
