"""Conformal calibration (Vovk et al. 2005) on held-out episodes.

The 90 % regions hold 90 % of the truths, step by step ahead, and one usual tick in a hundred is surprising.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from world_model_ros.learning.config import TrainConfig
from world_model_ros.learning.dataset import Cache
from world_model_ros.learning.losses import Batch, filter_states, imagine
from world_model_ros.learning.networks import WorldModel
from world_model_ros.learning.surprise import innovations, surprise
from world_model_ros.learning.windows import Windows

REGION_SCALE = 2.5003  # radius of the 90 % ball of a 3-D Gaussian, in sigmas
_COVERAGE = 0.9
_USUAL = 0.99
_SETTLED_TICKS = 6  # before that a belief is surprised by everything
_WINDOWS = 768  # at most so many of either kind are looked at


@torch.no_grad()
def calibrate(model: WorldModel, cache: Cache, windows: Windows, config: TrainConfig) -> dict[str, Any]:
    """Scale sigma so that the ellipsoid of `REGION_SCALE` sigmas holds 90 % of held-out errors. In place.

    Every other held-out episode sets the scales; the others measure what is reported. With a single one nothing is.
    """
    if not len(windows.starts):
        return {}
    episode = np.searchsorted(cache.begins, windows.starts, side="right") - 1
    odd = np.unique(episode, return_inverse=True)[1] % 2 == 1
    fit, test = windows.starts[~odd], windows.starts[odd]
    about: dict[str, Any] = {"region_scale": REGION_SCALE}
    if model.targets:
        model.sigma_scale.fill_(1.0)
        scores = _scores(model, windows, config, fit)  # (n, H+1, K)
        scale = torch.nanquantile(scores, _COVERAGE, dim=0) / REGION_SCALE  # (H+1, K)
        scale = torch.where(torch.isfinite(scale), scale, torch.ones_like(scale))  # a target without labels
        model.sigma_scale[: scale.shape[0]] = scale
        model.sigma_scale[scale.shape[0] :] = scale[-1]
        if len(test):
            held = _scores(model, windows, config, test)
            known = (~torch.isnan(held)).sum(0).clamp(min=1)
            share = (held <= REGION_SCALE).sum(0) / known
            about["coverage"] = {
                target.name: [round(float(c), 3) for c in share[:, k]]
                for k, target in enumerate(model.interface.targets)
            }
    # The scale of sigma is part of the surprise, so that comes second.
    model.usual.fill_(1.0)
    found = _innovations(model, windows, fit)
    usual = torch.quantile(found, _USUAL, dim=0)
    usual = torch.where(usual > 0, usual, torch.ones_like(usual))
    model.usual.copy_(usual * torch.quantile((found / usual).amax(1), _USUAL))
    if len(test):
        below = (surprise(model, _innovations(model, windows, test)) <= 1).float().mean()
        about["surprise"] = {"usual_share": _USUAL, "share_below_1": round(float(below), 4)}
    return about


def _batches(windows: Windows, model: WorldModel, starts: NDArray[np.int64]) -> Iterator[Batch]:
    """Some windows of all, with every sense that there is."""
    random = np.random.default_rng(7)
    chosen = random.permutation(starts)[:_WINDOWS]
    for begin in range(0, len(chosen), 64):
        yield windows.take(chosen[begin : begin + 64], random, None, model, drop=False)


def _innovations(model: WorldModel, windows: Windows, starts: NDArray[np.int64]) -> torch.Tensor:
    """Of settled ticks: (n, signals)."""
    late, out = slice(_SETTLED_TICKS, None), []
    for batch in _batches(windows, model, starts):
        priors, posteriors = filter_states(model, batch)
        features = {name: value[:, late].flatten(0, 1) for name, value in batch.features.items()}
        states = (priors[:, late].flatten(0, 1), posteriors[:, late].flatten(0, 1))
        out.append(innovations(model, *states, features, batch.fresh[:, late].flatten(0, 1)))
    return torch.cat(out)


def _scores(model: WorldModel, windows: Windows, config: TrainConfig, starts: NDArray[np.int64]) -> torch.Tensor:
    """Mahalanobis distance of the truth from the prediction, in sigmas: (n, H+1, K)."""
    start, out = windows.length - config.horizon - 1, []
    for batch in _batches(windows, model, starts):
        _, posteriors = filter_states(model, batch)
        begin = torch.full((len(posteriors), 1), start)
        states = imagine(model, posteriors, batch.applied, begin, config.horizon)[:, 0]
        steps = []
        for ahead in range(config.horizon + 1):
            error = model.positions(states[:, ahead]) - batch.labels[:, start + ahead]
            steps.append(((error / model.sigma(states[:, ahead], ahead)) ** 2).sum(-1).sqrt())
        out.append(torch.stack(steps, 1))
    return torch.cat(out)
