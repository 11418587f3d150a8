"""Cost terms of plans: distance to goals, place to push from, workspace, hands apart, and trust in predictions."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def reach_cost(position: Tensor, goal: Tensor) -> Tensor:
    """Distance of a target to its goal: positions (N, H, 3), goal (3,) -> (N, H)."""
    return _length(position - goal)


def behind_cost(fingertip: Tensor, pushed: Tensor, goal: Tensor, standoff_m: float) -> Tensor:
    """How far the fingertip is from the place behind the object from which it can push, (N, H).

    Measured round the object, not through it: radial distance to a circle of ``standoff_m`` plus arc along it. Fades
    when the object is at its goal. Without it the planner shoves corners and exploits the model.

    Args:
        fingertip, pushed: positions (N, H, 3); only x and y count.
        goal: (3,) of the object.
        standoff_m: distance of the fingertip from the object's centre when it pushes.
    """
    to_goal = (goal - pushed)[..., :2]
    away = (fingertip - pushed)[..., :2]
    distance, radius = _length(to_goal), _length(away)
    cosine = -(to_goal * away).sum(-1) / (distance * radius)
    arc = standoff_m * 0.5 * math.pi * (1.0 - cosine)
    return ((radius - standoff_m).abs() + arc) * (distance / 0.04).clamp(max=1.0)


def outside_cost(fingertip: Tensor, low: Tensor, high: Tensor, margin_m: float) -> Tensor:
    """How far a fingertip at (N, H, n) is beyond its workspace (n,) and a margin, (N, H): what cannot be executed."""
    beyond = torch.maximum(low - fingertip, fingertip - high) - margin_m
    return _length(beyond.clamp(min=0.0))


def apart_cost(first: Tensor, second: Tensor, side: Tensor, apart_m: float) -> Tensor:
    """What two hands at (N, H, 2) lack of being ``apart_m`` apart, the first toward its ``side`` (2,): (N, H)."""
    return (apart_m - ((first - second) * side).sum(-1)).clamp(min=0.0)


def trusted_cost(cost: Tensor, radius: Tensor, trust_m: float, risk_weight: float) -> Tensor:
    """The cost (N, H) as far as the prediction can be trusted, plus what not knowing costs, (N, H).

    How much a step counts is the same for all candidates: nothing is gained by going where nothing is known.

    Args:
        radius: of the 90 % region of each prediction (N, H), m.
        trust_m: up to this radius a step counts in full. risk_weight: cost of a metre of radius.
    """
    trust = (trust_m / radius.mean(0)).clamp(max=1.0)
    return cost * trust + risk_weight * radius


def _length(vector: Tensor) -> Tensor:
    return torch.sqrt((vector * vector).sum(-1) + 1e-8)
