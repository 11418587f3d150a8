"""The planner on a world whose physics is known exactly."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from worlds import point_interface

from world_model_ros.core.noise import coloured_noise
from world_model_ros.planning.objective import Futures, Goals
from world_model_ros.planning.planner import PlanConfig, Planner
from world_model_ros.planning.proposals import straight_way
from world_model_ros.planning.solver import ICEM, Planned

HORIZON = 12
BOUND = 0.03
CONFIG = PlanConfig(horizon=HORIZON)


class PointWorld(nn.Module):
    """State (N, 3): the fingertip, which does what it is told in x and y."""

    def imagine(self, memory: Tensor, candidates: Tensor) -> Tensor:
        return memory + torch.cat([candidates, torch.zeros_like(candidates[..., :1])], -1).cumsum(1)

    def positions(self, state: Tensor) -> Tensor:
        return state[:, None]

    def sigmas(self, states: Tensor) -> Tensor:
        return torch.full((*states.shape[:2], 1, 3), 0.001)

    def senses(self, state: Tensor) -> dict[str, Tensor]:
        return {"arm": state}

    def code_head(self, state: Tensor) -> Tensor:
        return state


def _plan(
    goal: list[float],
    seed: int = 0,
    axes: str = "xy",
    weight: float = 1.0,
    decay: float = 1.0,
    iterations: int = 3,
) -> Planned:
    config = CONFIG.but(samples=64, decay=decay, iterations=iterations)
    planner = Planner(PointWorld(), point_interface(axes), config)
    poses = torch.tensor([[*goal, 0.0, 0.0, 0.0, 1.0]])
    zero = torch.zeros(1)
    goals = Goals(poses, torch.tensor([weight]), torch.zeros(2), zero, None, None)
    noise = torch.from_numpy(coloured_noise(seed, (iterations, 64, HORIZON, 2), 2.0)).float()
    bound = torch.full((HORIZON, 2), BOUND)
    return planner(torch.zeros(3), goals, -bound, bound, torch.zeros(HORIZON, 2), noise)


def test_a_goal_within_reach_is_reached_and_kept() -> None:
    states = _plan([0.1, -0.05, 0.0]).states
    distance = (states[:, :2] - torch.tensor([0.1, -0.05])).norm(dim=1)
    assert distance[5:].max() < 0.01


def test_sampling_alone_gets_near_without_being_shown_the_straight_way() -> None:
    states = _plan([0.1, -0.05, 0.0], axes="").states
    assert (states[-1, :2] - torch.tensor([0.1, -0.05])).norm() < 0.03


def test_a_population_that_decays_keeps_two_elites_worth() -> None:
    assert [ICEM.Config(samples=64, decay=2.0).population(i) for i in range(4)] == [64, 32, 20, 20]
    assert _plan([0.2, 0.1, 0.0]).candidates.shape[0] == 64
    assert _plan([0.2, 0.1, 0.0], decay=2.0).candidates.shape[0] == 20


def test_the_search_never_narrows_to_a_point() -> None:
    """However often it is narrowed, candidates still differ by the floor of the spread."""
    for seed in range(3):
        drawn = _plan([0.02, 0.0, 0.0], seed=seed, iterations=12).candidates[8:]
        assert drawn.std(0).mean() > 0.5 * ICEM.Config.spread[1] * BOUND


def test_every_action_is_within_bounds() -> None:
    found = _plan([1.0, 1.0, 0.0])
    assert found.chunk.abs().max() <= BOUND
    assert found.candidates.abs().max() <= BOUND


def test_the_chosen_chunk_costs_no_more_than_standing_still_or_going_straight() -> None:
    chunk, states, cost, *_ = _plan([0.2, 0.1, 0.0])
    objective = Planner(PointWorld(), point_interface(), CONFIG).objective
    goals = Goals(
        torch.tensor([[0.2, 0.1, 0.0, 0.0, 0.0, 0.0, 1.0]]), torch.ones(1), torch.zeros(2), torch.zeros(1), None, None
    )
    still = objective(Futures(torch.zeros(1, HORIZON, 2), torch.zeros(1, HORIZON, 3)), goals)
    assert float(cost) < float(still)
    assert torch.allclose(objective(Futures(chunk[None], states[None]), goals), cost, atol=1e-5)


def test_the_same_noise_gives_the_same_chunk_and_other_noise_another() -> None:
    goal = [0.11, 0.07, 0.0]
    assert torch.equal(_plan(goal, 1, "")[0], _plan(goal, 1, "")[0])
    assert not torch.equal(_plan(goal, 1, "")[0], _plan(goal, 2, "")[0])


def test_a_goal_with_weight_zero_is_off() -> None:
    cost = _plan([0.2, 0.1, 0.0], weight=0.0).cost
    assert abs(float(cost)) < 1e-6


class FoggyWorld(PointWorld):
    """Nothing is known of what happens at y above 2 cm."""

    def sigmas(self, states: Tensor) -> Tensor:
        foggy = states[..., 1] > 0.02
        return torch.where(foggy, 0.2, 0.001)[..., None, None].expand(-1, -1, 1, 3)


def test_a_way_through_the_unknown_is_gone_round() -> None:
    def highest(world: PointWorld) -> float:
        planner = Planner(world, point_interface(""), CONFIG.but(samples=64, iterations=3, risk_weight=2.0))
        zero = torch.zeros(1)
        goal = torch.tensor([[0.2, 0.03, 0.0, 0.0, 0.0, 0.0, 1.0]])
        goals = Goals(goal, torch.ones(1), torch.zeros(2), zero, None, None)
        noise = torch.from_numpy(coloured_noise(0, (3, 64, HORIZON, 2), 2.0)).float()
        bound = torch.full((HORIZON, 2), BOUND)
        found = planner(torch.zeros(3), goals, -bound, bound, torch.zeros(HORIZON, 2), noise)
        return float(found.states[:, 1].max())

    assert highest(PointWorld()) > 0.022
    assert highest(FoggyWorld()) <= 0.02


def _covered(left: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The way to a goal, one tick after the other."""
    steps = []
    for h in range(low.shape[0]):
        room = torch.where(left > 0, high[h], -low[h])
        share = torch.minimum(torch.ones(1), (room.clamp(min=0.0) / (left.abs() + 1e-6)).min())
        steps.append(torch.maximum(torch.minimum(left * share, high[h]), low[h]))
        left = left - steps[-1]
    return torch.stack(steps)


def test_the_straight_way_takes_on_every_axis_the_same_share_a_tick_until_it_is_covered() -> None:
    random = torch.Generator().manual_seed(0)
    for reach in (0.02, 0.2, 1.0):
        left = reach * (torch.rand(2, generator=random) - 0.5)
        high = BOUND * torch.rand(HORIZON, 2, generator=random)
        low = -BOUND * torch.rand(HORIZON, 2, generator=random)
        straight = straight_way(left, low, high)
        assert torch.allclose(straight, _covered(left, low, high), atol=1e-5)
