"""``world-model bench live``: runs all processes of the demo on goals, and prints tick rate and CPU use by process."""

from __future__ import annotations

import argparse
from typing import Any

from world_model_ros.commands.output import at_least, show
from world_model_ros.commands.robot_and_model import add_model, add_robot, contract_and_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_robot(parser, "contract of a simulated arm")
    add_model(parser)
    parser.add_argument("--rate", type=float, default=0.0, help="ticks a second; 0: the contract's, else its multiple")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long (%(default)s)")
    parser.add_argument("--goals", default="pose,image,push", help="which, again and again (%(default)s)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the scene and the goals (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bench.report import report
    from world_model_ros.bench.speed.live import live
    from world_model_ros.brain.interleaving import turns_of
    from world_model_ros.bringup.options import SimulationOptions
    from world_model_ros.bundle.provider import provider_named
    from world_model_ros.core.errors import UserError
    from world_model_ros.evaluate.tasks.task import task_kinds

    if not 0.0 < arguments.seconds <= 86400.0:
        raise UserError("seconds", arguments.seconds, "more than 0, up to 86400")
    contract, bundle = contract_and_bundle(arguments)
    provider = str(provider_named(arguments.provider))
    kinds = ",".join(task_kinds(arguments.goals))
    asked_hz = contract.interface.tick_hz * turns_of(arguments.rate, contract)
    about = {"robot": contract.name, "model": bundle.manifest.name, "provider": provider, "asked_hz": asked_hz}
    folder, rate_hz = str(bundle.folder), arguments.rate
    options = SimulationOptions(arguments.robot, folder, provider, rate_hz, seed=arguments.seed)
    found = live(options, arguments.seconds, kinds)
    result = report(**about, repeats=found["ticks"], **found)
    show(result, arguments.json, _lines(result))
    return 0


def _lines(result: dict[str, Any]) -> list[str]:
    lines = [
        f"{result['ticks']} ticks at {result['tick_hz']:.2f} of {result['asked_hz']:g} Hz,"
        f" {result['missed']} missed ({result['missed_share']:.2%});"
        f" {result['reached']} of {result['goals']} goals reached, the gate armed again {result['rearmed']} times"
    ]
    lines += [
        f"  {name:12} {times['p50']:8.3f} ms   p99 {times['p99']:8.3f}" for name, times in result["stages_ms"].items()
    ]
    return lines + [f"  {name:14} {cores:6.3f} cores" for name, cores in result["cores"].items()]
