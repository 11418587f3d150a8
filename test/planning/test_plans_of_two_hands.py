"""The planner with two hands, on a world whose physics is known exactly."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from world_model_ros.brain.decision import Imagined
from world_model_ros.brain.imagination.candidate_cost import candidate_costs
from world_model_ros.contract.contract import load_contract
from world_model_ros.core.noise import coloured_noise
from world_model_ros.planning.objective import Futures, Goals
from world_model_ros.planning.planner import PlanConfig, Planner
from world_model_ros.planning.solver import Planned

INTERFACE = load_contract("humanoid_upper_body").interface
HORIZON, BOUND, RADIUS = 12, 0.03, 0.045
CONFIG = PlanConfig(horizon=HORIZON).but(samples=96, decay=1.0, iterations=3)


class Table(nn.Module):
    """State (N, 6): x, y of both fingertips, which do what they are told, and of a disc that they shove."""

    def imagine(self, memory: Tensor, candidates: Tensor) -> Tensor:
        state, states = memory.expand(candidates.shape[0], -1), []
        for h in range(candidates.shape[1]):
            tips, disc = state[:, :4] + candidates[:, h], state[:, 4:]
            for hand in range(2):
                away = disc - tips[:, 2 * hand : 2 * hand + 2]
                distance = away.norm(dim=1, keepdim=True).clamp(min=1e-6)
                disc = disc + away / distance * (RADIUS - distance).clamp(min=0.0)
            state = torch.cat([tips, disc], 1)
            states.append(state)
        return torch.stack(states, 1)

    def positions(self, state: Tensor) -> Tensor:
        places = state.reshape(-1, 3, 2)
        return torch.cat([places, torch.full_like(places[..., :1], 0.08)], -1)

    def sigmas(self, states: Tensor) -> Tensor:
        return torch.full((*states.shape[:2], 3, 3), 0.001)

    def senses(self, state: Tensor) -> dict[str, Tensor]:
        return {stream.name: torch.zeros(len(state), 28) for stream in INTERFACE.streams if stream.kind == "joints"}

    def code_head(self, state: Tensor) -> Tensor:
        return state


PLANNER = Planner(Table(), INTERFACE, CONFIG)


def goals(places: list[tuple[float, float]], weights: list[float], hands: list[float] | None = None) -> Goals:
    poses = torch.tensor([[x, y, 0.08, 0.0, 0.0, 0.0, 1.0] for x, y in places])
    pushing = None if hands is None else torch.tensor(hands)
    zero = torch.zeros(1)
    return Goals(poses, torch.tensor(weights), torch.zeros(14), zero, None, None, pushing)


def plan(memory: list[float], wanted: Goals, seed: int = 0, warm: Tensor | None = None) -> Planned:
    noise = torch.from_numpy(coloured_noise(seed, (3, 96, HORIZON, 4), 2.0)).float()
    bound = torch.full((HORIZON, 4), BOUND)
    warm = torch.zeros(HORIZON, 4) if warm is None else warm
    return PLANNER(torch.tensor(memory), wanted, -bound, bound, warm, noise)


def pursue(memory: list[float], wanted: Goals, ticks: int) -> Tensor:
    """Where everything is after executing the first step of a plan again and again."""
    state, warm = torch.tensor(memory), torch.zeros(HORIZON, 4)
    for tick in range(ticks):
        chunk = plan(state.tolist(), wanted, tick, warm).chunk
        state = Table().imagine(state, chunk[None, :1])[0, 0]
        warm = torch.cat([chunk[1:], chunk[-1:]])
    return state


def test_both_fingertips_reach_their_places_in_one_plan() -> None:
    found = plan([0.4, 0.2, 0.4, -0.2, 0.5, 0.2], goals([(0.5, 0.05), (0.35, -0.1), (0, 0)], [1.0, 1.0, 0.0])).states
    assert (found[-1, :4] - torch.tensor([0.5, 0.05, 0.35, -0.1])).abs().max() < 0.01


def test_the_hand_that_is_told_to_pushes_and_the_other_steadies() -> None:
    wanted = goals([(0, 0), (0.43, -0.16), (0.43, -0.1)], [0.0, 1.0, 1.0], [1.0, 0.0])
    end = pursue([0.43, 0.12, 0.4, -0.2, 0.43, 0.0], wanted, 25)
    assert (end[4:] - torch.tensor([0.43, -0.1])).norm() < 0.02
    assert (end[2:4] - torch.tensor([0.43, -0.16])).norm() < 0.02
    assert end[1] > end[5] + 0.5 * RADIUS


def test_no_plan_brings_a_hand_to_the_others_side_or_out_of_its_workspace() -> None:
    crossed = plan(
        [0.4, 0.06, 0.4, -0.02, 0.55, 0.2], goals([(0.5, -0.07), (0.5, 0.07), (0, 0)], [1.0, 1.0, 0.0])
    ).states
    assert (crossed[:, 1] - crossed[:, 3]).min() > 0.02
    beyond = plan([0.4, 0.28, 0.4, -0.2, 0.55, 0.0], goals([(0.4, 0.6), (0.4, -0.2), (0, 0)], [1.0, 0.1, 0.0])).states
    assert 0.29 < beyond[-1, 1] < 0.32


def test_candidates_from_outside_cost_what_the_planner_says() -> None:
    random = torch.Generator().manual_seed(3)
    chunks = BOUND * (2 * torch.rand(6, HORIZON, 4, generator=random) - 1)
    states = Table().imagine(torch.tensor([0.43, 0.08, 0.4, -0.02, 0.43, 0.03]), chunks)
    wanted = goals([(0.45, 0.1), (0.43, -0.16), (0.43, -0.1)], [0.2, 1.0, 1.0], [0.3, 0.7])
    expected = PLANNER.objective(Futures(chunks, states), wanted).numpy()
    poses = np.zeros((6, HORIZON, 3, 7), np.float32)
    poses[..., :3] = Table().positions(states.reshape(-1, 6)).reshape(6, HORIZON, 3, 3).numpy()
    sigma = np.full((6, HORIZON, 3, 3), 0.001, np.float32)
    imagined = Imagined(states.numpy(), np.zeros((6, HORIZON, 14), np.float32), None, poses, sigma)
    asked = {
        "goal_poses": wanted.poses.numpy(),
        "goal_position_weights": wanted.weights.numpy(),
        "goal_hands": wanted.hands.numpy(),
    }
    goal, risk = candidate_costs(imagined, asked, INTERFACE, SimpleNamespace(cost=vars(CONFIG.cost)))
    np.testing.assert_allclose(goal + risk, expected, rtol=1e-4)


def test_one_plan_of_few_candidates_leads_round_the_object_and_leaves_the_idle_hand_where_it_is() -> None:
    """Seen with a trained model: 60 candidates of four columns never found the way, and both hands stood still."""
    wanted = goals([(0.38, 0.2), (0, 0), (0.47, -0.21)], [0.1, 0.0, 1.0], [0.0, 1.0])
    few = Planner(Table(), INTERFACE, PlanConfig(horizon=HORIZON).but(samples=24, iterations=2))
    bound = torch.full((HORIZON, 4), BOUND)
    for seed in range(5):
        noise = torch.from_numpy(coloured_noise(seed, (2, 24, HORIZON, 4), 2.0)).float()
        memory = torch.tensor([0.38, 0.2, 0.44, -0.2, 0.47, -0.15])
        states = few(memory, wanted, -bound, bound, torch.zeros(HORIZON, 4), noise).states
        assert (states[-1, 4:] - torch.tensor([0.47, -0.21])).norm() < 0.02, seed
        assert (states[:, :2] - torch.tensor([0.38, 0.2])).norm(dim=1).max() < 0.03, "the idle hand wandered off"
