"""Exports a training run as a bundle after calibrating and scoring it on held-out episodes, or a bundle anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from world_model_ros.bundle.bundle import (
    Bundle,
    find_bundle,
    known_bundles,
    load_bundle,
    read_manifest,
    require_replaceable,
)
from world_model_ros.bundle.manifest import Manifest, require_name
from world_model_ros.contract.contract import Contract, load_contract, require_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import folder_for, is_file, path_of
from world_model_ros.core.progress import stage
from world_model_ros.learning.behaviour.chunk_run import BeamConfig, load_chunks, publish_chunks
from world_model_ros.learning.data.cache import open_cache
from world_model_ros.learning.data.windows import Windows
from world_model_ros.learning.export.model_export import checkpoint_kind, load_checkpoint
from world_model_ros.learning.export.model_export import export as export_model
from world_model_ros.learning.export.restore import plan_config, restored_model
from world_model_ros.learning.training.calibration import calibrate
from world_model_ros.learning.training.config import TrainConfig
from world_model_ros.learning.training.scores import score
from world_model_ros.planning.planner import PlanConfig


def export(
    source: Path | str,
    out: Path | str,
    name: str | None = None,
    *,
    contract: Contract | None = None,
    exporter: str | None = None,
    **planner: Any,
) -> Manifest:
    """Write the bundle of a training run, or a bundle anew with the graphs of this version.

    Args:
        source: folder that `train` wrote; it is calibrated first, which takes minutes. Or a bundle, by name or folder.
        out: folder of the bundle: new, empty, or that of another bundle, which is replaced.
        name: of the bundle; the robot's without it, or that of the bundle.
        contract: of a bundle's robot; the one that it names without it.
        exporter: see `learning.export.onnx_exporter.exporter_named`.
        planner: settings of `PlanConfig.but`: ``objective``, ``solver``, ``samples``, ``risk_weight``, ... Of a model
            that plans by chunks those of `world_model_ros.learning.behaviour.chunk_run.BeamConfig`.

    Raises:
        UserError: it is neither, ``out`` holds something else, it does not fit the contract, or no part of a planner
            has such a setting.
    """
    source, out = path_of("source", source), require_replaceable(folder_for("out", out))
    require_name(name)
    if contract is not None:
        require_contract(contract)
    if is_file(source / "model.pt"):
        if checkpoint_kind(source / "model.pt") == "chunks":
            stage("calibrates on held-out episodes")
            return publish_chunks(source, out, name, planner, exporter)
        return publish(source, out, name, planner, exporter)
    folder = bundle_to_export(source)
    if out.resolve() == folder:
        raise UserError("out", str(out), "another folder than that of the bundle")
    contract = contract or load_contract(read_manifest(folder).robot)
    return republish(load_bundle(folder, contract), contract, out, name, planner, exporter)


def check_planner(run: Path, planner: Mapping[str, Any]) -> None:
    """`UserError` of settings that no planner of a training run's model has, before anything takes long."""
    if checkpoint_kind(run / "model.pt") != "chunks":
        _ = PlanConfig().but(**planner)
    else:
        BeamConfig().but(**planner).require(load_chunks(run / "model.pt")[0].chunk_ticks)


def bundle_to_export(source: Path) -> Path:
    """Folder of a bundle, by name or path. `UserError` that says what can be exported where there is none."""
    try:
        return find_bundle(source)
    except UserError as error:
        legal = (
            f"a folder with model.pt, as `world-model train` writes it, or a bundle: its folder or {known_bundles()}"
        )
        raise UserError("training", str(source), legal) from error


def publish(
    run: Path,
    out: Path,
    name: str | None = None,
    planner: dict[str, Any] | None = None,
    exporter: str | None = None,
) -> Manifest:
    """Write the bundle of a run.

    Args:
        run: folder that `train` wrote: ``model.pt``, ``train.json`` and ``cache/``.
        out: folder of the bundle.
        name: of the bundle; the robot's without it.
        planner: settings of `PlanConfig` that differ from the usual ones; it looks as far ahead as was trained.
        exporter: see `learning.export.onnx_exporter.exporter_named`.
    """
    if not (run / "model.pt").is_file():
        raise UserError("run", str(run), "a folder with model.pt, as `world-model train` writes it")
    model, contract = load_checkpoint(run / "model.pt")
    provenance: dict[str, Any] = {}
    training = TrainConfig()
    if (run / "train.json").is_file():
        provenance["training"] = json.loads((run / "train.json").read_text())
        training = TrainConfig(**provenance["training"]["config"])
    config = PlanConfig(horizon=training.horizon).but(**(planner or {}))  # before minutes of calibration
    scores, calibration = {}, {}
    if (run / "cache" / "cache.json").is_file():
        cache = open_cache(contract, run / "cache", training.held_out)
        held_out = Windows(contract, cache, training.length[1], validation=True)
        stage(f"calibrates regions and surprise on {int(np.sum(cache.validation))} held-out episodes")
        calibration = calibrate(model, cache, held_out, training)
        stage("scores predictions of them")
        scores = {key: round(value, 5) for key, value in score(model, held_out, training, None).items()}
        model.eval()
        provenance |= {
            "episodes": len(cache.begins) - 1,
            "ticks": len(cache.fresh),
            "held_out_episodes": int(np.sum(cache.validation)),
            "labelled_ticks": {
                target.name: int(cache.known(k).sum()) for k, target in enumerate(contract.interface.targets)
            },
        }
    about = provenance, scores, calibration, exporter
    return export_model(model, contract, out, name or contract.name, config, *about)


def republish(
    bundle: Bundle,
    contract: Contract,
    out: Path,
    name: str | None,
    planner: dict[str, Any],
    exporter: str | None = None,
) -> Manifest:
    """Write a bundle anew with the graphs of this version and the same weights, scores and calibration.

    Args:
        planner: settings of `PlanConfig` that differ from the bundle's.
        exporter: see `learning.export.onnx_exporter.exporter_named`.
    """
    manifest = bundle.manifest
    model, config = restored_model(bundle, contract), plan_config(bundle).but(**planner)
    about = manifest.provenance, manifest.scores, manifest.calibration.model_dump()
    return export_model(model, contract, out, name or manifest.name, config, *about, exporter)
