"""Whitens prediction errors: removes the correlation between them that is usual in the training data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_SHRUNK = 100  # a hundredth of the mean variance is added to every direction


class Whitening(nn.Module):
    """Makes errors of several senses white: uncorrelated, and of variance one in the data that it is fitted to.

    Args:
        sizes: numbers of each sense.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        for i, size in enumerate(sizes):
            self.register_buffer(f"of_{i}", torch.eye(size))

    def forward(self, sense: int, errors: Tensor) -> Tensor:
        """Errors (B, n) of a sense -> (B, n)."""
        return errors @ self._matrix(sense)

    def fit(self, sense: int, errors: Tensor) -> None:
        """Fit to errors (N, n), of which there are enough; too few, or such that never differ, change nothing."""
        if len(errors) <= _SHRUNK or not bool((errors.var(0) > 0).any()):
            return
        spread = torch.cov(errors.double().T).reshape(errors.shape[1], -1)
        spread += spread.diagonal().mean() / _SHRUNK * torch.eye(len(spread)).to(spread)
        root = torch.linalg.cholesky(spread)  # spread = root @ root.T
        self._matrix(sense).copy_(torch.linalg.inv(root).T)

    def _matrix(self, sense: int) -> Tensor:
        matrix = getattr(self, f"of_{sense}")
        assert isinstance(matrix, Tensor)
        return matrix
