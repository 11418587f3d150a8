"""A chunk model's training ticks as tensors, all episodes in one: samples windows, chunks and goals from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from world_model_ros.learning.behaviour.state.layout import StateLayout


@dataclass(frozen=True)
class GoalMix:
    """Where goals of a batch come from; what is left of the shares comes from the same episode's future.

    Args:
        anywhere: share of goals that are states of any tick.
        now: share that are the state of the tick itself.
        ticks: mean of the geometric distribution of how far ahead the others are.
        partial: share of goals in which each object counts only half of the time.
    """

    anywhere: float
    now: float
    ticks: float
    partial: float = 0.0


@dataclass(frozen=True)
class Play:
    """Ticks of all episodes, concatenated.

    Args:
        layout: of a state.
        states: (N, R).
        actions: (N, C), what was done between a tick and the next.
        begins: first tick of each episode and N at the end, (E + 1,).
        pool: ticks that goals and places from anywhere are drawn from; all without it.
    """

    layout: StateLayout
    states: Tensor
    actions: Tensor
    begins: Tensor
    pool: Tensor | None = None

    def starts(self, episodes: Tensor, ticks: int) -> Tensor:
        """Ticks of some episodes (E', ) that have one before them and ``ticks`` after them."""
        begins = self.begins.tolist()
        spans = [(begins[e] + 1, begins[e + 1] - ticks) for e in episodes.tolist()]
        return torch.cat([torch.zeros(0, dtype=torch.long), *(torch.arange(a, max(a, b)) for a, b in spans)])

    def ticks(self, episodes: Tensor) -> Tensor:
        """All ticks of some episodes (E', )."""
        begins = self.begins.tolist()
        return torch.cat([torch.arange(begins[e], begins[e + 1]) for e in episodes.tolist()])

    def memory(self, at: Tensor) -> Tensor:
        """Memories (B, 2 R) at ticks (B,)."""
        return torch.cat([self.states[at], self.states[at - 1]], -1)

    def window(self, at: Tensor, ticks: int) -> Tensor:
        """States (B, ticks + 2, R) from one tick before ticks (B,) to ``ticks`` after them."""
        return self.states[at[:, None] + torch.arange(-1, ticks + 1)]

    def chunk(self, at: Tensor, ticks: int) -> Tensor:
        """Actions (B, ticks, C) from ticks (B,) on."""
        return self.actions[at[:, None] + torch.arange(ticks)]

    def anywhere(self, count: int, generator: torch.Generator) -> Tensor:
        """Ticks (B,) drawn from all that may be, whatever the episode."""
        pool = torch.arange(len(self.states)) if self.pool is None else self.pool
        return pool[torch.randint(0, len(pool), (count,), generator=generator)]

    def left(self, at: Tensor) -> Tensor:
        """How many ticks (B,) of the same episode come after ticks (B,)."""
        return self.begins[torch.searchsorted(self.begins, at, right=True)] - 1 - at

    def goals(self, at: Tensor, mix: GoalMix, generator: torch.Generator, chunk: int = 1) -> Tensor:
        """Goals (B, 2 G) for ticks (B,); all columns count, but those of hands, and of yaws, half of the time.

        In partial goals, see `GoalMix`, so do those of objects: what one thing costs is then told without the others.

        Those of the future are within whole chunks of ``chunk`` ticks before the episode's end: what comes after is
        reached from no tick that chunks start from.
        """
        count = len(at)
        end = at + self.left(at) // chunk * chunk
        uniform = torch.rand(count, generator=generator).clamp(min=1e-9)
        ahead = (torch.log(uniform) / torch.log(torch.tensor(1.0 - 1.0 / mix.ticks))).long() + 1
        goal = torch.minimum(at + ahead, end)
        source = torch.rand(count, generator=generator)
        anywhere = self.anywhere(count, generator)
        goal = torch.where(source < mix.anywhere, anywhere, goal)
        goal = torch.where(source > 1.0 - mix.now, at, goal)
        wanted = self.states[goal][:, self.layout.goal_columns]
        counts, some = torch.ones_like(wanted), torch.rand(count, 1, generator=generator) < mix.partial
        for entry, part, yaw in self.layout.goal_parts():
            if entry.hand or yaw or mix.partial > 0.0:
                half = torch.rand(count, 1, generator=generator) < 0.5
                counts[:, part] *= half | ~(some | entry.hand | yaw)
        return torch.cat([wanted, counts], -1)


def exchanged(play: Play, names: Sequence[str]) -> Play:
    """Play in which things that are alike have also been each other: all its episodes, again for each turn of names."""
    order = torch.tensor(play.layout.exchanged(names))
    count, copies = len(play.states), [play.states]
    for _ in names[1:]:
        copies.append(copies[-1][:, order])
    begins = [play.begins[:-1] + turn * count for turn in range(len(names))]
    pool = None if play.pool is None else torch.cat([play.pool + turn * count for turn in range(len(names))])
    return Play(
        play.layout,
        torch.cat(copies),
        play.actions.repeat(len(names), 1),
        torch.cat([*begins, torch.tensor([count * len(names)])]),
        pool,
    )
