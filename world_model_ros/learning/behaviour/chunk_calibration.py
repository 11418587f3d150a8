"""Calibrates a chunk model on held-out episodes: 90 % regions of what is seen and of what is not, and surprise."""

from __future__ import annotations

from typing import Any

import torch

from world_model_ros.core.errors import UserError
from world_model_ros.learning.behaviour.chunk_belief import ChunkBelief, unseen_misses
from world_model_ros.learning.behaviour.chunk_graphs import imagined
from world_model_ros.learning.behaviour.chunk_model import ChunkModel
from world_model_ros.learning.behaviour.play_data import Play

_USUAL = 0.99  # share of ticks whose surprise is under one
_REGION = 0.9
_REGION_SCALE = 2.5  # semi-axes in sigmas, as `bundle.manifest.Calibration` has them
_MEASURED = 4096


@torch.no_grad()
def calibrate(model: ChunkModel, play: Play, episodes: torch.Tensor, horizon: int) -> dict[str, Any]:
    """Set the scale of regions and of surprise from episodes (E',) that did not train; share of regions that hold."""
    at = play.starts(episodes, horizon)
    if len(at) < 2:
        raise UserError("held_out", len(at), f"an episode of more than {horizon + 1} ticks that does not train")
    at = at[torch.randperm(len(at), generator=torch.Generator().manual_seed(3))[:_MEASURED]].sort().values
    half = len(at) // 2  # of other episodes, where there are two
    ratios = _miss(model, play, at, horizon)  # (B, H, E)
    scale = (torch.quantile(ratios[:half], _REGION, dim=0) / _REGION_SCALE).clamp(min=1e-3)
    model.sigma_scale[:horizon] *= scale
    expected = model.imagine_chunk(play.memory(at), play.actions[at][:, None].expand(-1, model.chunk_ticks, -1))
    miss = (play.states[at + 1] - expected[:, 0, : model.layout.size]).abs()
    model.step_miss.copy_(miss.pow(2).mean(0).sqrt().clamp(min=1e-4))
    model.usual_miss.copy_(torch.quantile((miss / model.step_miss).amax(1), _USUAL)[None])
    holds = ((ratios[half:] / scale) <= _REGION_SCALE).float().mean(0)
    names = [entry.name for entry in model.layout.entries]
    return {"region_scale": _REGION_SCALE, "held": {name: holds[:, e].tolist() for e, name in enumerate(names)}}


@torch.no_grad()
def calibrated_belief(
    model: ChunkModel, play: Play, episodes: torch.Tensor, horizon: int
) -> tuple[ChunkBelief, dict[str, Any]]:
    """A belief whose deviations of what is not seen fit episodes (E',) that did not train; share of regions that hold.

    Args:
        horizon: ticks that something is not seen for, at most.
    """
    belief = ChunkBelief(model)
    misses = unseen_misses(belief, play, play.starts(episodes, horizon), horizon)  # (B, H, E)
    half = len(misses) // 2
    scale = (torch.quantile(misses[:half], _REGION, dim=0) / _REGION_SCALE).clamp(min=1e-3)
    holds = ((misses[half:] / scale) <= _REGION_SCALE).float().mean(0)
    names = [entry.name for entry in model.layout.entries]
    return ChunkBelief(model, scale), {"held_unseen": {name: holds[:, e].tolist() for e, name in enumerate(names)}}


def _miss(model: ChunkModel, play: Play, at: torch.Tensor, horizon: int) -> torch.Tensor:
    """By how many spreads each entry is missed at each tick ahead: (B, H, E)."""
    states, spread = imagined(model, play.memory(at), play.chunk(at, horizon))
    truth = play.states[at[:, None] + torch.arange(1, horizon + 1)]
    columns = []
    for number, entry in enumerate(model.layout.entries):
        part = model.layout.place(entry)
        columns.append((states[..., part] - truth[..., part]).norm(dim=-1) / spread[..., number])
    return torch.stack(columns, -1)
