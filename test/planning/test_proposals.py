"""Ways round an object: where a fingertip goes before it pushes."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.schema import Interface
from world_model_ros.planning.objective import Goals
from world_model_ros.planning.proposals import _BEHIND, _PUSHED, GoalProposals, push_way

STANDOFF, STEP, HORIZON = 0.05, 0.03, 20


def _places(tip: tuple[float, float], item: tuple[float, float], goal: tuple[float, float]) -> torch.Tensor:
    """Where (H, 2) the fingertip is after each tick."""
    start, pushed, wanted = (torch.tensor(place) for place in (tip, item, goal))
    return start + push_way(start, pushed, wanted, STANDOFF, torch.tensor(STEP), HORIZON).cumsum(0)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.5, 3.0, -2.5, -1.0])
@pytest.mark.parametrize("start", [0.0, 0.7, 2.0, 3.14, -1.6])
def test_the_way_leads_round_the_object_behind_it_and_on_to_the_goal(angle: float, start: float) -> None:
    item, ahead = torch.tensor([0.4, -0.1]), torch.tensor([math.cos(angle), math.sin(angle)])
    goal = item + 0.08 * ahead
    tip = item + 0.09 * torch.tensor([math.cos(start), math.sin(start)])
    places = _places(tuple(tip.tolist()), tuple(item.tolist()), tuple(goal.tolist()))
    way = torch.cat([tip[None], places])
    assert (way[1:] - way[:-1]).norm(dim=1).max() < STEP + 1e-5
    behind = (way - (item - _BEHIND * STANDOFF * ahead)).norm(dim=1)
    arrived = int(behind.argmin())
    assert behind[arrived] < 0.5 * STEP + 1e-4
    assert (way[: arrived + 1] - item).norm(dim=1).min() > 0.9 * STANDOFF, "grazed the object"
    assert (places[-1] - (goal - _PUSHED * STANDOFF * ahead)).norm() < 1e-4


def test_a_fingertip_that_is_behind_goes_straight_on() -> None:
    places = _places((0.33, 0.0), (0.4, 0.0), (0.5, 0.0))
    assert places[:, 1].abs().max() < 1e-6
    assert torch.all(places[1:, 0] >= places[:-1, 0] - 1e-6)


def test_an_object_at_its_goal_gives_finite_numbers() -> None:
    assert torch.isfinite(_places((0.4, 0.0), (0.4, 0.0), (0.4, 0.0))).all()


def test_each_hand_is_proposed_its_own_columns_where_others_lie_between() -> None:
    interface = load_contract("humanoid_upper_body").interface
    tips = [{**tip.model_dump(), "kind": "tip_displacement", "bound_m": 0.03} for tip in interface.action.tips]
    between = {"kind": "joint_displacement", "joints": [interface.joints[0].name], "bound": 0.1}
    action = {"kind": "parts", "parts": [tips[0], between, tips[1]]}
    told = Interface.model_validate(interface.model_dump() | {"action": action})
    places = torch.tensor([[0.4, 0.2, 0.08], [0.4, -0.2, 0.08], [0.5, 0.0, 0.03]])
    proposals = GoalProposals(SimpleNamespace(positions=lambda memory: places[None]), told)
    poses = torch.cat([places, torch.zeros(3, 4)], 1)
    poses[:2, 0] += 0.1
    bound = torch.tensor([0.03, 0.03, 0.1, 0.03, 0.03]).expand(HORIZON, 5)
    goals = Goals(poses, torch.tensor([1.0, 1.0, 0.0]), torch.zeros(1), torch.zeros(1), None, None)
    straight = proposals(torch.zeros(1), goals, -bound, bound, torch.zeros(HORIZON, 5))[2]
    assert straight.sum(0).tolist() == pytest.approx([0.1, 0.0, 0.0, 0.1, 0.0], abs=1e-4)
