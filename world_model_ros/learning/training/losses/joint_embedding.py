"""Losses of an ablation that predicts codes of the next images, instead of the images and poses themselves.

A joint-embedding predictive architecture after LeJEPA (Balestriero and LeCun 2025): codes of imagined states are to be
the codes of what was then seen, no gradient is stopped, and a sketched test of normality keeps codes from collapsing.
With it goes the inverse model. See docs/model.md for what it scored.
"""

from __future__ import annotations

import torch
from torch import Tensor

from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training.imagined_ticks import Moments

_DIRECTIONS = 64
_POINTS = 17
_WIDEST = 3.0


def joint_embedding_losses(
    model: WorldModel, batch: Batch, moments: Moments, generator: torch.Generator
) -> dict[str, Tensor]:
    """Losses of the codes of imagined states against those of what was then seen."""
    camera = model.cameras[0]
    codes = batch.features[camera.name]
    there = moments.of_window(batch.sensed[..., model.streams.index(camera)])
    error = ((model.code_head(moments.states) - moments.of_window(codes)) ** 2).mean(-1)
    return {
        "embedding": (error * there).mean(),
        "normality": 0.5 * normality(codes.flatten(0, 1), generator),
    }


def normality(codes: Tensor, generator: torch.Generator) -> Tensor:
    """How far codes (n, D) are from a standard normal distribution, on random directions (SIGReg).

    The Epps-Pulley statistic: the squared distance of the characteristic functions, weighted by a Gaussian.
    """
    directions = torch.randn(codes.shape[1], _DIRECTIONS, generator=generator).to(codes.device)
    projected = codes @ (directions / directions.norm(dim=0))  # (n, directions)
    at = torch.linspace(-_WIDEST, _WIDEST, _POINTS, device=codes.device)
    angle = projected[..., None] * at
    normal = torch.exp(-0.5 * at**2)
    distance = (angle.cos().mean(0) - normal) ** 2 + angle.sin().mean(0) ** 2  # (directions, points)
    return (distance * normal).sum(-1).mean() * (at[1] - at[0])
