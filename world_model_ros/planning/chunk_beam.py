"""Planners for models of action chunks: a beam search over chunks of learned behaviour, and two baselines.

Not a free search: what is sampled is what the data would do, so that dynamics and distance are asked about what they
were trained on. `ChunkSearch` searches freely and `ChunkSample` does not choose, to compare.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from world_model_ros.planning.solver import Planned, Search, Solver


class Chunks(Protocol):
    """What a beam needs of a model; memories are (N, S), goals (N, G)."""

    @property
    def chunk_ticks(self) -> int:
        """Actions in a chunk, k."""
        ...

    def sample(self, memory: Tensor, goals: Tensor, noise: Tensor) -> Tensor:
        """Chunks (N, k, C) that would be done, from noise of that shape."""
        ...

    def imagine_chunk(self, memory: Tensor, chunk: Tensor) -> Tensor:
        """Memories (N, k, S) after each tick of a chunk."""
        ...

    def distance(self, memory: Tensor, goals: Tensor) -> Tensor:
        """How far it is to the goals, (N,)."""
        ...


class ChunkBeam(nn.Module):
    """Plans by a beam search over chunks of learned behaviour.

    Args:
        model: that samples, imagines and judges.
        width: chunks a macro step, a multiple of ``spread``.
        steps: macro steps.
        spread: new chunks for each future that is kept.
        noise: size of the noise that chunks are sampled from; under one, they are more usual.
    """

    def __init__(self, model: Chunks, width: int = 64, steps: int = 3, spread: int = 4, noise: float = 1.0) -> None:
        super().__init__()
        self.model, self.width, self.steps, self.spread, self.noise = model, width, steps, spread, noise

    def forward(self, memory: Tensor, goals: Tensor, low: Tensor, high: Tensor, warm: Tensor, noise: Tensor) -> Planned:
        """Plan from a belief.

        Args:
            memory: (S,).
            goals: (G,).
            low: (H, C) bounds of the action at each tick; H is as long as all macro steps.
            high: (H, C).
            warm: (H, C) the plan before, as it goes on from now; if it is not zeros it competes, all but its last
                chunk, which is sampled as those of all others are. Of that not all was planned: an action that is
                repeated from plan to plan would in the end be all of it, and nothing that the data would do.
            noise: (I, N, H, C) white; a chunk's length of it is used.
        """
        k, width = self.model.chunk_ticks, self.width
        now, wanted = memory[None].expand(width, -1), goals[None].expand(width, -1)
        chunks, states = now.new_zeros(width, 0, low.shape[1]), now.new_zeros(width, 0, now.shape[1])
        cost, there = now.new_zeros(width), (warm.abs().sum() > 0).to(now.dtype)
        for step in range(self.steps):
            if step:  # the first goes on, whatever it cost
                kept = torch.topk(-cost, width // self.spread).indices.repeat_interleave(self.spread)
                kept = torch.cat([torch.zeros_like(kept[:1]), kept[:-1]])
                now, chunks, states = now[kept], chunks[kept], states[kept]
            ticks = slice(step * k, (step + 1) * k)
            chunk = self.model.sample(now, wanted, self.noise * noise[step, :width, :k])
            if step < self.steps - 1:
                chunk = torch.cat([(there * warm[ticks] + (1.0 - there) * chunk[0])[None], chunk[1:]])
            chunk = torch.minimum(torch.maximum(chunk, low[ticks]), high[ticks])
            ahead = self.model.imagine_chunk(now, chunk)
            chunks, states = torch.cat([chunks, chunk], 1), torch.cat([states, ahead], 1)
            now = ahead[:, -1]
            cost = self.model.distance(now, wanted)
        order = torch.topk(-cost, width).indices
        best, others = order[0], order.flip(0)  # the best last
        return Planned(chunks[best], states[best], cost[best][None], chunks[others], states[others])


class ChunkSearch(nn.Module):
    """Plans by a solver that samples any action within the bounds, and judges by the same distance as `ChunkBeam`.

    Args:
        model: that imagines and judges.
        solver: that searches.
    """

    def __init__(self, model: Chunks, solver: Solver) -> None:
        super().__init__()
        self.model, self.solver = model, solver

    def forward(self, memory: Tensor, goals: Tensor, low: Tensor, high: Tensor, warm: Tensor, noise: Tensor) -> Planned:
        """Plan from a belief; arguments are those of `ChunkBeam.forward`."""
        k = self.model.chunk_ticks

        def evaluate(candidates: Tensor) -> tuple[Tensor, Tensor]:
            count = len(candidates)
            now, states = memory[None].expand(count, -1), []
            for begin in range(0, candidates.shape[1], k):
                chunk = candidates[:, begin : begin + k]
                ahead = self.model.imagine_chunk(now, chunk)
                states.append(ahead)
                now = ahead[:, -1]
            return torch.cat(states, 1), self.model.distance(now, goals[None].expand(count, -1))

        return self.solver(evaluate, Search(warm[None], warm, 0.5 * (high - low), low, high, noise))


class ChunkSample(nn.Module):
    """Plans by behaviour alone: takes the first future that it samples, and only shows the others.

    Args:
        model: that samples and imagines.
        width: futures. steps: macro steps of each.
    """

    def __init__(self, model: Chunks, width: int = 12, steps: int = 1) -> None:
        super().__init__()
        self.model, self.width, self.steps = model, width, steps

    def forward(self, memory: Tensor, goals: Tensor, low: Tensor, high: Tensor, warm: Tensor, noise: Tensor) -> Planned:
        """Plan from a belief; arguments are those of `ChunkBeam.forward`, of which ``warm`` is not used."""
        k, width = self.model.chunk_ticks, self.width
        now, wanted = memory[None].expand(width, -1), goals[None].expand(width, -1)
        chunks, states = [], []
        for step in range(self.steps):
            ticks = slice(step * k, (step + 1) * k)
            chunk = self.model.sample(now, wanted, noise[step, :width, :k])
            chunk = torch.minimum(torch.maximum(chunk, low[ticks]), high[ticks])
            ahead = self.model.imagine_chunk(now, chunk)
            chunks.append(chunk)
            states.append(ahead)
            now = ahead[:, -1]
        done, futures = torch.cat(chunks, 1).flip(0), torch.cat(states, 1).flip(0)  # the first last
        cost = self.model.distance(now[:1], wanted[:1]) + 0.0 * warm.sum()  # a graph keeps the inputs that it reads
        return Planned(done[-1], futures[-1], cost, done, futures)
