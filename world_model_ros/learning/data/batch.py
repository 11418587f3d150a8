"""A batch of windows for one training step: streams, actions, labels and camera frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B windows of L ticks.

    Args:
        features: from `WorldModel.features`, each (B, L, n).
        fresh: (B, L, streams), after modality dropout.
        sensed: (B, L, streams), before it: where there is something to predict.
        applied: (B, L, C); ``applied[:, t]`` was done between ticks t-1 and t.
        labels: target positions (B, L, K, 3), NaN where unknown.
        frames: images of the first camera, (B, L, H, W, 3) uint8, or None without a camera.
    """

    features: dict[str, Tensor]
    fresh: Tensor
    sensed: Tensor
    applied: Tensor
    labels: Tensor
    frames: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(
            {name: value.to(device) for name, value in self.features.items()},
            self.fresh.to(device),
            self.sensed.to(device),
            self.applied.to(device),
            self.labels.to(device),
            None if self.frames is None else self.frames.to(device),
        )
