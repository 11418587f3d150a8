"""``world-model collect``: records training bags of the simulated robot, driven by scripted policies or a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from world_model_ros.commands.output import at_least, show
from world_model_ros.commands.robot_and_model import add_robot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_robot(parser)
    parser.add_argument("--out", type=Path, default=Path("runs/bags"), help="folder for the bags (%(default)s)")
    parser.add_argument("--episodes", type=int, default=100, help="how many there are in the end (%(default)s)")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument(
        "--scenes",
        default="curriculum",
        help="plain, varied, cluttered, or curriculum for all of them (%(default)s); the curriculum also silences one"
        " sense, never the joints, for 0.3 to 3 s in four episodes of ten: silenced in episode.json",
    )
    parser.add_argument(
        "--model", default="", help="bundle, name or folder, that acts in place of the hand-made policies"
    )


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.sim.collection.collect import collect

    contract = load_contract(arguments.robot)
    practice = None
    if arguments.model:
        from world_model_ros.bundle.bundle import load_bundle
        from world_model_ros.evaluate.tasks.self_play import Practice

        practice = Practice(str(load_bundle(arguments.model, contract).folder))
    episodes = collect(
        contract, arguments.out, arguments.episodes, arguments.seed, arguments.workers, arguments.scenes, practice
    )
    ticks = sum(episode.ticks for episode in episodes)
    minutes = ticks / contract.interface.tick_hz / 60.0
    lost = sum(bool(episode.lost) for episode in episodes)
    broken = sum(bool(episode.broken) for episode in episodes)
    result = {
        "robot": contract.name,
        "out": str(arguments.out),
        "episodes": len(episodes),
        "ticks": ticks,
        "lost": lost,
        "broken": broken,
    }
    lines = [f"{len(episodes)} episodes, {minutes:.1f} minutes of robot time, in {arguments.out}"]
    lines += [f"{lost} of them ended before their time: an object was out of reach"] if lost else []
    lines += [f"{broken} of them ended before their time: an object broke"] if broken else []
    show(result, arguments.json, lines)
    return 0
