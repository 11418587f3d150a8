"""Loads the checkpoint of a trained world model, and exports it as a bundle, with a planner if it commands a robot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from world_model_ros.bundle.manifest import Manifest
from world_model_ros.bundle.manifest import Sizes as BundleSizes
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.learning.export.bundle_writer import write_bundle
from world_model_ros.learning.export.graph_modules import (
    Decode,
    Inverse,
    NamedGraph,
    Perceive,
    Plan,
    Policy,
    ReadGoal,
    Rollout,
)
from world_model_ros.learning.model.surprise import LOOK_BACK
from world_model_ros.learning.model.world_model import Sizes, WorldModel
from world_model_ros.planning.planner import PlanConfig

_NOISE_BETA = 2.0


def checkpoint_kind(path: Path) -> str:
    """What kind of model a file of weights is of: ``senses``, or ``chunks`` (`world_model_ros.learning.behaviour`)."""
    return str(torch.load(path, weights_only=True).get("kind", "senses"))


def checkpoint_contract(path: Path) -> Contract:
    """The contract that a file of weights was made for."""
    return contract_from_text(torch.load(path, weights_only=True)["contract"], str(path))


def load_checkpoint(path: Path) -> tuple[WorldModel, Contract]:
    """Weights and contract as `train.save` wrote them; `UserError` of those of another version."""
    state = torch.load(path, weights_only=True)
    contract = contract_from_text(state["contract"], str(path))
    model = WorldModel(contract.interface, Sizes())
    try:
        model.load_state_dict(state["weights"])
    except RuntimeError as error:
        raise UserError("weights", str(path), f"weights of this version ({' '.join(str(error).split())})") from error
    return model.eval(), contract


def export(
    model: WorldModel,
    contract: Contract,
    out: Path,
    name: str,
    config: PlanConfig | None = None,
    provenance: dict[str, Any] | None = None,
    scores: dict[str, Any] | None = None,
    calibration: dict[str, Any] | None = None,
    exporter: str | None = None,
) -> Manifest:
    """Write ``out/manifest.json``, the graphs and ``weights.bin``; an ``act`` bundle if it commands a robot.

    Args:
        exporter: see `learning.export.onnx_exporter.exporter_named`.
    """
    config = config or PlanConfig()
    kind = "act" if contract.deployment.command is not None else "watch"
    about = {"parameters": sum(p.numel() for p in model.parameters()), **(provenance or {})}
    with model.settled():
        return write_bundle(
            out,
            contract,
            _modules(model, config, kind),
            _sizes(model, config),
            name,
            free=free_sizes(model),
            planner={**config.as_dict(), "beta": _NOISE_BETA},
            provenance=about,
            scores=scores,
            calibration=calibration,
            exporter=exporter,
        )


def _sizes(model: WorldModel, config: PlanConfig) -> BundleSizes:
    return BundleSizes(
        state=model.state_size,
        memory=model.state_size,
        code=model.sizes.code,
        horizon=config.horizon,
        candidates=config.search.samples,
        iterations=config.search.iterations,
    )


def free_sizes(model: WorldModel) -> dict[str, int]:
    """Sizes of inputs that the contract leaves open."""
    observed = model.observation_size
    return {"since": LOOK_BACK - 1, "sensed": observed, "sensed_next": observed}


def _modules(model: WorldModel, config: PlanConfig, kind: str) -> dict[str, NamedGraph]:
    modules: dict[str, NamedGraph] = {"perceive": Perceive(model), "rollout": Rollout(model)}
    modules |= {"inverse": Inverse(model), "policy": Policy(model, config)}
    if model.cameras:
        modules["decode"] = Decode(model)
    if kind == "act":
        modules["plan"] = Plan(model, config)
        if model.cameras:
            modules["goal"] = ReadGoal(model)
    return modules
