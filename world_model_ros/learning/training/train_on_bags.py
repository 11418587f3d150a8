"""Trains a model on bags: aligns them into a cache, checks data quality, splits off held-out episodes, and trains."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from world_model_ros.bags.storage.find import find_bags, folder_outside
from world_model_ros.contract.contract import Contract, require_contract
from world_model_ros.core.checks import whole
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import path_of
from world_model_ros.learning.behaviour.chunk_run import tolerances
from world_model_ros.learning.behaviour.chunk_run import train_on_cache as train_chunks_on_cache
from world_model_ros.learning.behaviour.chunk_training import ChunkConfig
from world_model_ros.learning.behaviour.state.layout import StateLayout
from world_model_ros.learning.behaviour.state.state_reader import StateReader
from world_model_ros.learning.data.cache import build_cache
from world_model_ros.learning.data.quality import quality_lines, refuse_nonsense
from world_model_ros.learning.training import distributed
from world_model_ros.learning.training.config import TrainConfig
from world_model_ros.learning.training.train import check_settings
from world_model_ros.learning.training.train import train as train_on_cache


def _refuse_chunks(contract: Contract, config: ChunkConfig) -> None:
    """`UserError` of what a model of chunks cannot be trained for, before bags are read."""
    layout = StateReader(contract, yaw_goals=config.yaw_goals).layout
    for group in config.alike:
        layout.exchanged(group)
    tolerances(contract.interface, layout, config)
    if (processes := int(os.environ.get("WORLD_SIZE", "1"))) > 1:
        raise UserError("WORLD_SIZE", processes, "1: a model of chunks is trained by one process")


def _required(contract: Contract, config: TrainConfig | ChunkConfig | None, workers: int) -> TrainConfig | ChunkConfig:
    """The settings, or the usual ones; `UserError` of what is of another type."""
    require_contract(contract)
    whole("workers", workers, 1)
    config = usual_config(contract) if config is None else config
    if not isinstance(config, TrainConfig | ChunkConfig):
        raise UserError("config", config, "a TrainConfig, or a ChunkConfig")
    return config


def train(
    contract: Contract,
    bags: Path | str | Sequence[Path | str],
    out: Path | str,
    config: TrainConfig | ChunkConfig | None = None,
    *,
    workers: int = 2,
    despite_faults: bool = False,
) -> dict[str, Any]:
    """Train a model, and go on where an earlier run in the same folder was interrupted.

    What it finds out about the data is said on standard error, and written to ``out/cache/quality.json`` and
    ``out/split.json``.

    Args:
        contract: of the robot in the bags.
        bags: folders with bags, or bags.
        out: folder of the run; `export` makes a bundle of it.
        config: settings, which say what kind of model it is: `TrainConfig` one that perceives with all senses, and
            `ChunkConfig` one that plans by behaviour, of a robot whose targets are reported by streams. Without it, the
            second where every target is.
        workers: processes that read bags.
        despite_faults: train although the data-quality report speaks against it.

    Returns:
        ``robot``, number of ``bags`` and ``ticks``, and path of the ``checkpoint``.

    Raises:
        UserError: no bag can be read, ``out`` is in one, the data makes no sense, or the contract suits another model.
    """
    out, config = path_of("out", out), _required(contract, config, workers)
    if isinstance(config, ChunkConfig):
        _refuse_chunks(contract, config)
    else:
        check_settings(contract, config)
    found = find_bags([path_of("bags", each) for each in (bags if isinstance(bags, list | tuple) else [bags])])
    folder_outside("out", out, found)
    if isinstance(config, TrainConfig):
        distributed.start(config.device)
    first = not distributed.rank()
    if not first:  # the first process reads the bags; then all find them read
        distributed.wait()
    cache = build_cache(contract, found, out / "cache", workers, config.held_out)
    if first:
        distributed.wait()
    quality = json.loads((out / "cache" / "quality.json").read_text(encoding="utf-8"))
    if first:
        split = cache.split([row["bag"] for row in quality["rows"]])
        print("\n".join(quality_lines(quality)), file=sys.stderr)
        print(", ".join(f"{part} {len(names)}" for part, names in split.items()), "bags", file=sys.stderr)
        (out / "split.json").write_text(json.dumps(split, indent=1) + "\n", encoding="utf-8")
    if not despite_faults:
        refuse_nonsense(quality)
    if isinstance(config, ChunkConfig):
        train_chunks_on_cache(contract, cache, out, config)
    else:
        train_on_cache(contract, cache, out, config)
    distributed.stop()
    checkpoint = out / "model.pt"
    return {"robot": contract.name, "bags": quality["bags"], "ticks": len(cache.fresh), "checkpoint": str(checkpoint)}


def usual_config(contract: Contract) -> TrainConfig | ChunkConfig:
    """Settings of the kind of model that fits a contract: one that plans by behaviour where streams report targets."""
    try:
        StateLayout.of(contract.interface)
    except UserError:
        return TrainConfig()
    return ChunkConfig()
