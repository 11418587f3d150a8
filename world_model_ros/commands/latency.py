"""``world-model latency``: prints how far the images, touch, poses and values of a bag lag behind joint motion."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import add_robot_of_bag, contract_for_bag


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bag", type=Path, help="recording in which the robot starts and stops, half a minute of it")
    add_robot_of_bag(parser)


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bags.latency import stream_lags

    contract = contract_for_bag(arguments.robot, arguments.bag)
    notes: list[str] = []
    lags = stream_lags(arguments.bag, contract, notes.append)
    lines = []
    for lag in lags:
        behind = "the joints" if contract.joint_names else lag.behind
        stated = contract.source(lag.stream).latency_s
        line = f"{lag.stream}: {lag.seconds * 1e3:+.0f} ms behind {behind}, correlation {lag.correlation:.2f}"
        if not lag.sure:
            line += f" ({lag.elsewhere:.2f} elsewhere); too little to tell"
        else:
            advice = f"deployment.streams: {lag.stream}: latency_s: {max(lag.seconds, 0.0):.3f}"
            line += f"; the contract says {stated:g}" + ("" if abs(stated - lag.seconds) < 0.02 else f"  -> {advice}")
        lines.append(line)
    result = {"robot": contract.name, "lags": [asdict(lag) | {"sure": lag.sure} for lag in lags]}
    lines = [*(lines or ["no other sense that shows its motion is in the bag"]), *notes]
    show({**result, "notes": notes}, arguments.json, lines)
    return 0 if lags else 1
