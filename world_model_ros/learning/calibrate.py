"""Conformal calibration (Vovk et al. 2005) on held-out episodes.

The 90 % regions hold 90 % of the truths, step by step ahead, and one usual tick in a hundred is surprising.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from world_model_ros.learning.config import TrainConfig
from world_model_ros.learning.dataset import Cache
from world_model_ros.learning.losses import filter_states, imagine
from world_model_ros.learning.networks import WorldModel
from world_model_ros.learning.surprise import innovations, surprise
from world_model_ros.learning.windows import Windows

REGION_SCALE = 2.5003  # radius of the 90 % ball of a 3-D Gaussian, in sigmas
_COVERAGE = 0.9
_USUAL = 0.99
_SETTLED_TICKS = 6  # before that a belief is surprised by everything


@torch.no_grad()
def calibrate(
    model: WorldModel, cache: Cache, windows: Windows, config: TrainConfig, batches: int = 12
) -> dict[str, Any]:
    """Scale sigma so that the ellipsoid of `REGION_SCALE` sigmas holds 90 % of held-out errors. In place.

    The first half of the batches sets the scale, the second half measures the coverage that is reported.
    """
    if not len(windows.starts):
        return {}
    about = calibrate_surprise(model, windows, batches)
    if not model.targets:
        return about
    model.sigma_scale.fill_(1.0)
    random = np.random.default_rng(7)
    scores = torch.stack([_scores(model, windows, config, random) for _ in range(batches)])  # (batches, B, H+1, K)
    fit, test = scores[: batches // 2].flatten(0, 1), scores[batches // 2 :].flatten(0, 1)
    scale = torch.nanquantile(fit, _COVERAGE, dim=0) / REGION_SCALE  # (H+1, K)
    model.sigma_scale[: scale.shape[0]] = scale
    model.sigma_scale[scale.shape[0] :] = scale[-1]
    known = (~torch.isnan(test)).sum(0).clamp(min=1)
    coverage = (test / scale <= REGION_SCALE).sum(0) / known
    return about | {
        "region_scale": REGION_SCALE,
        "coverage": {
            target.name: [round(float(c), 3) for c in coverage[:, k]]
            for k, target in enumerate(model.interface.targets)
        },
    }


@torch.no_grad()
def calibrate_surprise(model: WorldModel, windows: Windows, batches: int) -> dict[str, Any]:
    """Set `WorldModel.usual` on the first half of the batches, in place; the second half says how that holds."""
    model.usual.fill_(1.0)
    random = np.random.default_rng(8)
    found = torch.stack([_innovations(model, windows, random) for _ in range(batches)])  # (batches, n, signals)
    fit, test = found[: batches // 2].flatten(0, 1), found[batches // 2 :].flatten(0, 1)
    scale = torch.quantile(fit, _USUAL, dim=0)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    scale = scale * torch.quantile((fit / scale).amax(1), _USUAL)
    model.usual.copy_(scale)
    return {
        "surprise": {
            "usual_share": _USUAL,
            "share_below_1": round(float((surprise(model, test) <= 1).float().mean()), 4),
        }
    }


def _innovations(model: WorldModel, windows: Windows, random: np.random.Generator) -> torch.Tensor:
    """Of settled ticks of some windows: (n, signals)."""
    batch = windows.draw(64, random, None, model, drop=False)
    priors, posteriors = filter_states(model, batch)
    late = slice(_SETTLED_TICKS, None)
    features = {name: value[:, late].flatten(0, 1) for name, value in batch.features.items()}
    return innovations(
        model,
        priors[:, late].flatten(0, 1),
        posteriors[:, late].flatten(0, 1),
        features,
        batch.fresh[:, late].flatten(0, 1),
    )


def _scores(model: WorldModel, windows: Windows, config: TrainConfig, random: np.random.Generator) -> torch.Tensor:
    """Mahalanobis distance of the truth from the prediction, in sigmas: (B, H+1, K)."""
    batch = windows.draw(64, random, None, model, drop=False)
    _, posteriors = filter_states(model, batch)
    start = windows.length - config.horizon - 1
    states = imagine(model, posteriors, batch.applied, torch.full((64, 1), start), config.horizon)[:, 0]
    out = []
    for ahead in range(config.horizon + 1):
        error = model.positions(states[:, ahead]) - batch.labels[:, start + ahead]
        out.append(((error / model.sigma(states[:, ahead], ahead)) ** 2).sum(-1).sqrt())
    return torch.stack(out, 1)
