"""Calibrates a world model on held-out episodes (conformal, Vovk et al. 2005): its 90 % regions and its surprise.

The 90 % regions hold 90 % of the truths, step by step ahead, and one usual tick in a hundred is surprising.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.data.cache import Cache
from world_model_ros.learning.data.windows import Windows
from world_model_ros.learning.model.filtering import filter_states, imagine
from world_model_ros.learning.model.surprise import Ticks, signals
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training.config import TrainConfig
from world_model_ros.planning.objective import REGION_SCALE

_COVERAGE = 0.9
_USUAL = 0.99
_WINDOWS = 1536  # at most so many of either half are looked at


@torch.no_grad()
def calibrate(model: WorldModel, cache: Cache, windows: Windows, config: TrainConfig) -> dict[str, Any]:
    """Scale sigma so that the ellipsoid of `REGION_SCALE` sigmas holds 90 % of held-out errors. In place.

    All held-out episodes set the scales. What is reported is measured across two halves of them: the scales of either
    half on the other. With a single episode nothing is reported.
    """
    if not len(windows.starts):
        return {}
    episode = np.searchsorted(cache.begins, windows.starts, side="right") - 1
    odd = np.unique(episode, return_inverse=True)[1] % 2 == 1
    halves = [windows.starts[~odd], windows.starts[odd]]
    halves = [half for half in halves if len(half)]
    about: dict[str, Any] = {"region_scale": REGION_SCALE}
    if model.targets:
        model.sigma_scale.fill_(1.0)
        scores = [_scores(model, windows, config, half) for half in halves]  # (n, H+1, K) each
        if len(scores) == 2:
            shares = [_share(scores[0], _scale(scores[1])), _share(scores[1], _scale(scores[0]))]
            about["coverage"] = {
                target.name: [round(float(c), 3) for c in torch.stack(shares).mean(0)[:, k]]
                for k, target in enumerate(model.interface.targets)
            }
        scale = _scale(torch.cat(scores))
        model.sigma_scale[: scale.shape[0]] = scale
        model.sigma_scale[scale.shape[0] :] = scale[-1]
    # The scale of sigma is part of the surprise, so that comes second.
    model.usual.fill_(1.0)
    found = [_signals(model, windows, half) for half in halves]
    if len(found) == 2:
        below = []
        for fit, test in (found, found[::-1]):
            model.usual.copy_(_usual(fit))
            below.append(float(((test / model.usual).amax(1) <= 1).float().mean()))
        about["surprise"] = {"usual_share": _USUAL, "share_below_1": round(sum(below) / 2, 4)}
    model.usual.copy_(_usual(torch.cat(found)))
    return about


def _scale(scores: torch.Tensor) -> torch.Tensor:
    """Of sigma, (H+1, K), from scores (n, H+1, K); 1 for a target without labels."""
    scale = torch.nanquantile(scores, _COVERAGE, dim=0) / REGION_SCALE
    return torch.where(torch.isfinite(scale), scale, torch.ones_like(scale))


def _share(scores: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Of scores (n, H+1, K) within the region once sigma is scaled, (H+1, K)."""
    known = (~torch.isnan(scores)).sum(0).clamp(min=1)
    return (scores <= REGION_SCALE * scale).sum(0) / known


def _usual(found: torch.Tensor) -> torch.Tensor:
    """Multiples (signals,) that are surprising: one tick in a hundred is over any of them, of found (n, signals)."""
    usual = torch.quantile(found, _USUAL, dim=0)
    usual = torch.where(usual > 0, usual, torch.ones_like(usual))
    return usual * torch.quantile((found / usual).amax(1), _USUAL)


def _batches(windows: Windows, model: WorldModel, starts: NDArray[np.int64]) -> Iterator[Batch]:
    """Some windows of all, with every sense that there is."""
    random = np.random.default_rng(7)
    chosen = random.permutation(starts)[:_WINDOWS]
    for begin in range(0, len(chosen), 64):
        yield windows.take(chosen[begin : begin + 64], random, None, model, drop=False)


def _signals(model: WorldModel, windows: Windows, starts: NDArray[np.int64]) -> torch.Tensor:
    """Of settled ticks, (n, signals)."""
    return torch.cat([signals(model, Ticks.settled(model, batch)) for batch in _batches(windows, model, starts)])


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
