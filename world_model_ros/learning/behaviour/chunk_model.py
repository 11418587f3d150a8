"""The chunk model's networks: which chunk of actions is usual, where it leads, and how far the goal is then.

Three networks read one state: behaviour by flow matching (Lipman et al. 2023), which has as many modes as its data;
macro dynamics, which take a whole chunk in one step; and the distance, learned in hindsight by expectile regression on
macro steps, the lesser of two values. Only chunks that the behaviour would do are imagined, and only where it leads:
there the other two were trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from world_model_ros.learning.behaviour.handles import Handles
from world_model_ros.learning.behaviour.seen_moves import SeenMoves
from world_model_ros.learning.behaviour.state.columns import Columns, Pairs, Turns
from world_model_ros.learning.behaviour.state.layout import StateLayout

MOST_AHEAD = 60  # ticks that regions are calibrated for, at most
LEAST_SPREAD = 1e-4  # standard deviation at least, m or the unit of a scalar: what rests has none
_FINE_M, _FINE = 0.1, 30.0  # a clipped, fine view of what is near the hand


@dataclass(frozen=True)
class ChunkSizes:
    """Sizes of a chunk model.

    Args:
        chunk: actions in a chunk, and ticks in a macro step.
        flow: Euler steps of the behaviour.
        behaviour: width of its network. dynamics: of the macro dynamics. distance: of each of its two networks.
    """

    chunk: int = 5
    flow: int = 5
    behaviour: int = 256
    dynamics: int = 256
    distance: int = 256


class ChunkModel(nn.Module):
    """Behaviour, macro dynamics and distance.

    A memory (2 R,) is the state of the last tick and of the one before. Goals (N, 2 G) are values of the columns that
    a goal may be given for, and 1 for each that counts.

    Args:
        layout: of a state.
        actions: columns of an action, C.
        sizes: of the networks.
    """

    def __init__(self, layout: StateLayout, actions: int, sizes: ChunkSizes | None = None) -> None:
        super().__init__()
        self.layout, self.actions, self.sizes = layout, actions, sizes or ChunkSizes()
        r, g, k, c = layout.size, layout.goal_size, self.sizes.chunk, actions
        self.pairs = Pairs(layout.relative() + layout.between())
        self.handles = Handles(layout)
        places = [layout.place(entry) for entry in layout.entries if not entry.scalar]
        self.seen_from = Columns([list(range(place.start, place.stop)) for place in places])
        self.turns = Turns(layout.turned())
        seen = 2 * r + 6 * (len(self.pairs) + len(self.handles) * len(self.seen_from)) + 2 * len(self.turns)
        self.wanted = Pairs(self._wanted())
        self.wanted_turns = Turns(
            [
                (part, slice(layout.columns(entry).start + 3, layout.columns(entry).stop), 1)
                for entry, part, yaw in layout.goal_parts()
                if yaw
            ]
        )
        self.decides = Columns([layout.columns(entry).start for entry in layout.objects if entry.scalar])
        asked = (3 + len(self.decides)) * g + 3 * len(self.wanted) + 2 * len(self.wanted_turns)
        self.behaviour = _mlp(seen + asked + k * c + 1, self.sizes.behaviour, k * c)
        number = {entry.name: each for each, entry in enumerate(layout.objects)}
        self.moved_by = [number.get(entry.name, len(number)) for entry in layout.entries for _ in range(entry.size)]
        self.dynamics = _mlp(seen + k * c, self.sizes.dynamics, k * r + len(number))
        self.spread = _mlp(seen + k * c, 128, k * len(layout.entries))
        self.distances = nn.ModuleList(_mlp(seen + asked, self.sizes.distance, 1) for _ in range(2))
        self.seen_moves = SeenMoves(layout)
        for name, size in (("mean", r), ("scale", r), ("step_scale", r)):
            self.register_buffer(name, torch.ones(size) if "scale" in name else torch.zeros(size))
        self.register_buffer("change_scale", torch.ones(k, r))
        self.register_buffer("action_scale", torch.ones(c))
        self.register_buffer("step_miss", torch.ones(r))
        self.register_buffer("usual_miss", torch.ones(1))
        self.register_buffer("sigma_scale", torch.ones(MOST_AHEAD, len(layout.entries)))
        self.register_buffer("goal_columns", torch.tensor(layout.goal_columns))
        self.mean: Tensor
        self.scale: Tensor
        self.step_scale: Tensor
        self.change_scale: Tensor
        self.action_scale: Tensor
        self.step_miss: Tensor
        self.usual_miss: Tensor
        self.sigma_scale: Tensor
        self.goal_columns: Tensor

    @property
    def chunk_ticks(self) -> int:
        """Ticks in a macro step."""
        return self.sizes.chunk

    def features(self, memory: Tensor) -> Tensor:
        """What the networks see of memories (N, 2 R)."""
        now, before = memory.chunk(2, -1)
        seen = [(now - self.mean) / self.scale, ((now - before) / self.step_scale).clamp(-5.0, 5.0)]
        if len(self.pairs):
            seen.append(_both(self.pairs.first(now) - self.pairs.second(now), self.pairs.second(self.scale)))
        if len(self.handles):
            seen.append(_both(self.handles.ways(now, self.seen_from(now)), self.seen_from(self.scale)))
        if len(self.turns):
            seen.append(self.turns(now, now).flatten(1))
        return torch.cat(seen, -1)

    def asked(self, memory: Tensor, goals: Tensor) -> Tensor:
        """What the networks see of goals (N, 2 G)."""
        wanted, counts = goals.chunk(2, -1)
        now = memory.index_select(1, self.goal_columns)
        mean, scale = self.mean[self.goal_columns], self.scale[self.goal_columns]
        change = (wanted - now) / scale * counts
        told = [(wanted - mean) / scale * counts, change, counts]
        if len(self.decides):  # what a goal costs depends on locks, lids and drawers
            stands = (self.decides(memory) - self.decides(self.mean)) / self.decides(self.scale)
            told.append((stands[:, :, None] * change[:, None]).flatten(1))
        if len(self.wanted):
            away = self.wanted.first(wanted) - self.wanted.second(memory)
            told.append((away.clamp(-_FINE_M, _FINE_M) * _FINE * self.wanted.first(counts)).flatten(1))
        if len(self.wanted_turns):
            told.append((self.wanted_turns(wanted, memory) * self.wanted_turns.first(counts)).flatten(1))
        return torch.cat(told, -1)

    def _wanted(self) -> list[tuple[slice, slice]]:
        """Columns of each goal that is a position, with those of each thing that may be there."""
        layout = self.layout
        goals = [part for entry, part, yaw in layout.goal_parts() if not entry.scalar and not yaw]
        places = [layout.place(entry) for entry in layout.things if not entry.scalar]
        return [(goal, place) for goal in goals for place in places]

    def flow(self, seen: Tensor, asked: Tensor, chunk: Tensor, time: Tensor) -> Tensor:
        """Velocity (N, k C) of the flow at chunks (N, k C), in units of the bounds, at times (N, 1) from 0 to 1."""
        return self.behaviour(torch.cat([seen, asked, chunk, time], -1))

    def sample(self, memory: Tensor, goals: Tensor, noise: Tensor) -> Tensor:
        """Chunks (N, k, C) that the behaviour would do, from noise (N, k, C)."""
        first, others = self.behaviour[0], self.behaviour[1:]
        assert isinstance(first, nn.Linear)
        still = torch.cat([self.features(memory), self.asked(memory, goals)], -1)
        moves, base = first.weight[:, still.shape[1] :], F.linear(still, first.weight[:, : still.shape[1]], first.bias)
        chunk = noise.flatten(1)
        for step in range(self.sizes.flow):  # `flow`, of which what does not change is asked once
            time = torch.full_like(chunk[:, :1], step / self.sizes.flow)
            chunk = chunk + others(base + F.linear(torch.cat([chunk, time], -1), moves)) / self.sizes.flow
        return chunk.reshape(noise.shape) * self.action_scale

    def changes(self, seen: Tensor, chunk: Tensor) -> tuple[Tensor, Tensor]:
        """What a chunk (N, k, C) does, if it moves a thing at all.

        Returns:
            By how much the state differs after each tick (N, k, R), in units of `change_scale`, and the log odds (N, O)
            that each object moves.
        """
        flat = (chunk / self.action_scale).flatten(1)
        told, k, r = self.dynamics(torch.cat([seen, flat], -1)), self.sizes.chunk, self.layout.size
        return told[:, : k * r].reshape(-1, k, r), told[:, k * r :]

    def moving(self, moves: Tensor) -> Tensor:
        """Which columns of a state change (N, R), of which objects move (N, O), both 0 or 1; those of no object do."""
        return torch.cat([moves, torch.ones_like(moves[:, :1])], -1)[:, self.moved_by]

    def imagine_chunk(self, memory: Tensor, chunk: Tensor) -> Tensor:
        """Memories (N, k, 2 R) after each tick of chunks (N, k, C).

        What more likely stays than moves, stays: were it to creep by what is expected in the mean, plans would lean on
        a button that is a quarter pressed. So does what was never seen to move so, see `SeenMoves`.
        """
        now, r = memory[:, : self.layout.size], self.layout.size
        changes, odds = self.changes(self.features(memory), chunk)
        changes = changes * self.change_scale
        may = self.seen_moves(torch.cat([now[:, None], now[:, None] + changes[:, :-1]], 1))
        ahead = (now[:, None] + changes * self.moving(likely(odds) * may)[:, None]).reshape(-1, r)
        ahead = self.layout.upright(ahead).reshape(len(now), -1, r)
        before = torch.cat([now[:, None], ahead[:, :-1]], 1)
        return torch.cat([ahead, before], -1)

    def log_spread(self, memory: Tensor, chunk: Tensor) -> Tensor:
        """Logarithm of the standard deviation of each entry after each tick of a chunk: (N, k, E)."""
        flat = (chunk / self.action_scale).flatten(1)
        spread = self.spread(torch.cat([self.features(memory), flat], -1))
        return spread.reshape(len(memory), self.sizes.chunk, -1).clamp(min=log(LEAST_SPREAD))

    def values(self, memory: Tensor, goals: Tensor) -> Tensor:
        """Both values (2, N): minus the discounted macro steps to the goal."""
        seen = torch.cat([self.features(memory), self.asked(memory, goals)], -1)
        return torch.stack([each(seen)[:, 0] for each in self.distances])

    def distance(self, memory: Tensor, goals: Tensor) -> Tensor:
        """How far it is to the goals (N,), in discounted macro steps; the more careful of two opinions."""
        return -self.values(memory, goals).amin(0)


def _both(away: Tensor, scale: Tensor) -> Tensor:
    """A coarse view of ways (N, ..., 3) in units of ``scale`` (..., 3), and a fine one of those that are short."""
    return torch.stack([away / scale, away.clamp(-_FINE_M, _FINE_M) * _FINE], -2).flatten(1)


def likely(odds: Tensor) -> Tensor:
    """1 for each log odds that says more likely than not, else 0."""
    return (odds > 0.0).to(odds.dtype)


def _mlp(size: int, width: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (size, width, width):
        layers += [nn.Linear(before, width), nn.LayerNorm(width), nn.GELU(approximate="tanh")]
    return nn.Sequential(*layers, nn.Linear(width, out))
