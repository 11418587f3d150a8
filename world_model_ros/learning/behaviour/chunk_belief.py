"""The belief of a chunk model, also of things that are no longer reported or never were, and its surprise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from world_model_ros.bundle.signatures import UNKNOWN
from world_model_ros.learning.behaviour.chunk_model import ChunkModel
from world_model_ros.learning.behaviour.play import Play

SEEN = 0.002  # what a tracker's pose is believed to, m or the unit of a scalar
_NEVER = 1e6  # age in ticks of what was never seen
_SAMPLES = 1024


class ChunkBelief(nn.Module):
    """Reports -> memories (N, 2 R + 2 E), of E entries.

    A memory is the state (R,) now and a tick ago, how many ticks ago each entry was fresh (E,), and the variance (E,)
    that the model expects of it since. What is not fresh goes on as the model expects; what never was stays upright at
    the mean of the training data, and nothing is known of it.

    Args:
        model: with statistics.
        unseen: (A, E) scale of the expected deviation by age, the last for all that is older; ones without it.
    """

    def __init__(self, model: ChunkModel, unseen: Tensor | None = None) -> None:
        super().__init__()
        entries = model.layout.entries
        self.model, self.state, self.entries = model, 2 * model.layout.size, len(entries)
        self.register_buffer("unseen", torch.ones(1, len(entries)) if unseen is None else unseen)
        self.unseen: Tensor
        upright = torch.cat([torch.tensor([0.0, 0, 0, 1, 0][: entry.size]) for entry in entries])
        turned = torch.cat([torch.tensor([0.0, 0, 0, 1, 1][: entry.size]) for entry in entries])
        self.register_buffer("nowhere", (1.0 - turned) * model.mean + upright)  # what was never seen
        self.nowhere: Tensor
        self.columns = [number for number, entry in enumerate(entries) for _ in range(entry.size)]

    @property
    def size(self) -> int:
        """Numbers in a memory."""
        return self.state + 2 * self.entries

    def first(self, state: Tensor) -> Tensor:
        """Memories (N, M) of states now and a tick ago (N, 2 R), in which everything is fresh."""
        return torch.cat([state, torch.zeros(len(state), 2 * self.entries)], -1)

    def forward(
        self, memory: Tensor, reported: Tensor, fresh: Tensor, applied: Tensor, reset: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Memories of the next tick, and surprises (N,).

        A surprise is by how much what is reported misses what is expected, in units of what one usual tick in a hundred
        exceeds; of what was not seen for a while more is usual.

        Args:
            memory: (N, M). reported: (N, R). fresh: (N, E). applied: (N, C). reset: (N, 1) 1 forgets the memory.
        """
        model, r = self.model, self.model.layout.size
        state, age, variance = memory.split([self.state, self.entries, self.entries], -1)
        age = (1.0 - reset) * age + reset * _NEVER
        known = (age < _NEVER).to(age.dtype)
        chunk = applied[:, None].expand(-1, model.chunk_ticks, -1)
        expected = model.imagine_chunk(state, chunk)[:, 0, :r]
        seen, was = fresh[:, self.columns], known[:, self.columns]
        now = seen * reported + (1.0 - seen) * (was * expected + (1.0 - was) * self.nowhere)
        before = was * state[:, :r] + (1.0 - was) * now
        miss = (reported - expected).abs() / (model.step_miss * torch.sqrt(1.0 + age[:, self.columns])) * seen * was
        grown = variance + torch.exp(2.0 * model.log_spread(state, chunk)[:, 0])
        later = (1.0 - fresh) * (known * (age + 1.0).clamp(max=_NEVER - 1.0) + (1.0 - known) * _NEVER)
        memory_next = torch.cat([now, before, later, (1.0 - fresh) * known * grown], -1)
        return memory_next, miss.amax(1) / model.usual_miss

    def sigma(self, memory: Tensor) -> Tensor:
        """Standard deviation (N, E) of what is believed since it was not fresh; more than `UNKNOWN` if it never was."""
        _, age, variance = memory.split([self.state, self.entries, self.entries], -1)
        row = (age.clamp(1.0, float(len(self.unseen))) - 1.0).long()
        grown = (self.unseen.gather(0, row) * torch.sqrt(variance)).clamp(max=0.5 * UNKNOWN)
        return torch.where(age < _NEVER, grown, 10.0 * UNKNOWN)


@torch.no_grad()
def unseen_misses(belief: ChunkBelief, play: Play, at: Tensor, ticks: int) -> Tensor:
    """By how many sigmas each entry is missed, at each tick after it was last fresh: (B, ticks, E).

    The other entries stay fresh.

    Args:
        at: ticks (B,) at which everything is fresh; at most some of them are used.
    """
    at = at[torch.linspace(0, len(at) - 1, min(len(at), _SAMPLES)).long()]
    entries, layout = belief.model.layout.entries, belief.model.layout
    found = torch.zeros(len(at), ticks, len(entries))
    for number, entry in enumerate(entries):
        memory, part = belief.first(play.memory(at)), layout.place(entry)
        fresh = torch.ones(len(at), len(entries))
        fresh[:, number] = 0.0
        for tick in range(ticks):
            truth = play.states[at + tick + 1]
            memory, _ = belief(memory, truth, fresh, play.actions[at + tick], torch.zeros(len(at), 1))
            miss = (memory[:, part] - truth[:, part]).norm(dim=-1)
            found[:, tick, number] = miss / belief.sigma(memory)[:, number]
    return found
