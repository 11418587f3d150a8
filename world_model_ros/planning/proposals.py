"""Proposals: action sequences that a solver tries before random ones: last plan, straight way to the goal, a push."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from world_model_ros.contract.hands import Hand
from world_model_ros.contract.schema import Interface
from world_model_ros.planning.dynamics import Dynamics
from world_model_ros.planning.objective import Goals

# Shares of the standoff: how wide a fingertip passes an object, how far behind it the push begins, and how near the
# fingertip is to the goal in the end. Nearer than the standoff it grazes corners on its way.
_BESIDE, _BEHIND, _PUSHED = 1.6, 1.2, 0.85


class Proposals(Protocol):
    """Makes the candidates that a solver tries first, and says where noise is worth its place."""

    def __call__(self, memory: Tensor, goals: Goals, low: Tensor, high: Tensor, warm: Tensor) -> Tensor:
        """Chunks (P, H, C), the warm start first, from a belief (S,), within bounds (H, C)."""
        ...

    def share(self, goals: Goals, like: Tensor) -> Tensor:
        """How much of the noise each column (C,) of the action gets."""
        ...


class GoalProposals:
    """Proposes the last plan, standing still, straight ways of fingertips to their goals, and a push for each.

    Args:
        model: dynamics and heads.
        interface: of the contract that the model is made for.
        config: settings.
    """

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Args:
            standoff_m: distance from which a fingertip pushes an object.
            idle_spread: share of the noise for a hand that has nothing to do while another pushes.
        """

        standoff_m: float = 0.05
        idle_spread: float = 0.2

    def __init__(self, model: Dynamics, interface: Interface, config: GoalProposals.Config | None = None) -> None:
        self.model, self.config = model, config or self.Config()
        self.fingers = list(interface.fingertips.values())
        self.objects = [k for k, target in enumerate(interface.targets) if target.kind == "object"]

    def __call__(self, memory: Tensor, goals: Goals, low: Tensor, high: Tensor, warm: Tensor) -> Tensor:
        """Where there are several hands also the straight way with the others as in the last plan."""
        proposals = [warm, torch.zeros_like(warm)]
        moved = [finger for finger in self.fingers if finger.axes]
        if goals.poses is not None and goals.weights is not None and moved:
            now = self.model.positions(memory[None])[0]
            straight, joined = torch.zeros_like(warm), warm
            for finger in moved:
                k, part = finger.target, finger.columns
                way = straight_way((goals.poses[k, :3] - now[k])[list(finger.axes)], low[:, part], high[:, part])
                wanted = torch.ones_like(low[0, 0]) if len(moved) == 1 else (goals.weights[k] > 0).to(low.dtype)
                straight = _with_part(straight, part, wanted * way)
                joined = _with_part(joined, part, wanted * way + (1.0 - wanted) * warm[:, part])
            proposals += [straight] if len(moved) == 1 else [straight, joined]
            proposals += [self._push(finger, goals.poses, goals.weights, now, low, high, straight) for finger in moved]
        return torch.stack(proposals)

    def share(self, goals: Goals, like: Tensor) -> Tensor:
        """As `Proposals.share`: little where a hand has nothing to do. A search through what two hands may do at once
        is far longer than one through what one hand may."""
        share = torch.ones_like(like[0])
        if goals.hands is None or goals.weights is None:
            return share
        for number, finger in enumerate(self.fingers):
            idle = (goals.weights[finger.target] < 0.5) & (goals.hands[number] < 0.5) & (goals.hands.amax(0) > 0.5)
            share[finger.columns] = torch.where(idle, self.config.idle_spread, 1.0)
        return share

    def _push(
        self, finger: Hand, poses: Tensor, weights: Tensor, now: Tensor, low: Tensor, high: Tensor, others: Tensor
    ) -> Tensor:
        """Chunk (H, C) in which a finger pushes the object that has a goal; without such a goal all of ``others``."""
        if not self.objects or not {0, 1} <= set(finger.axes):
            return others
        weight = weights[self.objects]
        share = (weight / weight.sum().clamp(min=1e-6))[:, None]
        item, goal = ((share * places[self.objects][:, :2]).sum(0) for places in (now, poses))
        step = 0.5 * (high - low)[:, finger.columns].amax((0, 1))
        way = push_way(now[finger.target, :2], item, goal, self.config.standoff_m, step, low.shape[0])
        zero = torch.zeros_like(way[:, :1])
        columns = [way[:, axis : axis + 1] if axis < 2 else zero for axis in finger.axes]
        chunk = torch.maximum(torch.minimum(torch.cat(columns, 1), high[:, finger.columns]), low[:, finger.columns])
        return torch.where(weight.sum() > 0.0, _with_part(others, finger.columns, chunk), others)


def straight_way(left: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Chunk (H, C) that covers ``left`` (C,) as fast as bounds (H, C) allow, the same share on every axis a tick."""
    room = torch.where(left > 0, high, -low).clamp(min=0.0)
    share = (room / (left.abs() + 1e-6)).amin(1)  # of the whole way, that each tick has room for
    gone = share.cumsum(0)
    taken = gone.clamp(max=1.0) - (gone - share).clamp(max=1.0)
    return torch.maximum(torch.minimum(left * taken[:, None], high), low)


def push_way(
    fingertip: Tensor, pushed: Tensor, goal: Tensor, standoff_m: float, step_m: Tensor, horizon: int
) -> Tensor:
    """Where a fingertip is at each of H ticks on its way round an object, behind it, and on to where it pushes it to.

    Args:
        fingertip: (2,) in the plane, m.
        pushed: (2,) the object.
        goal: (2,) of the object.
        standoff_m: distance of the fingertip from the object's centre when it begins to push.
        step_m: way of a tick, ().
        horizon: H.

    Returns:
        Displacements (H, 2) of the fingertip, m a tick.
    """
    ahead = goal - pushed
    ahead = ahead / torch.sqrt((ahead * ahead).sum() + 1e-8)
    across = torch.stack([-ahead[1], ahead[0]])
    away = fingertip - pushed
    side = torch.where((away * across).sum() < 0.0, -1.0, 1.0)
    passing = pushed + _BESIDE * standoff_m * side * across
    before = (away * ahead).sum() > -0.5 * standoff_m  # the object is in the way, or nearly so
    corners = [
        fingertip,
        torch.where(before, passing, fingertip),
        pushed - _BEHIND * standoff_m * ahead,
        goal - _PUSHED * standoff_m * ahead,
    ]
    gone = step_m * torch.arange(horizon + 1, dtype=fingertip.dtype, device=fingertip.device)
    place = fingertip[None]
    for start, end in pairwise(corners):
        length = torch.sqrt(((end - start) ** 2).sum() + 1e-8)
        place = place + (gone / length).clamp(min=0.0, max=1.0)[:, None] * (end - start)
        gone = gone - length
    return place[1:] - place[:-1]


def _with_part(whole: Tensor, part: slice, value: Tensor) -> Tensor:
    """A chunk (H, C) with other columns in one place."""
    return torch.cat([whole[:, : part.start], value, whole[:, part.stop :]], 1)
