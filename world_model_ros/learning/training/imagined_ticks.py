"""Samples the ticks of a batch that imagination starts from, and pairs each imagined tick with the recorded one."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.training.config import TrainConfig

_SETTLING = 2  # ticks before a belief is imagined from


class Moments(NamedTuple):
    """Imagined ticks of a batch, and where the truth of each stands.

    Args:
        states: (n, S). window, tick: of the batch, (n,).
    """

    states: Tensor
    window: Tensor
    tick: Tensor

    @classmethod
    def of(cls, states: Tensor, starts: Tensor) -> Moments:
        """States (B, P, H+1, S) imagined from the beliefs at the ticks ``starts`` (B, P), the beliefs first."""
        tick = starts[..., None] + torch.arange(states.shape[2], device=starts.device)  # (B, P, H+1)
        window = torch.arange(len(starts), device=starts.device)[:, None, None].expand_as(tick)
        return cls(states.flatten(0, 2), window.flatten(), tick.flatten())

    def of_window(self, values: Tensor) -> Tensor:
        """What a batch has (B, L, ...) at these moments, (n, ...)."""
        return values[self.window, self.tick]

    def some(self, share: float, generator: torch.Generator) -> Moments:
        """A share of them, drawn."""
        if share >= 1.0:
            return self
        count = max(1, round(share * len(self.tick)))
        chosen = torch.randperm(len(self.tick), generator=generator)[:count].to(self.tick.device)
        return Moments(*(each[chosen] for each in self))

    def joined(self, others: Moments) -> Moments:
        """These moments and others."""
        return Moments(*(torch.cat(pair) for pair in zip(self, others)))

    def detach(self) -> Moments:
        """Without gradients to what was imagined."""
        return self._replace(states=self.states.detach())


def draw_starts(batch: Batch, ahead: int, count: int, generator: torch.Generator) -> Tensor:
    """Ticks (B, count) from which there are ``ahead`` more in every window; the belief has settled a little."""
    windows, ticks = batch.fresh.shape[:2]
    return torch.randint(_SETTLING, ticks - ahead, (windows, count), generator=generator).to(batch.fresh.device)


def farthest(batch: Batch, config: TrainConfig) -> int:
    """Ticks of a far imagination: `TrainConfig.far`, or as many as the windows have room for."""
    return min(config.far, batch.fresh.shape[1] - _SETTLING - 1)
