"""How far the senses are from what was predicted a tick before, in units of what is usual in such a situation.

Each sense has its own scale, which depends on what is believed: a push of two newton is usual while something is
pushed, and not at all where nothing is near. And each is looked at twice, as it is and with what usually goes together
taken out (whitened): all bands of a sound grow louder at once, and a knock of a single tone is small beside that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from world_model_ros.contract.schema import Stream
from world_model_ros.learning.batch import Batch
from world_model_ros.learning.losses import filter_states
from world_model_ros.learning.networks import WorldModel
from world_model_ros.learning.windows import Windows

SETTLED_TICKS = 6  # before that a belief is surprised by everything
_BATCH, _RATE = 24, 2e-3
_WHITENING = 30  # batches
_LEAST = -4.5  # logarithm of the smallest innovation that is expected, in units of the data's spread


def innovations(
    model: WorldModel, prior: Tensor, posterior: Tensor, features: Mapping[str, Tensor], fresh: Tensor
) -> Tensor:
    """How wrong the prediction was: (B, 1 + 2 streams), of the targets' positions, of each stream, of each whitened.

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
    errors = [_error(model, stream, prior, features[stream.name]) for stream in model.streams]
    white = [None if e is None else model.whitening(i, e) for i, e in enumerate(errors)]
    for i, error in [*enumerate(errors), *enumerate(white)]:
        found.append(nothing if error is None else _length(error) * fresh[:, i])
    return torch.stack(found, 1)


def _error(model: WorldModel, stream: Stream, prior: Tensor, feature: Tensor) -> Tensor | None:
    """Prediction after a prior (B, S) less the feature (B, n) of a stream; None of one that is not predicted."""
    if all(stream is not each for each in model.sensed_streams()):
        return None
    if stream.kind == "camera":
        return model.code_head(prior) - feature if stream is model.cameras[0] else None
    return model.sense_normalised(stream, prior) - model.sense_target(stream.name, feature)


def expected(model: WorldModel, prior: Tensor) -> Tensor:
    """How large innovations usually are after such a prior (B, S): (B, 1 + 2 streams), 1 of the whitened."""
    out: Tensor = model.expected_head(prior).clamp(_LEAST, -_LEAST).exp()
    return torch.cat([out, torch.ones_like(out[:, 1:])], 1)


def surprise(model: WorldModel, found: Tensor, prior: Tensor) -> Tensor:
    """Innovations (B, n) after a prior (B, S) -> the largest in units of what is usual, (B,).

    Over 1 in one of a hundred usual ticks.
    """
    out: Tensor = (found / expected(model, prior) / model.usual).amax(1)
    return out


class Ticks(NamedTuple):
    """Later ticks of a batch: beliefs before and after the senses (n, S), features (n, ...), freshness (n, streams)."""

    prior: Tensor
    posterior: Tensor
    features: dict[str, Tensor]
    fresh: Tensor

    @classmethod
    def of(cls, model: WorldModel, batch: Batch) -> Ticks:
        late = slice(SETTLED_TICKS, None)
        priors, posteriors = filter_states(model, batch)
        features = {name: value[:, late].flatten(0, 1) for name, value in batch.features.items()}
        fresh = batch.fresh[:, late].flatten(0, 1)
        return cls(priors[:, late].flatten(0, 1), posteriors[:, late].flatten(0, 1), features, fresh)


def settled(model: WorldModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """Innovations (n, 1 + 2 streams) of a batch's later ticks, and the priors (n, S) before them."""
    ticks = Ticks.of(model, batch)
    return innovations(model, ticks.prior, ticks.posterior, ticks.features, ticks.fresh), ticks.prior


@torch.no_grad()
def fit_whitening(model: WorldModel, windows: Windows, codes: dict[str, Tensor] | None, seed: int) -> None:
    """Fit `WorldModel.whitening` to errors in training windows; nothing else is changed."""
    random = np.random.default_rng([seed, 0x3B1])
    parts = [Ticks.of(model, windows.draw(_BATCH, random, codes, model, drop=False)) for _ in range(_WHITENING)]
    for i, stream in enumerate(model.streams):
        errors = [
            error[part.fresh[:, i] > 0.5]
            for part in parts
            if (error := _error(model, stream, part.prior, part.features[stream.name])) is not None
        ]
        if errors:
            model.whitening.fit(i, torch.cat(errors))


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
        mean = expected(model, prior.detach())[:, : len(model.streams) + 1]
        found = found[:, : len(model.streams) + 1]
        known = found > 0
        loss = ((torch.log(mean) + found / mean) * known).sum() / known.sum().clamp(min=1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _length(error: Tensor) -> Tensor:
    return torch.sqrt((error * error).mean(1) + 1e-12)
