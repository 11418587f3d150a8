"""Estimates where drawers, buttons and the like are operated, from where hands were while these moved in recordings.

A stream says how far a drawer is open, not where it is. Where hands were when it moved says so, and a network that is
told the way from the hand to that place need not learn from few presses where on the table a button is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from world_model_ros.learning.behaviour.augment import Resting
from world_model_ros.learning.behaviour.play_data import Play
from world_model_ros.learning.behaviour.seen_moves import moving, unrest
from world_model_ros.learning.behaviour.state.columns import Columns
from world_model_ros.learning.behaviour.state.layout import StateLayout

_ROUNDS = 20  # of weighted least squares
_LEAST_M = 1e-3  # of a distance that weights tell apart
_FITS = 0.5  # share of how far hands usually are from their middle, in which they are from a handle
_FEW = 10  # ticks at which a thing moved, that tell no line
_STAYS = 0.1  # share of its usual way in a tick that a hand moves at least while it moves something


class Handles(nn.Module):
    """A place for each articulated thing, which goes along a line with its value: p = a + b v.

    Args:
        layout: of a state. Before `fit`, and without hands, no place is known.
    """

    def __init__(self, layout: StateLayout) -> None:
        super().__init__()
        self.layout = layout
        self.things = [entry for entry in layout.objects if entry.scalar] if layout.hands else []
        self.values = Columns([layout.columns(entry).start for entry in self.things])
        self.register_buffer("start", torch.zeros(len(self.things), 3))
        self.register_buffer("way", torch.zeros(len(self.things), 3))
        self.register_buffer("known", torch.zeros(len(self.things)))
        self.register_buffer("seen", torch.zeros(2, len(self.things)))  # of the values that were seen
        self.start: Tensor
        self.way: Tensor
        self.known: Tensor
        self.seen: Tensor

    def __len__(self) -> int:
        return len(self.things)

    def fit(self, play: Play, resting: Resting, episodes: Tensor, chunk: int) -> None:
        """Take the line with the least sum of distances from where a hand was when the thing moved.

        Of several hands the one whose places fit best, of those that move then. A thing that is moved from anywhere, or
        hardly ever was, has no handle.
        """
        restless = unrest(play, resting, episodes, chunk) if self.things else []
        usual = play.ticks(episodes)
        for row, entry in enumerate(self.things):
            number = self.layout.objects.index(entry)
            at = moving(play, resting, number, restless[number], chunk)
            if len(at) < _FEW:
                continue
            value = play.states[at][:, self.layout.place(entry)]
            fits = [fit for hand in self.layout.hands if (fit := _fit(play, at, usual, value, self.layout.place(hand)))]
            if fits:
                share, self.start[row], self.way[row] = min(fits, key=lambda fit: fit[0])
                self.known[row], self.seen[:, row] = float(share < _FITS), torch.stack([value.amin(), value.amax()])

    def ways(self, states: Tensor, places: Tensor) -> Tensor:
        """From places (N, P, 3) to each handle in states (N, R): (N, S, P, 3), m; 0 where no handle is known."""
        values = torch.minimum(torch.maximum(self.values(states), self.seen[0]), self.seen[1])
        at = self.start + values[..., None] * self.way
        return (at[:, :, None] - places[:, None]) * self.known[:, None, None]


def _fit(play: Play, at: Tensor, usual: Tensor, value: Tensor, place: slice) -> tuple[float, Tensor, Tensor] | None:
    """A line of a hand's places at ticks (N,) over values (N, 1), after the share of its usual places' spread in which
    it is off from it; None of a hand that rests then, or always."""
    places, steps = play.states[usual][:, place], (play.states[1:, place] - play.states[:-1, place]).norm(dim=1)
    spread_m = float((places - places.median(0).values).norm(dim=1).mean())
    if spread_m < _LEAST_M or float(steps[at - 1].mean()) < _STAYS * float(steps[usual[1:] - 1].mean()):
        return None
    start, way, far_m = _line(value, play.states[at][:, place])
    return far_m / spread_m, start, way


def _line(value: Tensor, place: Tensor) -> tuple[Tensor, Tensor, float]:
    """Start (3,) and way (3,) of places (N, 3) over values (N, 1), and their mean distance from it.

    By least squares with the inverse of each distance as weight, again and again (Weiszfeld): far ones count little.
    """
    told = torch.cat([torch.ones_like(value), value - value.median()], 1)
    ridge = 1e-9 * torch.eye(2)  # a value that is always the same says nothing of a way
    weight, line = torch.ones_like(value), torch.zeros(2, 3)
    for _ in range(_ROUNDS):
        line = torch.linalg.solve(told.T @ (weight * told) + ridge * weight.sum(), told.T @ (weight * place))
        weight = 1.0 / (place - told @ line).norm(dim=1, keepdim=True).clamp(min=_LEAST_M)
    return line[0] - line[1] * value.median(), line[1], float((place - told @ line).norm(dim=1).mean())
