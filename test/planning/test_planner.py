"""The planner on a world whose physics is known exactly."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from world_model_ros.core.noise import coloured_noise
from world_model_ros.planning.planner import Goals, JointReader, PlanConfig, Planner

HORIZON = 12
BOUND = 0.03


class PointWorld(nn.Module):
    """State (N, 3): the fingertip, which does what it is told in x and y."""

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        return state + torch.cat([action, torch.zeros_like(action[:, :1])], 1)

    def positions(self, state: Tensor) -> Tensor:
        return state[:, None]

    def senses(self, state: Tensor) -> dict[str, Tensor]:
        return {"arm": state}

    def code_head(self, state: Tensor) -> Tensor:
        return state


def _plan(goal: list[float], seed: int = 0, axes: tuple[int, ...] = (0, 1), weight: float = 1.0) -> tuple[Tensor, ...]:
    config = PlanConfig(horizon=HORIZON, samples=64, iterations=3)
    planner = Planner(PointWorld(), config, [0], [], list(axes), JointReader([("arm", 0), ("arm", 1)]))
    poses = torch.tensor([[*goal, 0.0, 0.0, 0.0, 1.0]])
    zero = torch.zeros(1)
    goals = Goals(poses, torch.tensor([weight]), torch.zeros(2), zero, None, None)
    noise = torch.from_numpy(coloured_noise(seed, (3, 64, HORIZON, 2), 2.0)).float()
    bound = torch.full((HORIZON, 2), BOUND)
    return planner(torch.zeros(3), goals, -bound, bound, torch.zeros(HORIZON, 2), noise)


def test_a_goal_within_reach_is_reached_and_kept() -> None:
    _, states, _, _ = _plan([0.1, -0.05, 0.0])
    distance = (states[:, :2] - torch.tensor([0.1, -0.05])).norm(dim=1)
    assert distance[5:].max() < 0.01


def test_sampling_alone_gets_near_without_being_shown_the_straight_way() -> None:
    _, states, _, _ = _plan([0.1, -0.05, 0.0], axes=())
    assert (states[-1, :2] - torch.tensor([0.1, -0.05])).norm() < 0.03


def test_every_action_is_within_bounds() -> None:
    chunk, _, _, candidates = _plan([1.0, 1.0, 0.0])
    assert chunk.abs().max() <= BOUND
    assert candidates.abs().max() <= BOUND


def test_the_chosen_chunk_costs_no_more_than_standing_still_or_going_straight() -> None:
    config = PlanConfig(horizon=HORIZON, samples=64, iterations=3)
    _, states, cost, _ = _plan([0.2, 0.1, 0.0])
    planner = Planner(PointWorld(), config, [0], [], [0, 1], JointReader([("arm", 0), ("arm", 1)]))
    goals = Goals(
        torch.tensor([[0.2, 0.1, 0.0, 0.0, 0.0, 0.0, 1.0]]), torch.ones(1), torch.zeros(2), torch.zeros(1), None, None
    )
    still = planner.cost(torch.zeros(1, HORIZON, 3), goals)
    assert float(cost) < float(still)
    assert torch.allclose(planner.cost(states[None], goals), cost, atol=1e-5)


def test_the_same_noise_gives_the_same_chunk_and_other_noise_another() -> None:
    goal = [0.11, 0.07, 0.0]
    assert torch.equal(_plan(goal, 1, ())[0], _plan(goal, 1, ())[0])
    assert not torch.equal(_plan(goal, 1, ())[0], _plan(goal, 2, ())[0])


def test_a_goal_with_weight_zero_is_off() -> None:
    _, _, cost, _ = _plan([0.2, 0.1, 0.0], weight=0.0)
    assert abs(float(cost)) < 1e-6
