"""Conformal calibration: the 90 % regions hold 90 % of held-out truths, step by step ahead (Vovk et al. 2005)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from world_model_ros.learning.dataset import Cache
from world_model_ros.learning.losses import filter_states, imagine
from world_model_ros.learning.networks import WorldModel
from world_model_ros.learning.train import TrainConfig, Windows

REGION_SCALE = 2.5003  # radius of the 90 % ball of a 3-D Gaussian, in sigmas
_COVERAGE = 0.9


@torch.no_grad()
def calibrate(
    model: WorldModel, cache: Cache, windows: Windows, config: TrainConfig, batches: int = 12
) -> dict[str, Any]:
    """Scale sigma so that the ellipsoid of `REGION_SCALE` sigmas holds 90 % of held-out errors. In place.

    The first half of the batches sets the scale, the second half measures the coverage that is reported.
    """
    if not model.targets or not len(windows.starts):
        return {}
    model.sigma_scale.fill_(1.0)
    random = np.random.default_rng(7)
    scores = torch.stack([_scores(model, windows, config, random) for _ in range(batches)])  # (batches, B, H+1, K)
    fit, test = scores[: batches // 2].flatten(0, 1), scores[batches // 2 :].flatten(0, 1)
    scale = torch.nanquantile(fit, _COVERAGE, dim=0) / REGION_SCALE  # (H+1, K)
    model.sigma_scale[: scale.shape[0]] = scale
    model.sigma_scale[scale.shape[0] :] = scale[-1]
    known = (~torch.isnan(test)).sum(0).clamp(min=1)
    coverage = (test / scale <= REGION_SCALE).sum(0) / known
    return {
        "region_scale": REGION_SCALE,
        "coverage": {
            target.name: [round(float(c), 3) for c in coverage[:, k]]
            for k, target in enumerate(model.interface.targets)
        },
    }


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
