"""How far the senses are from what was predicted a tick before, in units of what is usual in such a situation.

Each sense has its own scale, which depends on what is believed: a push of two newton is usual while something is
pushed, and not at all where nothing is near.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from world_model_ros.learning.batch import Batch
from world_model_ros.learning.losses import filter_states
from world_model_ros.learning.networks import WorldModel
from world_model_ros.learning.windows import Windows

SETTLED_TICKS = 6  # before that a belief is surprised by everything
_BATCH, _RATE = 24, 2e-3
_LEAST = -4.5  # logarithm of the smallest innovation that is expected, in units of the data's spread


def innovations(
    model: WorldModel, prior: Tensor, posterior: Tensor, features: Mapping[str, Tensor], fresh: Tensor
) -> Tensor:
    """How wrong the prediction was: (B, 1 + streams), first of the targets' positions, then of each stream.

    Zero for a stream that is not fresh, that training never had, or of a camera after the first.

    Args:
        prior, posterior: beliefs before and after the senses, (B, S).
        features: of the senses, (B, n). fresh: (B, streams).
    """
    nothing = torch.zeros_like(prior[:, 0])
    found = [nothing]
    if model.targets:
        moved = (model.positions(prior) - model.positions(posterior)) / model.sigma(prior, 1)
        found = [_length(moved.flatten(1))]
    sensed = {stream.name for stream in model.sensed_streams()}
    for i, stream in enumerate(model.streams):
        feature = features[stream.name]
        if stream.name not in sensed or (stream.kind == "camera" and stream is not model.cameras[0]):
            found.append(nothing)
            continue
        if stream.kind == "camera":
            error = model.code_head(prior) - feature
        else:
            error = model.sense_normalised(stream, prior) - model.sense_target(stream.name, feature)
        found.append(_length(error) * fresh[:, i])
    return torch.stack(found, 1)


def expected(model: WorldModel, prior: Tensor) -> Tensor:
    """How large innovations usually are after such a prior (B, S): (B, 1 + streams)."""
    out: Tensor = model.expected_head(prior).clamp(_LEAST, -_LEAST).exp()
    return out


def surprise(model: WorldModel, found: Tensor, prior: Tensor) -> Tensor:
    """Innovations (B, n) after a prior (B, S) -> the largest in units of what is usual, (B,).

    Over 1 in one of a hundred usual ticks.
    """
    out: Tensor = (found / expected(model, prior) / model.usual).amax(1)
    return out


def settled(model: WorldModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """Innovations (n, 1 + streams) of a batch's later ticks, and the priors (n, S) before them."""
    late = slice(SETTLED_TICKS, None)
    priors, posteriors = filter_states(model, batch)
    features = {name: value[:, late].flatten(0, 1) for name, value in batch.features.items()}
    prior, posterior = priors[:, late].flatten(0, 1), posteriors[:, late].flatten(0, 1)
    return innovations(model, prior, posterior, features, batch.fresh[:, late].flatten(0, 1)), prior


def fit_expected(model: WorldModel, windows: Windows, codes: dict[str, Tensor] | None, steps: int, seed: int) -> None:
    """Train `WorldModel.expected_head` on the innovations of training windows, in place; nothing else is changed.

    The likelihood is that of an exponential distribution, whose mean is what is expected.
    """
    random = np.random.default_rng([seed, 0x5A9])
    optimizer = torch.optim.AdamW(model.expected_head.parameters(), _RATE, weight_decay=1e-4)
    for step in tqdm(range(steps), desc="surprise", unit="step", mininterval=5.0):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1.0 - step / steps)
        with torch.no_grad():
            batch = windows.draw(_BATCH, random, codes, model, drop=step % 2 == 0)
            found, prior = settled(model, batch)
        mean = expected(model, prior.detach())
        known = found > 0
        loss = ((torch.log(mean) + found / mean) * known).sum() / known.sum().clamp(min=1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _length(error: Tensor) -> Tensor:
    return torch.sqrt((error * error).mean(1) + 1e-12)
