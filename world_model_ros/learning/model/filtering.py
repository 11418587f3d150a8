"""Runs a world model over windows of recordings: its beliefs tick by tick, and what it imagines from them."""

from __future__ import annotations

import torch
from torch import Tensor

from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.model.sensed import Sensed
from world_model_ros.learning.model.world_model import WorldModel


def filter_states(model: WorldModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """Run the filter over the windows: priors and posteriors, (B, L, S) each."""
    return filter_sensed(model, batch, sense(model, batch))


def sense(model: WorldModel, batch: Batch) -> Sensed:
    """What the filter takes at each tick, (B, L, ...)."""
    flat = {name: value.flatten(0, 1) for name, value in batch.features.items()}
    sensed = model.sense(flat, batch.fresh.flatten(0, 1))
    return Sensed(*(each.unflatten(0, batch.fresh.shape[:2]) for each in sensed))


def filter_sensed(model: WorldModel, batch: Batch, sensed: Sensed) -> tuple[Tensor, Tensor]:
    """What `filter_states` returns, for senses that are encoded already."""
    windows, ticks = batch.fresh.shape[:2]
    state = torch.zeros(windows, model.state_size, device=batch.fresh.device)
    priors, posteriors = [], []
    for t in range(ticks):
        prior, state = model.update(state, batch.applied[:, t], Sensed(*(each[:, t] for each in sensed)))
        priors.append(prior)
        posteriors.append(state)
    return torch.stack(priors, 1), torch.stack(posteriors, 1)


def imagine(model: WorldModel, posteriors: Tensor, applied: Tensor, starts: Tensor, horizon: int) -> Tensor:
    """From the belief at each start (B, P), imagine ``horizon`` ticks under what was applied: (B, P, horizon+1, S)."""
    rows = torch.arange(starts.shape[0], device=starts.device)[:, None]
    state = posteriors[rows, starts].flatten(0, 1)
    states = [state]
    for h in range(1, horizon + 1):
        state = model.step(state, applied[rows, starts + h].flatten(0, 1))
        states.append(state)
    return torch.stack(states, 1).unflatten(0, starts.shape)
