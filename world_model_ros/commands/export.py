"""``world-model export``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from world_model_ros.commands.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("training", type=Path, help="folder that train wrote, or a checkpoint (.pt) in it")
    parser.add_argument("--name", help="name of the bundle; the robot's without it")
    parser.add_argument("--out", type=Path, help="folder of the bundle; models/<name> without it")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.core.errors import UserError
    from world_model_ros.learning.calibrate import calibrate
    from world_model_ros.learning.dataset import open_cache
    from world_model_ros.learning.export import export, load_checkpoint
    from world_model_ros.learning.train import TrainConfig, Windows

    checkpoint: Path = arguments.training
    if checkpoint.is_dir():
        checkpoint = checkpoint / "model.pt"
    if not checkpoint.is_file():
        raise UserError("training", str(arguments.training), "a folder with model.pt, or a checkpoint file")
    model, contract = load_checkpoint(checkpoint)
    name = arguments.name or contract.name
    out: Path = arguments.out or Path("models") / name
    calibration: dict[str, Any] = {}
    if (checkpoint.parent / "cache" / "cache.json").is_file():
        cache, config = open_cache(contract, checkpoint.parent / "cache"), TrainConfig()
        calibration = calibrate(model, cache, Windows(contract, cache, config, validation=True), config)
    record = checkpoint.parent / "train.json"
    training: dict[str, Any] = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    manifest = export(
        model,
        contract,
        out,
        name,
        provenance={"training": training.get("config", {})},
        scores=training.get("last", {}),
        calibration=calibration,
    )
    graphs = sorted(manifest.graphs)
    result = {
        "model": name,
        "folder": str(out),
        "kind": manifest.kind,
        "graphs": graphs,
        "bytes": sum(path.stat().st_size for path in out.iterdir()),
        "calibrated": bool(calibration),
        "scores": manifest.scores,
    }
    calibrated = "regions are calibrated on held-out episodes"
    if not calibration:
        calibrated = "regions are NOT calibrated: no cache with labelled targets beside the checkpoint"
    made = f"{out}: {manifest.kind} bundle for {contract.name} with graphs {', '.join(graphs)}"
    show(result, arguments.json, [made, calibrated])
    return 0
