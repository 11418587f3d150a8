"""Modules that gather columns of a state, or pairs of them, in one operation, which keeps exported graphs fast.

A graph of few large operations is faster than one of many small ones, in training and in ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from world_model_ros.learning.behaviour.state.layout import folded, turned_by


class Columns(nn.Module):
    """Reads columns (..., R) -> (..., K), or (..., P, K) of P places with K columns each.

    Args:
        columns: one list of K, or P of them.
    """

    def __init__(self, columns: Sequence[int] | Sequence[Sequence[int]]) -> None:
        super().__init__()
        index = torch.tensor(columns, dtype=torch.long)
        self.shape = tuple(index.shape)
        self.register_buffer("index", index.flatten(), persistent=False)
        self.index: Tensor

    def __len__(self) -> int:
        return self.shape[0]

    def forward(self, values: Tensor) -> Tensor:
        """What stands there."""
        return values.index_select(-1, self.index).reshape(*values.shape[:-1], *self.shape)


class Pairs(nn.Module):
    """Reads places, each with another: `first` and `second` (..., P, K).

    Args:
        pairs: two slices of K columns each.
    """

    def __init__(self, pairs: Sequence[tuple[slice, slice]]) -> None:
        super().__init__()
        self.first = Columns([list(range(one.start, one.stop)) for one, _ in pairs])
        self.second = Columns([list(range(other.start, other.stop)) for _, other in pairs])

    def __len__(self) -> int:
        return len(self.first)


class Turns(Pairs):
    """Says how far each thing is turned from another.

    Args:
        turns: columns of the cosine and sine of both, and how often the second is folded into the first.
    """

    def __init__(self, turns: Sequence[tuple[slice, slice, int]]) -> None:
        super().__init__([(one, other) for one, other, _ in turns])
        self.folds = [fold for _, _, fold in turns]

    def forward(self, values: Tensor, others: Tensor) -> Tensor:
        """Cosine and sine (N, P, 2) of what is in the first columns of ``values``, from the second of ``others``."""
        turn, other = self.first(values), self.second(others)
        folds = sorted(set(self.folds))
        found = [folded(other, fold) for fold in folds]
        if len(folds) > 1:  # each its own
            found = [torch.stack([found[folds.index(fold)][:, row] for row, fold in enumerate(self.folds)], 1)]
        return turned_by(turn, found[0] * torch.tensor([1.0, -1.0], device=turn.device))
