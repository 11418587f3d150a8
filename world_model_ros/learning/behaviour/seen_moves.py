"""Lets an imagined object move only if the hand and articulated things are as in recordings of its motion.

Learned dynamics are sure of what they never saw: a planner that takes the best of many futures finds a button pressed
from beside it, or from across the table. What is far from all that was recorded is not believed (as in MOReL,
Kidambi et al. 2020), thing by thing, so that the rest of the future stands.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from world_model_ros.learning.behaviour.augment import Resting
from world_model_ros.learning.behaviour.play_data import Play
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout

_PLACES = 512  # kept of each thing
_RANGE_M = 0.1  # that the range of something articulated counts as
_LEAST_M = 0.02  # that counts as near
_TIMES = 3.0  # how far the moves of other episodes are in the middle: so far counts as near
_OTHERS = 10  # one episode in this many says what is near
_MOVES = 0.3  # share of what `Resting` allows in a window, by which a thing moves in a tick


class SeenMoves(nn.Module):
    """Where hands were and what was articulated stood when each thing moved.

    Args:
        layout: of a state. Without hands, or before `fit`, all may move.
    """

    def __init__(self, layout: StateLayout) -> None:
        super().__init__()
        self.layout = layout
        self.articulated = [layout.columns(entry).start for entry in layout.objects if entry.scalar]
        count, size = len(layout.objects), 3 + len(self.articulated)
        self.register_buffer("places", torch.zeros(count, _PLACES, size))
        self.register_buffer("near", torch.full((count,), torch.inf))
        self.register_buffer("unit", torch.ones(len(self.articulated)))
        self.places: Tensor
        self.near: Tensor
        self.unit: Tensor

    def fit(self, play: Play, resting: Resting, episodes: Tensor, chunk: int) -> None:
        """Take places from most of some episodes (E',), and what counts as near from the others."""
        values = play.states[play.ticks(episodes)][:, self.articulated]
        span, most = values.amax(0) - values.amin(0), resting.most[[entry.scalar for entry in self.layout.objects]]
        self.unit.copy_(torch.where(span > most, _RANGE_M / span, 0.0))  # what never moved tells nothing
        other = torch.arange(len(episodes)) % _OTHERS == _OTHERS - 1
        shown, judged = (unrest(play, resting, episodes[some], chunk) for some in (~other, other))
        for number, entry in enumerate(self.layout.objects if self.layout.hands else ()):
            seen = self._seen(entry, play.states[moving(play, resting, number, shown[number], chunk)])
            if not len(seen):
                self.near[number] = 0.0  # what never moved does not
                continue
            order = torch.randperm(len(seen), generator=torch.Generator().manual_seed(number))
            self.places[number] = seen[order[torch.arange(_PLACES) % len(order)]]
            ways = [play.window(at, chunk)[:, 1:-1] for at in judged[number].split(4096) if len(at)]
            if ways:  # else nothing says what is near
                away = torch.cat([self._nearest(way)[:, number] for way in ways])
                self.near[number] = (_TIMES * away.median()).clamp(min=_LEAST_M)

    def forward(self, rows: Tensor) -> Tensor:
        """1 for each object (N, O) that may move on the way of states (N, T, R), else 0."""
        return (self._nearest(rows) < self.near).to(rows.dtype)

    def _nearest(self, rows: Tensor) -> Tensor:
        """Distance (N, O) of the ways of all hands in states (N, T, R) from the nearest place that was seen, m."""
        flat, hands = rows.reshape(-1, rows.shape[-1]), self.layout.hands
        if not hands:
            return rows.new_zeros(len(rows), len(self.near))
        found = [torch.cat([self._place(entry, hand, flat) for hand in hands]) for entry in self.layout.objects]
        places = torch.stack(found)  # (O, hands N T, D)
        # |p|^2 is the same for all places s that p is compared with: the least |s|^2 - 2 p s says which is nearest
        seen = torch.cat([-2.0 * self.places, (self.places**2).sum(-1, keepdim=True)], -1)
        least = (torch.cat([places, torch.ones_like(places[..., :1])], -1) @ seen.transpose(1, 2)).amin(-1)
        square = (places**2).sum(-1) + least
        return square.reshape(len(places), len(hands), len(rows), -1).amin((1, 3)).clamp(min=0.0).sqrt().transpose(0, 1)

    def _seen(self, entry: Entry, states: Tensor) -> Tensor:
        """Places (N, D) of the hands that may have moved a thing: of something articulated all, else the nearest."""
        places = torch.stack([self._place(entry, hand, states) for hand in self.layout.hands], 1)
        if entry.scalar:
            return places.flatten(0, 1)
        nearest = places[..., :3].norm(dim=-1).argmin(1)
        return places[torch.arange(len(places)), nearest]

    def _place(self, entry: Entry, hand: Entry, states: Tensor) -> Tensor:
        """Where a hand is in states (N, R), as it matters for a thing (N, D): from it, if it has a place of its own."""
        at = states[:, self.layout.place(hand)]
        stood = states[:, self.articulated] * self.unit
        if not entry.scalar:
            at, stood = at - states[:, self.layout.place(entry)], torch.zeros_like(stood)
        return torch.cat([at, stood], -1)


def unrest(play: Play, resting: Resting, episodes: Tensor, chunk: int) -> list[Tensor]:
    """Ticks of some episodes from which on each object moves within a chunk."""
    at = play.starts(episodes, chunk)
    rests = torch.cat(
        [
            torch.zeros(0, len(play.layout.objects), dtype=torch.bool),
            *(resting(play.window(some, chunk)[:, 1:]) for some in at.split(4096)),
        ]
    )
    return [at[~rests[:, number]] for number in range(rests.shape[1])]


def moving(play: Play, resting: Resting, number: int, at: Tensor, chunk: int) -> Tensor:
    """Ticks (N,) at which an object moves, within the chunks from ticks (B,) on."""
    place, found = play.layout.place(play.layout.objects[number]), [torch.zeros(0, dtype=torch.long)]
    for some in at.split(4096):
        window = play.window(some, chunk)[:, 1:, place]
        moved = torch.nonzero((window[:, 1:] - window[:, :-1]).norm(dim=-1) > _MOVES * resting.most[number])
        found.append(some[moved[:, 0]] + moved[:, 1])
    return torch.cat(found).unique()
