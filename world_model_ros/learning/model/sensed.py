"""Input of the belief filter at one tick: features of all streams fused, and the joints that were measured."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Sensed(NamedTuple):
    """What one tick tells the filter.

    Args:
        fused: all streams, (B, hidden).
        joints: measured joint positions, normalised, (B, J).
        there: which of them were measured, (B, J) bool.
    """

    fused: Tensor
    joints: Tensor
    there: Tensor

    def code(self) -> Tensor:
        """Everything sensed as one vector (B, O), for the inverse model: it knows nothing of actions."""
        return torch.cat([self.fused, torch.where(self.there, self.joints, torch.zeros_like(self.joints))], -1)
