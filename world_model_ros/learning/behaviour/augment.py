"""Augments training data: puts resting things elsewhere, and hands off their path with actions that lead them back.

A planner that chooses the best of what a behaviour would do leaves what was recorded. These two make its surroundings
known: a thing that nothing comes near stays where it is (counterfactual data, Pitis et al. 2020), and a hand that was
put aside reaches the same place by other actions (corrective labels, Ke et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from world_model_ros.learning.behaviour.play_data import Play
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout, turned_by

_RESTS, _JITTERS, _MOST_JITTER = 1e-3, 3.0, 5e-3  # m, or the unit of something articulated; see `Resting`
_LEVEL_M = 5e-3  # above its usual height, on the table
_CLEAR_M = 0.07  # between things that do not touch each other
_FOLLOWS = 0.5  # share of its changes that actions explain, of what they can bring back
_STAYS, _STAYS_RAD = 0.05, 0.01  # a hand's coordinate that stays moves less, of what others do; a yaw, rad
_ASIDE = 0.4  # share of what the hand usually moves in a chunk, by which it is put aside
_FITTED = 20_000  # windows
_HANDLES = 64  # places a thing, of where it is moved
_SOME = 97  # one tick in this many shows what is usual


@dataclass(frozen=True)
class Resting:
    """When things rest.

    Args:
        layout: of a state.
        most: (objects,) how far each may seem to move, over a window, while it rests; by how it is tracked.
        level: (objects,) m, how high each usually lies at most; infinite for a scalar.
    """

    layout: StateLayout
    most: Tensor
    level: Tensor

    @classmethod
    def of(cls, play: Play) -> Resting:
        """From play in which each thing rests most of the time: what it then seems to move is jitter."""
        most, level, some = [], [], torch.arange(1, len(play.states), _SOME)
        for entry in play.layout.objects:
            place = play.layout.place(entry)
            steps = (play.states[some][:, place] - play.states[some - 1][:, place]).norm(dim=-1)
            most.append(min(max(_RESTS, _JITTERS * float(steps.median())), _MOST_JITTER))
            level.append(torch.inf if entry.scalar else float(play.states[some, place.start + 2].median()) + _LEVEL_M)
        return cls(play.layout, torch.tensor(most), torch.tensor(level))

    def __call__(self, window: Tensor) -> Tensor:
        """Which things (B, objects) rest in windows (B, T, R)."""
        rests = []
        for entry, most in zip(self.layout.objects, self.most):
            there = window[..., self.layout.place(entry)]
            rests.append((there - there[:, :1]).norm(dim=-1).amax(1) < most)
        return torch.stack(rests, 1)


def put_elsewhere(play: Play, resting: Resting, window: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Windows (B, T, R) in which a share of the things that rest apart from all others lie where they once lay."""
    layout, out, rests = play.layout, window.clone(), resting(window)
    poses = [entry for entry in layout.entries if not entry.scalar]
    for number, entry in enumerate(layout.objects):
        if entry.scalar:
            continue
        columns, where = layout.columns(entry), layout.place(entry)
        there, level = out[..., where], resting.level[number]
        donor = play.states[play.anywhere(len(window), generator)]
        place = donor[:, None, where]
        free = rests[:, number] & (torch.rand(len(window), generator=generator) < share)
        free &= (there[:, 0, 2] < level) & (place[:, 0, 2] < level)
        for other in (out[..., layout.place(each)] for each in poses if each is not entry):
            free &= (other - there).norm(dim=-1).amin(1) > _CLEAR_M
            free &= (other - place).norm(dim=-1).amin(1) > _CLEAR_M
        new = donor[:, None, columns].expand(-1, window.shape[1], -1)
        out[..., columns] = torch.where(free[:, None, None], new, out[..., columns])
    return out


