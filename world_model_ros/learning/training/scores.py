"""Scores a world model on held-out episodes; warns of collapsed codes, ignored streams, bad regions, missing labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.data.windows import Windows
from world_model_ros.learning.model.filtering import filter_states, imagine
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training.config import TrainConfig
from world_model_ros.learning.training.imagined_ticks import farthest

_MOVED_M = 0.02
_COLLAPSED = 0.05  # spread of a code, of which each component has about unit variance
_IGNORED = 0.002  # relative change of the belief when a stream is taken away


@torch.no_grad()
def score(
    model: WorldModel, held_out: Windows, config: TrainConfig, codes: dict[str, Tensor] | None
) -> dict[str, float]:
    """Errors on held-out episodes with all senses: targets now, seen, at the end of the horizon, and far beyond it.

    The last two where they move, next to those of thinking that they stand still.
    """
    if not len(held_out.starts):
        return {}
    model.eval()
    batch = held_out.draw(64, np.random.default_rng(1), codes, model, drop=False)
    _, posteriors = filter_states(model, batch)
    states, out = _ahead(model, batch, posteriors, config.horizon, "end")
    out |= _ahead(model, batch, posteriors, farthest(batch, config), "far")[1]
    if model.targets:
        now = model.positions(states[:, 0]) - batch.labels[:, -config.horizon - 1]
        out |= {f"{t.name}_now_m": float(m) for t, m in zip(model.interface.targets, now.norm(dim=-1).nanmean(0))}
    if model.targets and model.cameras:
        assert batch.frames is not None
        there = batch.sensed[..., model.streams.index(model.cameras[0])].flatten() > 0.5
        miss = (model.seen(batch.frames.flatten(0, 1)) - batch.labels.flatten(0, 1))[there].norm(dim=-1).nanmean(0)
        out |= {f"{target.name}_seen_m": float(m) for target, m in zip(model.interface.targets, miss)}
    for stream in model.joint_streams:
        there = batch.sensed[:, -1, model.streams.index(stream)] > 0.5
        if there.any():
            error = model.senses(states[:, -1])[stream.name] - batch.features[stream.name][:, -1]
            out[f"{stream.name}_end"] = float(error[there, :: len(stream.fields)].abs().mean())  # positions
    model.train()
    return out


def _ahead(
    model: WorldModel, batch: Batch, posteriors: Tensor, ahead: int, name: str
) -> tuple[Tensor, dict[str, float]]:
    """Imagined to the end of the windows: states (B, ahead+1, S), and errors there of the targets that moved."""
    start = torch.full((len(posteriors), 1), batch.fresh.shape[1] - ahead - 1)
    states, out = imagine(model, posteriors, batch.applied, start, ahead)[:, 0], {}
    if model.targets:
        truth = batch.labels[:, -ahead - 1 :]
        error, still = ((end - truth[:, -1]).norm(dim=-1) for end in (model.positions(states[:, -1]), truth[:, 0]))
        for k, target in enumerate(model.interface.targets):
            moved = still[:, k] > _MOVED_M
            if moved.any():
                out[f"{target.name}_{name}_m"] = float(error[moved, k].nanmean())
                out[f"{target.name}_{name}_still_m"] = float(still[moved, k].nanmean())
    return states, out


@torch.no_grad()
def complaints(model: WorldModel, held_out: Windows, config: TrainConfig, codes: dict[str, Tensor] | None) -> list[str]:
    """What a person should know early: a collapsed code, a stream that changes nothing, regions far too small or large.

    Each is one line with the number that it rests on.
    """
    if not len(held_out.starts):
        return []
    model.eval()
    batch = held_out.draw(32, np.random.default_rng(2), codes, model, drop=False)
    found = []
    for camera in model.cameras:
        spread = float(batch.features[camera.name].flatten(0, 1).std(0).mean())
        if spread < _COLLAPSED:
            found.append(f"the code of {camera.name} has collapsed: its spread is {spread:.3f}, of about 1")
    _, believed = filter_states(model, batch)
    for i, stream in enumerate(model.streams):
        if not bool(model.sensed[i]):
            continue
        fresh = batch.fresh.clone()
        fresh[..., i] = 0.0
        _, without = filter_states(model, replace(batch, fresh=fresh))
        change = float((without - believed).norm() / believed.norm())
        if change < _IGNORED:
            found.append(f"{stream.name} is ignored: without it the belief changes by {change:.2%}")
    if model.targets:
        found += _region_complaints(model, batch, believed, config)
        found += [
            f"nothing says where {target.name} is: {label_advice(target.name)}"
            for k, target in enumerate(model.interface.targets)
            if np.isnan(held_out.cache.labels[:, k]).any(-1).all()
        ]
    model.train()
    return found


def label_advice(target: str) -> str:
    """What to do about a target without labels."""
    return f"goals for {target} will be refused; record its label, or leave it out of the contract"


def _region_complaints(model: WorldModel, batch: Batch, believed: Tensor, config: TrainConfig) -> list[str]:
    """Regions before calibration; a factor of two either way is what calibration is for."""
    start = torch.full((len(believed), 1), batch.fresh.shape[1] - config.horizon - 1)
    state = imagine(model, believed, batch.applied, start, config.horizon)[:, 0, -1]
    error = (model.positions(state) - batch.labels[:, -1]) / model.sigma(state, config.horizon)
    ratio = torch.nanmedian((error**2).sum(-1).sqrt(), 0).values / 1.54  # median length of a 3-D unit Gaussian
    return [
        f"the regions of {target.name} are off by a factor of {float(r):.2g} at the end of the horizon"
        for target, r in zip(model.interface.targets, ratio)
        if torch.isfinite(r) and not 0.5 < float(r) < 2.0
    ]
