"""Solvers (iCEM, MPPI): search for the cheapest action sequence, unrolled so that one graph call is one plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from world_model_ros.planning.named import class_named

Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Candidates (N, H, C) -> the states that they lead to (N, H, S), and their costs (N,)."""


class Search(NamedTuple):
    """What a solver searches: first candidates, mean, spread and bounds.

    Args:
        proposals: (P, H, C) candidates that are tried before any noise; the first is the warm start.
        mean: (H, C) to sample around.
        reach: (H, C) standard deviation that counts as one.
        low: (H, C) lower bounds of the action.
        high: (H, C) upper bounds.
        noise: (I, N, H, C), coloured, of unit variance; a smaller population takes the first of it.
    """

    proposals: Tensor
    mean: Tensor
    reach: Tensor
    low: Tensor
    high: Tensor
    noise: Tensor


class Planned(NamedTuple):
    """Outcome of a search: the cheapest chunk, what it leads to, and what was looked at.

    Args:
        chunk: (H, C), chosen.
        states: (H, S) that it leads to.
        cost: (1,) of it.
        candidates: (N', H, C) of the last iteration.
        futures: (N', H, S), their states.
    """

    chunk: Tensor
    states: Tensor
    cost: Tensor
    candidates: Tensor
    futures: Tensor


class Solver(nn.Module, ABC):
    """Base of solvers. A subclass gives `forward`, and its settings as a frozen dataclass ``Config``."""

    @dataclass(frozen=True)
    class Config:
        """Settings of every solver.

        Args:
            samples: candidates of the first iteration, N.
            iterations: I.
        """

        samples: int = 40
        iterations: int = 2

    def __init__(self, config: Solver.Config | None = None) -> None:
        super().__init__()
        self.config = self.Config() if config is None else config

    @abstractmethod
    def forward(self, evaluate: Evaluate, search: Search) -> Planned:
        """The cheapest chunk that it finds; never dearer than the cheapest proposal."""


class ICEM(Solver):
    """Cross-entropy method with memory: elites refit the mean and stay candidates (iCEM, Pinneri et al. 2020)."""

    @dataclass(frozen=True)
    class Config(Solver.Config):
        """Settings.

        Args:
            decay: each later iteration has this many times fewer candidates, but two elites' worth.
            elites: how many refit the mean.
            keep: how many of them stay candidates of the next iteration.
            spread: first standard deviation, and its floor, as shares of ``Search.reach``.
        """

        decay: float = 2.0
        elites: int = 10
        keep: int = 3
        spread: tuple[float, float] = (0.8, 0.12)

        def population(self, iteration: int) -> int:
            """Candidates of an iteration, 0 the first."""
            return min(self.samples, max(round(self.samples / self.decay**iteration), 2 * self.elites))

    def __init__(self, config: ICEM.Config | None = None) -> None:
        super().__init__(config)
        self.config: ICEM.Config

    def forward(self, evaluate: Evaluate, search: Search) -> Planned:
        config = self.config
        mean, std, kept = search.mean, config.spread[0] * search.reach, search.proposals
        newest: Planned | None = None
        for i in range(config.iterations):
            drawn = search.noise[i, : config.population(i) - kept.shape[0]] * std + mean
            candidates = torch.maximum(torch.minimum(torch.cat([kept, drawn]), search.high), search.low)
            states, cost = evaluate(candidates)
            _, order = torch.topk(-cost, config.elites)
            elites = candidates[order]
            mean = elites.mean(0)
            std = torch.maximum(elites.std(0), config.spread[1] * search.reach)
            kept = elites[: config.keep]
            # The kept elites are candidates again, so the newest best is never worse than the one before.
            newest = Planned(elites[0], states[order[0]], cost[order[:1]], candidates, states)
        assert newest is not None
        return newest


class MPPI(Solver):
    """Path integral control: the mean is the average of candidates, weighted by their costs (Williams et al. 2017).

    The weight of a candidate is exp(-(J - J_min) / (temperature (J_mean - J_min))): the temperature has no unit, so
    that one value fits goals of any size. The mean and the best so far are candidates of the next iteration.
    """

    @dataclass(frozen=True)
    class Config(Solver.Config):
        """Settings.

        Args:
            temperature: share of the mean excess cost at which a candidate counts 1/e of the best.
            spread: standard deviation of the first and of the last iteration, as shares of ``Search.reach``.
        """

        temperature: float = 0.1
        spread: tuple[float, float] = (0.8, 0.3)

    def __init__(self, config: MPPI.Config | None = None) -> None:
        super().__init__(config)
        self.config: MPPI.Config

    def forward(self, evaluate: Evaluate, search: Search) -> Planned:
        config = self.config
        first, last = config.spread
        mean, kept = search.mean, search.proposals
        newest: Planned | None = None
        for i in range(config.iterations):
            std = search.reach * (first + (last - first) * i / max(config.iterations - 1, 1))
            drawn = search.noise[i, : config.samples - kept.shape[0]] * std + mean
            candidates = torch.maximum(torch.minimum(torch.cat([kept, drawn]), search.high), search.low)
            states, cost = evaluate(candidates)
            order = torch.topk(-cost, 1).indices
            excess = cost - cost.amin()
            weight = torch.softmax(-excess / (config.temperature * excess.mean() + 1e-9), 0)
            mean = (weight[:, None, None] * candidates).sum(0)
            kept = torch.cat([candidates[order], mean[None]])
            newest = Planned(candidates[order[0]], states[order[0]], cost[order], candidates, states)
        assert newest is not None
        return newest


SOLVERS: dict[str, type[Solver]] = {"icem": ICEM, "mppi": MPPI}
"""Solvers by name."""


def solver_named(name: str, *others: str) -> type[Solver]:
    """The solver of that name, or the class that ``module:Class`` names.

    Raises:
        UserError: there is none; ``others`` are legal, too, where it is asked for.
    """
    return class_named("solver", name, SOLVERS, Solver, others)
