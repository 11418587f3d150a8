"""``world-model export``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.output import show
from world_model_ros.core.errors import UserError

if TYPE_CHECKING:
    from world_model_ros.runtime.manifest import Manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("training", type=Path, help="folder that train wrote; or a bundle, to be exported anew")
    parser.add_argument("--out", type=Path, help="folder of the bundle; models/<name> without it")
    parser.add_argument("--name", help="name of the bundle; the robot's without it, or that of the bundle")
    parser.add_argument("--robot", help="of a bundle: contract, name or .yaml file; the one that it names without it")
    parser.add_argument("--candidates", type=int, help="of the planner's first iteration")
    parser.add_argument(
        "--threads", type=int, default=0, help="of the CPU; 0 measures what is quickest now (%(default)s)"
    )
    parser.add_argument("--exporter", help="dynamo or torchscript; dynamo without it, where onnxscript is installed")
    parser.add_argument("--solver", help="icem or mppi; icem without it, or that of the bundle")
    parser.add_argument(
        "--objective", help="what a plan is judged by: goal, or module:Class of your own, found from this folder too"
    )
    parser.add_argument("--decay", type=float, help="how many times fewer candidates each later iteration has")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.share import share_folder
    from world_model_ros.learning.export import load_checkpoint
    from world_model_ros.learning.exporter import exporter_named
    from world_model_ros.learning.publish import publish
    from world_model_ros.learning.threads import take_threads

    planner = _planner(arguments)
    exporter_named(arguments.exporter)  # a mistake is said before minutes of calibration
    out: Path | None = arguments.out
    if (arguments.training / "manifest.json").is_file():
        manifest = _anew(arguments, planner)
    else:
        trained = (arguments.training / "model.pt").is_file()
        if trained:  # it is calibrated first, which takes minutes
            choice = take_threads(arguments.threads)
            print(f"threads: {choice.threads}, {choice.reason}", file=sys.stderr)
        if out is None and trained:
            name = arguments.name or load_checkpoint(arguments.training / "model.pt")[1].name
            out = share_folder("models") / name
        manifest = publish(arguments.training, out or Path("models"), arguments.name, planner, arguments.exporter)
    result = {
        "model": manifest.name,
        "folder": str(out),
        "kind": manifest.kind,
        "robot": manifest.robot,
        "graphs": sorted(manifest.graphs),
        "scores": manifest.scores,
    }
    lines = [f"{out}: {manifest.kind} bundle for {manifest.robot} with graphs {', '.join(sorted(manifest.graphs))}"]
    lines += [f"  {name} {value}" for name, value in manifest.scores.items()]
    show(result, arguments.json, lines)
    return 0


def _planner(arguments: argparse.Namespace) -> dict[str, Any]:
    from world_model_ros.planning.objective import objective_named
    from world_model_ros.planning.solver import solver_named

    named = {"solver": arguments.solver, "objective": arguments.objective}
    given = {"samples": arguments.candidates, "decay": arguments.decay, **named}
    for name, least in (("candidates", 1), ("decay", 1.0)):
        value = getattr(arguments, name)
        if value is not None and not value >= least:
            raise UserError(name, value, f"{least} or more")
    if arguments.solver is not None:
        solver_named(arguments.solver)
    if arguments.objective is not None:
        sys.path.insert(0, str(Path.cwd()))
        objective_named(arguments.objective)
    return {name: value for name, value in given.items() if value is not None}


def _anew(arguments: argparse.Namespace, planner: dict[str, Any]) -> Manifest:
    """Export a bundle with the graphs of this version."""
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.learning.publish import republish
    from world_model_ros.runtime.bundle import load_bundle, read_manifest

    out: Path | None = arguments.out
    if out is None or out.resolve() == arguments.training.resolve():
        raise UserError("out", None if out is None else str(out), "another folder than that of the bundle")
    contract = load_contract(arguments.robot or read_manifest(arguments.training).robot)
    return republish(
        load_bundle(str(arguments.training), contract), contract, out, arguments.name, planner, arguments.exporter
    )
