"""The interface that a world model has to offer a planner: imagination, and heads that read imagined states."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Dynamics(Protocol):
    """A world model that imagines, and heads that read what its states mean.

    States are (N, S), those of candidates (N, H, S). `world_model_ros.learning.model.world_model.WorldModel` is one.
    """

    def imagine(self, memory: Tensor, candidates: Tensor) -> Tensor:
        """States (N, H, S) that action sequences (N, H, C) lead to from a belief (S,)."""
        ...

    def positions(self, state: Tensor) -> Tensor:
        """Where each target is, (N, K, 3) m in the base frame."""
        ...

    def sigmas(self, states: Tensor) -> Tensor:
        """Standard deviation of those positions, (N, H, K, 3) m, for states (N, H, S)."""
        ...

    def senses(self, state: Tensor) -> dict[str, Tensor]:
        """What each stream senses, (N, ...) by its name."""
        ...

    def code_head(self, state: Tensor) -> Tensor:
        """Code of the picture that the first camera sees, (N, D)."""
        ...
