"""What the costs reward."""

from __future__ import annotations

import itertools

import torch

from world_model_ros.planning.costs import behind_cost, reach_cost, trusted_cost

GOAL = torch.tensor([0.6, 0.0, 0.03])
OBJECT = torch.tensor([[[0.5, 0.0, 0.03]]])
STANDOFF_M = 0.05


def _behind(x: float, y: float, pushed: torch.Tensor = OBJECT) -> float:
    tip = torch.tensor([[[x, y, 0.03]]])
    return float(behind_cost(tip, pushed, GOAL, STANDOFF_M))


def test_reaching_costs_the_distance() -> None:
    assert torch.allclose(reach_cost(OBJECT, GOAL), torch.tensor([[0.1]]), atol=1e-3)


def test_standing_behind_the_object_costs_nothing_and_anywhere_else_something() -> None:
    assert _behind(0.45, 0.0) < 1e-3
    assert _behind(0.5, 0.05) > 0.05
    assert _behind(0.55, 0.0) > _behind(0.5, 0.05)
    assert _behind(0.35, 0.0) > 0.05


def test_the_way_round_the_object_gets_cheaper_all_along() -> None:
    angles = torch.linspace(0.0, torch.pi, 9)
    costs = [_behind(0.5 + STANDOFF_M * float(a.cos()), STANDOFF_M * float(a.sin())) for a in angles]
    assert all(after < before for before, after in itertools.pairwise(costs))


def test_it_fades_when_the_object_is_at_its_goal() -> None:
    assert _behind(0.55, 0.0, GOAL[None, None]) < 1e-3


def test_a_step_counts_in_full_while_it_is_known_and_less_beyond() -> None:
    cost = torch.ones(2, 4)
    radius = torch.tensor([[0.01, 0.05, 0.10, 0.20]]).expand(2, -1)
    trusted = trusted_cost(cost, radius, trust_m=0.05, risk_weight=0.0)
    assert torch.allclose(trusted[0], torch.tensor([1.0, 1.0, 0.5, 0.25]))


def test_nothing_is_gained_by_knowing_less_than_the_others() -> None:
    cost = torch.ones(2, 1)
    known, unknown = trusted_cost(cost, torch.tensor([[0.02], [0.5]]), trust_m=0.05, risk_weight=0.1)[:, 0]
    assert unknown > known
