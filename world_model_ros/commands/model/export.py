"""``world-model export``: exports a trained checkpoint, or a bundle with a changed planner, as a model bundle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show
from world_model_ros.core.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument("training", type=Path, help="folder that train wrote, or a bundle to export anew")
    parser.add_argument("--out", type=Path, help="folder of the bundle; models/<name> without it")
    parser.add_argument("--name", help="name of the bundle; the robot's without it, or that of the bundle")
    parser.add_argument("--robot", help="of a bundle: contract, name or .yaml file; the one that it names without it")
    parser.add_argument("--candidates", type=int, help="of the planner's first iteration, or chunks of a macro step")
    parser.add_argument("--macro-steps", type=int, help="of a model that plans by chunks: how many it looks ahead")
    parser.add_argument("--noise", type=float, help="of a model that plans by chunks: under 1, more usual ones")
    parser.add_argument("--every", type=int, help="of a model that plans by chunks: ticks between two plans")
    parser.add_argument(
        "--threads", type=int, default=0, help="of the CPU; 0 measures what is quickest now (%(default)s)"
    )
    parser.add_argument("--exporter", help="dynamo or torchscript; dynamo without it, where onnxscript is installed")
    parser.add_argument("--solver", help="icem, mppi or module:Class; of a model of chunks also beam or behaviour")
    parser.add_argument(
        "--objective", help="what a plan is judged by: goal, or module:Class of your own, found from this folder too"
    )
    parser.add_argument("--decay", type=float, help="how many times fewer candidates each later iteration has")
    parser.only("of a bundle; a checkpoint has its contract", lambda found: not _trained(found.training), "robot")
    parser.only("of a folder that train wrote", lambda found: _trained(found.training), "threads")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bundle.bundle import require_replaceable
    from world_model_ros.bundle.manifest import require_name
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.core.files import folder_for
    from world_model_ros.core.installation.share_folder import share_folder
    from world_model_ros.core.progress import stage
    from world_model_ros.learning.export.model_export import checkpoint_contract
    from world_model_ros.learning.export.onnx_exporter import exporter_named
    from world_model_ros.learning.export.publish import bundle_to_export, check_planner, export
    from world_model_ros.learning.training.threads import take_threads

    require_name(arguments.name)
    planner = _planner(arguments)
    exporter_named(arguments.exporter)  # a mistake is said before minutes of calibration
    out: Path | None = arguments.out
    if out is not None:
        require_replaceable(folder_for("out", out))
    if _trained(arguments.training):
        check_planner(arguments.training, planner)
        if not arguments.threads:
            stage("measures with how many threads this machine is quickest")
        choice = take_threads(arguments.threads)
        stage(f"threads: {choice.threads}, {choice.reason}")
        if out is None:
            out = share_folder("models") / (arguments.name or checkpoint_contract(arguments.training / "model.pt").name)
    elif out is None:
        bundle_to_export(arguments.training)
        raise UserError("out", None, "a folder for the new bundle")
    contract = None if arguments.robot is None else load_contract(arguments.robot)
    manifest = export(
        arguments.training, out, arguments.name, contract=contract, exporter=arguments.exporter, **planner
    )
    result = {
        "model": manifest.name,
        "folder": str(out),
        "kind": manifest.kind,
        "robot": manifest.robot,
        "graphs": sorted(manifest.graphs),
        "scores": manifest.scores,
    }
    lines = [f"{out}: {manifest.kind} bundle for {manifest.robot} with graphs {', '.join(sorted(manifest.graphs))}"]
    lines += [f"  {name} {value:.4g}" for name, value in manifest.scores.items()]
    show(result, arguments.json, lines)
    return 0


def _trained(folder: Path) -> bool:
    return (folder / "model.pt").is_file()


def _planner(arguments: argparse.Namespace) -> dict[str, Any]:
    from world_model_ros.planning.objective import objective_named

    named = {"solver": arguments.solver, "objective": arguments.objective}
    given = {"samples": arguments.candidates, "decay": arguments.decay, **named}
    given |= {"macro_steps": arguments.macro_steps, "every": arguments.every, "noise": arguments.noise}
    for name, least in (("candidates", 1), ("decay", 1.0), ("macro_steps", 1), ("every", 1), ("noise", 0.0)):
        value = getattr(arguments, name)
        if value is not None and not value >= least:
            raise UserError(name, value, f"{least} or more")
    if arguments.objective is not None:
        sys.path.insert(0, str(Path.cwd()))
        objective_named(arguments.objective)
    return {name: value for name, value in given.items() if value is not None}
