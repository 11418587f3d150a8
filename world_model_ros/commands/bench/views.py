"""``world-model bench views``: measures how much showing the imagined futures slows down the brain's ticks."""

from __future__ import annotations

import argparse

from world_model_ros.commands.output import at_least, show
from world_model_ros.commands.robot_and_model import add_robot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_robot(parser, "contract of a simulated arm")
    parser.add_argument("--blocks", type=int, default=10, help="with and without views, each (%(default)s)")
    parser.add_argument("--block", type=float, default=10.0, help="length of one in s (%(default)s)")
    parser.add_argument("--seed", type=at_least(0), default=0)


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.core.errors import UserError
    from world_model_ros.nodes.probes.view_probe import view_campaign

    if arguments.blocks < 1:
        raise UserError("blocks", arguments.blocks, "1 or more")
    if not arguments.block >= 1.0:
        raise UserError("block", arguments.block, "1 or more")
    result = view_campaign(arguments.robot, arguments.blocks, arguments.block, arguments.seed)
    lines = [
        f"{kind}: a tick takes {result[kind]['tick_ms']:.1f} ms, {result[kind]['missed']:.1%} missed"
        for kind in ("off", "on")
    ]
    low, high = result["median_change_range"]
    lines.append(
        f"looking changes the median tick by {result['median_change']:+.1%} (blocks {low:+.1%} to {high:+.1%})"
    )
    show(result, arguments.json, lines)
    return 0