@dataclass(frozen=True)
class MovedHand:
    """A hand that actions move.

    Args:
        entry: of it.
        axes: coordinates that actions move: 0 to 2 of the position, 3 of the yaw.
        size: how far it is put aside, standard deviation of each of ``axes``, m or rad.
    """

    entry: Entry
    axes: tuple[int, ...]
    size: Tensor

    def put(self, layout: StateLayout, window: Tensor, off: Tensor) -> None:
        """Put the first two rows of windows (B, T, R) aside by ``off`` (B, axes), in place."""
        begin = layout.columns(self.entry).start
        for axis, by in zip(self.axes, off.unbind(1)):
            if axis < 3:
                window[:, :2, begin + axis] += by[:, None]
                continue
            angle, turn = self.entry.fold * by, slice(begin + 3, begin + 5)
            way = torch.stack([torch.cos(angle), torch.sin(angle)], -1)[:, None].expand(-1, 2, -1)
            window[:, :2, turn] = turned_by(window[:, :2, turn], way)


@dataclass(frozen=True)
class Aside:
    """How actions bring back hands that were put aside.

    Args:
        resting: of objects, which has the layout of a state.
        hands: which actions move.
        scalars: of the hands, all that no goal is given for and that carry no hand.
        follows: (S,) bool, which of them actions move. most: (S,) how far actions move each in a chunk, at most.
        back: (O, k C) actions for each coordinate that actions move, per m, rad or unit that it is off.
        bounds: (C,) of an action.
        handles: (P, 3) where hands were when something articulated moved, which has no place of its own.
    """

    resting: Resting
    hands: tuple[MovedHand, ...]
    scalars: tuple[Entry, ...]
    follows: Tensor
    most: Tensor
    back: Tensor
    bounds: Tensor
    handles: Tensor

    @classmethod
    def fit(cls, play: Play, resting: Resting, episodes: Tensor, chunk: int, bounds: Tensor) -> Aside | None:
        """From how actions moved the hands where nothing else moved, in some episodes (E',); None if they do not."""
        layout = play.layout
        at = play.starts(episodes, chunk)
        at = at[torch.randperm(len(at), generator=torch.Generator().manual_seed(5))[:_FITTED]]
        window, done = play.window(at, chunk), play.chunk(at, chunk).flatten(1)
        still = resting(window).all(1)
        window, done = window[still], done[still]
        if len(done) < 2 * done.shape[1]:
            return None
        moved = _Moved(done, bounds.repeat(chunk))
        hands = []
        for entry in layout.hands:
            axes, size = moved.by(layout, entry, window)
            hands += [MovedHand(entry, axes, _ASIDE * size)] if axes else []
        scalars = tuple(each for each in layout.entries if each.scalar and not each.goal and not each.carries)
        follows, most = list[bool](), list[float]()
        for each in scalars if layout.hands else ():
            follows.append(bool(moved.by(layout, each, window)[0]))
            most.append(float(moved.weights[-1].abs()[:, 0] @ bounds.repeat(chunk)) if follows[-1] else torch.inf)
        if not moved.weights:
            return None
        back = -torch.linalg.pinv(torch.cat(moved.weights, 1))
        kept = torch.tensor(follows, dtype=torch.bool), torch.tensor(most)
        return cls(
            resting, tuple(hands), scalars[: len(follows)], *kept, back, bounds, _handles(play, resting, at, chunk)
        )

    def put(
        self, play: Play, window: Tensor, chunk: Tensor, share: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Windows (B, T, R) and chunks (B, k, C) of which a share begin with the hands aside, and end as they did.

        The first two rows of a window change. Only where nothing else moves and nothing is near a hand. In half of
        these, scalars of the hands are what they once were at another tick.
        """
        layout, count = self.resting.layout, len(window)
        free = self.resting(window).all(1) & self.far(window)
        free &= torch.rand(count, generator=generator) < share
        out = window.clone()
        offs = []
        for hand in self.hands:
            off = torch.randn(count, len(hand.axes), generator=generator) * hand.size * free[:, None]
            hand.put(layout, out, off)
            offs.append(off)
        donor = play.states[play.anywhere(count, generator)]
        other = free & (torch.rand(count, generator=generator) < 0.5)
        for entry, follows, most in zip(self.scalars, self.follows.tolist(), self.most.tolist()):
            column = layout.columns(entry)
            off = (donor[:, column] - window[:, 1, column]).clamp(-most, most) * other[:, None]
            out[:, :2, column] += off[:, None]
            offs += [off] if follows else []
        bent = chunk + (torch.cat(offs, 1) @ self.back).reshape(chunk.shape)
        return out, torch.minimum(torch.maximum(bent, -self.bounds), self.bounds)

    def far(self, window: Tensor) -> Tensor:
        """Where (B,) neither a thing nor a handle is near a hand in the first two rows of windows (B, T, R)."""
        layout = self.resting.layout
        free = torch.ones(len(window), dtype=torch.bool)
        for thing, hand in layout.relative():
            free &= (window[:, :2, thing] - window[:, :2, hand]).norm(dim=-1).amin(1) > _CLEAR_M
        for entry in layout.hands if len(self.handles) else ():
            free &= torch.cdist(window[:, 1, layout.place(entry)], self.handles).amin(1) > _CLEAR_M
        return free


class _Moved:
    """Regression of what moved on what was done (N, k C)."""

    def __init__(self, done: Tensor, bounds: Tensor) -> None:
        self.done, self.weights = done, list[Tensor]()
        self._ridge = done.T @ done + 1e-3 * len(done) * torch.diag(bounds**2)

    def by(self, layout: StateLayout, entry: Entry, window: Tensor) -> tuple[tuple[int, ...], Tensor]:
        """Coordinates of an entry that actions moved in windows (N, T, R), and how far they usually go.

        No coordinates if actions do not explain one that moves; `weights` then has nothing of it. One that stays, as
        the height of a hand that is moved in a plane, is left out.
        """
        moved = _coordinates(layout, entry, window[:, -1]) - _coordinates(layout, entry, window[:, 1])
        if entry.fold > 0:
            turn = entry.fold * moved[:, 3]
            moved[:, 3] = torch.atan2(torch.sin(turn), torch.cos(turn)) / entry.fold
        size = moved.square().mean(0).sqrt()
        least = torch.full_like(size, _STAYS_RAD)
        least[:3] = _STAYS * size[:3].max()
        moves = size > least
        weight = torch.linalg.solve(self._ridge, self.done.T @ moved)
        left = (moved - self.done @ weight).square().mean(0) / moved.square().mean(0).clamp(min=1e-12)
        if not bool(moves.any()) or bool((left[moves] > 1.0 - _FOLLOWS).any()):
            return (), size[:0]
        self.weights.append(weight[:, moves])
        return tuple(torch.nonzero(moves)[:, 0].tolist()), size[moves]


def _coordinates(layout: StateLayout, entry: Entry, state: Tensor) -> Tensor:
    """Position and yaw (N, 4), position (N, 3) or value (N, 1) of an entry in states (N, R)."""
    columns = state[:, layout.columns(entry)]
    if entry.fold < 1:
        return columns
    return torch.cat([columns[:, :3], torch.atan2(columns[:, 4:5], columns[:, 3:4]) / entry.fold], -1)


def _handles(play: Play, resting: Resting, at: Tensor, chunk: int) -> Tensor:
    """Places (P, 3) of hands at some of the ticks (B,) within whose chunk something articulated moves."""
    layout, found = play.layout, [torch.zeros(0, 3)]
    rests = resting(play.window(at, chunk)[:, 1:])
    for number, entry in enumerate(layout.objects):
        moved = at[~rests[:, number]] if entry.scalar else at[:0]
        some = moved[torch.linspace(0, len(moved) - 1, min(len(moved), _HANDLES)).long()]
        found += [play.states[some][:, layout.place(hand)] for hand in layout.hands]
    return torch.cat(found)
