"""``world-model shadow``: watches a running robot, commands nothing, and prints how well a model predicts it."""

from __future__ import annotations

import argparse
from typing import Any

from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import add_model, add_robot, contract_and_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_robot(parser)
    add_model(parser)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to watch (%(default)s)")
    parser.add_argument("--use-sim-time", action="store_true", help="the robot's time is on /clock")


def run(arguments: argparse.Namespace) -> int:
    import os

    from world_model_ros.bringup.domain import middleware_environment
    from world_model_ros.core.errors import UserError

    if not 1.0 <= arguments.seconds <= 86400.0:
        raise UserError("seconds", arguments.seconds, "1 to 86400")
    contract_and_bundle(arguments)  # a mistake is said before ROS starts
    os.environ.update(middleware_environment("shared_memory"))
    from world_model_ros.nodes.shadow.run import watch

    parameters = {"robot": arguments.robot, "model": arguments.model, "provider": arguments.provider}
    report = watch(parameters, arguments.seconds, arguments.use_sim_time)
    show(report, arguments.json, _lines(report))
    return 0 if sum(report["looks"].values()) else 1


def _lines(report: dict[str, Any]) -> list[str]:
    looks, surprise = report["looks"], report["surprise"]
    lines = [
        f"{report['robot']} watched with {report['model']}: {report['ticks']} ticks; commands from"
        f" {', '.join(report['actions_from']) or 'nothing'}",
        f"{looks['moving']} looks back while it moved, {looks['still']} while it stood",
        f"surprise: half of the ticks under {surprise['p50']}, {_percent(surprise['over_1'])} over 1 (1% is usual)",
    ]
    if not sum(looks.values()):
        return [*lines, f"nothing to judge: {report['waiting']}"]
    for group in ("moving", "still"):
        if not report[group]:
            continue
        lines += [f"while {group}:", f"  {'s ahead':>24} {_row(report['horizon_s'])}"]
        for name, signal in report[group].items():
            unit = signal["unit"].split(",")[0]
            title = name if name.endswith(unit) else f"{name}, {unit}"
            lines.append(f"  {title:>24} {_row(signal['model'])}")
            lines.append(f"  {'copying the last':>24} {_row(signal['copy_last'])}")
            lines.append(f"  {'model better':>24} {_row([_percent(each) for each in signal['model_better']])}")
    return lines


def _row(values: list[Any]) -> str:
    return " ".join(
        f"{value:>9.4g}" if isinstance(value, float) else f"{value if value else '-':>9}" for value in values
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
