"""``world-model export``."""

from __future__ import annotations

import argparse
from pathlib import Path

from world_model_ros.commands.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("training", type=Path, help="folder that train wrote")
    parser.add_argument("--out", type=Path, help="folder of the bundle; models/<name> without it")
    parser.add_argument("--name", help="name of the bundle; the robot's without it")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.share import share_folder
    from world_model_ros.learning.export import load_checkpoint
    from world_model_ros.learning.publish import publish

    out: Path | None = arguments.out
    if out is None and (arguments.training / "model.pt").is_file():
        name = arguments.name or load_checkpoint(arguments.training / "model.pt")[1].name
        out = share_folder("models") / name
    manifest = publish(arguments.training, out or Path("models"), arguments.name)
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
