"""Computes surprise: errors of predicted senses and targets, relative to those usual in such a situation, as learned.

Each sense is compared with what was predicted a tick before. It has its own scale, which depends on what is believed: a
push of two newton is usual while something is pushed, and not at all where nothing is near. And each is looked at
twice, as it is and with what usually goes together taken out (whitened): all bands of a sound grow louder at once, and
a knock of a single tone is small compared with that.

Objects are compared with what was expected `LOOK_BACK` ticks ago too. A finger that passes through one is a small
surprise at every single tick, because the belief gives way; only over several does it tell that nothing was moved. Only
what moved less than was expected counts: that something else moved it happens in usual data too, and is felt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from world_model_ros.contract.senses import Stream
from world_model_ros.core.progress import progress_bar
from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.data.windows import Windows
from world_model_ros.learning.model.filtering import filter_states
from world_model_ros.learning.model.world_model import WorldModel

LOOK_BACK = 6  # ticks; a belief younger than that is surprised by everything
_BATCH, _RATE = 24, 2e-3
_WHITENING = 30  # batches
_MIN_LOG_INNOVATION = -4.5  # logarithm of the smallest innovation that is expected, in units of the data's spread


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
    if stream.name in model.sense_heads:
        encoder = model.encoder(stream.name)
        return encoder.missed(model.sense_normalised(stream, prior), encoder.target(feature))
    return model.code_head(prior) - feature if stream is model.cameras[0] else None


def shortfall(model: WorldModel, before: Tensor, since: Tensor, posterior: Tensor) -> Tensor:
    """How much less an object has moved than was expected, in sigmas of the expectation, (B,); the most of all objects.

    Args:
        before: beliefs `LOOK_BACK` ticks ago, (B, S); zeros where there is none, and then nothing is found.
        since: actions since, (B, LOOK_BACK, C). posterior: beliefs now, (B, S).
    """
    if not model.objects:
        return torch.zeros_like(posterior[:, 0])
    state = before
    for tick in range(LOOK_BACK):
        state = model.step(state, since[:, tick])
    begin, sigma = model.positions(before), model.sigma(state, LOOK_BACK)
    expected, came = ((model.positions(each) - begin) / sigma for each in (state, posterior))
    less = (expected.norm(dim=-1) - came.norm(dim=-1)).clamp(min=0.0)[:, model.objects]
    return less.amax(1) * (before.abs().amax(1) > 0)


def signals(model: WorldModel, ticks: Ticks) -> Tensor:
    """All that may surprise, (n, 2 + 2 streams): innovations as multiples of what is expected, and the shortfall."""
    found = innovations(model, ticks.prior, ticks.posterior, ticks.features, ticks.fresh)
    mean = expected(model, ticks.prior)
    less = shortfall(model, ticks.before, ticks.since, ticks.posterior)
    return torch.cat([found[:, : mean.shape[1]] / mean, found[:, mean.shape[1] :], less[:, None]], 1)


def expected(model: WorldModel, prior: Tensor) -> Tensor:
    """How large innovations usually are after such a prior (B, S), but for the whitened: (B, 1 + streams)."""
    out: Tensor = model.expected_head(prior).clamp(_MIN_LOG_INNOVATION, -_MIN_LOG_INNOVATION).exp()
    return out


def surprise(model: WorldModel, ticks: Ticks) -> Tensor:
    """The largest signal in units of what is usual, (n,). Over 1 in one of a hundred usual ticks."""
    out: Tensor = (signals(model, ticks) / model.usual).amax(1)
    return out


class Ticks(NamedTuple):
    """Ticks, in any order, each with what it is judged by.

    Args:
        prior, posterior: beliefs before and after the senses, (n, S).
        features: of the senses, (n, ...). fresh: (n, streams).
        before: beliefs `LOOK_BACK` ticks ago, (n, S), zeros where there is none.
        since: actions since, (n, LOOK_BACK, C).
    """

    prior: Tensor
    posterior: Tensor
    features: dict[str, Tensor]
    fresh: Tensor
    before: Tensor
    since: Tensor

    @classmethod
    def settled(cls, model: WorldModel, batch: Batch) -> Ticks:
        """Ticks of a batch from `LOOK_BACK` on, window by window."""
        priors, posteriors = filter_states(model, batch)
        since = batch.applied[:, 1:].unfold(1, LOOK_BACK, 1).transpose(2, 3)
        late = {name: value[:, LOOK_BACK:].flatten(0, 1) for name, value in batch.features.items()}
        prior, posterior, fresh = (each[:, LOOK_BACK:].flatten(0, 1) for each in (priors, posteriors, batch.fresh))
        return cls(prior, posterior, late, fresh, posteriors[:, :-LOOK_BACK].flatten(0, 1), since.flatten(0, 1))


@torch.no_grad()
def fit_whitening(model: WorldModel, windows: Windows, codes: dict[str, Tensor] | None, seed: int) -> None:
    """Fit `WorldModel.whitening` to errors in training windows; nothing else is changed."""
    random = np.random.default_rng([seed, 0x3B1])
    parts = [Ticks.settled(model, windows.draw(_BATCH, random, codes, model, drop=False)) for _ in range(_WHITENING)]
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
    for step in progress_bar(range(steps), desc="surprise", unit="step", mininterval=5.0):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1.0 - step / steps)
        with torch.no_grad():
            batch = windows.draw(_BATCH, random, codes, model, drop=step % 2 == 0)
            ticks = Ticks.settled(model, batch)
            found = innovations(model, ticks.prior, ticks.posterior, ticks.features, ticks.fresh)
        mean = expected(model, ticks.prior)
        found = found[:, : mean.shape[1]]
        known = found > 0
        loss = ((torch.log(mean) + found / mean) * known).sum() / known.sum().clamp(min=1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _length(error: Tensor) -> Tensor:
    return torch.sqrt((error * error).mean(1) + 1e-12)
