"""``world-model``: the command line. Each subcommand is a module in `world_model_ros.commands`.

Exit status: 0 done, 1 done but the answer is no (a goal missed, a model that does not fit), 2 a mistake in the input.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "demo": "run the simulated robot, the brain, the gate and the view, and judge whether goals are reached",
    "collect": "record bags of the simulated robot at work",
    "train": "train a model from bags",
    "export": "make a model bundle of a trained checkpoint",
    "check": "say whether a model bundle fits a robot, and what does not",
    "evaluate": "pursue goals for many seeds in simulation, faster than real time, and say how many were reached",
    "replay": "run a model over a recorded bag, and draw what it imagined beside what happened",
    "info": "say what is installed: ROS, middleware, providers, GPU, robots, models",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status."""
    parser = argparse.ArgumentParser(prog="world-model", description="A world-model brain for ROS 2 robots.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    words = list(sys.argv[1:] if arguments is None else arguments)
    wanted = next((word for word in words if not word.startswith("-")), "")
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == wanted:  # the others are not imported
            importlib.import_module(f"world_model_ros.commands.{name}").add_arguments(subparser)
            subparser.add_argument("--json", action="store_true", help="print one JSON object for machines")
    parsed = parser.parse_args(words)

    from world_model_ros.core.errors import UserError

    try:
        return int(importlib.import_module(f"world_model_ros.commands.{parsed.command}").run(parsed))
    except UserError as error:
        print(f"world-model {parsed.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
