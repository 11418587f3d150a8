"""A beam over chunks of a made-up model: a point that moves by what is done, and is as far as it is from its goal."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from world_model_ros.planning.chunk_beam import ChunkBeam, ChunkSample, ChunkSearch
from world_model_ros.planning.solver import ICEM, Planned

K = 2


class Point:
    """Position (N, 1) on a line; the behaviour does what the noise says, within a step."""

    chunk_ticks = K

    def __init__(self) -> None:
        self.asked = 0

    def sample(self, memory: Tensor, goals: Tensor, noise: Tensor) -> Tensor:
        self.asked += len(noise)
        return noise.clamp(-1.0, 1.0)

    def imagine_chunk(self, memory: Tensor, chunk: Tensor) -> Tensor:
        return memory[:, None] + chunk.cumsum(1)

    def distance(self, memory: Tensor, goals: Tensor) -> Tensor:
        return (memory - goals).abs()[:, 0]


def planned(steps: int, goal: float, warm: Tensor | None = None, bound: float = 1.0):
    noise = torch.randn(steps, 16, K, 1, generator=torch.Generator().manual_seed(5))
    model, high = Point(), torch.full((K * steps, 1), bound)
    warm = torch.zeros_like(high) if warm is None else warm
    found = ChunkBeam(model, 16, steps)(torch.zeros(1), torch.tensor([goal]), -high, high, warm, noise)
    return found, model


def test_it_goes_as_far_as_its_chunks_and_further_with_more_of_them():
    one, two, three = (planned(steps, 5.0)[0] for steps in (1, 2, 3))
    assert one.cost > two.cost + 0.5 > three.cost + 1.0
    assert three.chunk.shape == (3 * K, 1)
    torch.testing.assert_close(three.states, three.chunk.cumsum(0))
    torch.testing.assert_close(three.cost, (three.states[-1] - 5.0).abs())


def test_every_step_samples_as_many_chunks_and_the_best_future_comes_last():
    found, model = planned(3, 2.0)
    assert model.asked == 3 * 16
    assert found.futures.shape == (16, 3 * K, 1)
    far = (found.futures[:, -1, 0] - 2.0).abs()
    assert (far.diff() <= 1e-6).all()
    torch.testing.assert_close(found.futures[-1], found.states)


def test_what_was_planned_before_competes_though_its_first_chunk_is_the_worst():
    detour = torch.tensor([[-1.0], [-1.0], [9.0], [9.0], [0.0], [0.0]])  # no other comes as far as its second leads
    found, _ = planned(3, 16.0, warm=detour, bound=9.0)
    torch.testing.assert_close(found.chunk[: 2 * K], detour[: 2 * K])
    assert found.chunk[2 * K :].abs().amin() > 0.0  # its end is sampled


def test_an_action_that_was_only_repeated_does_not_compete():
    exact = torch.full((K, 1), 0.75)  # what came after a plan: by itself it would be the best
    assert 0.0 < planned(1, 1.5, warm=exact)[0].cost == planned(1, 1.5)[0].cost
    still = torch.zeros(3 * K, 1)
    still[0] = 1e-3  # a plan that is nothing but its last action, again and again; it would be the best
    found, _ = planned(3, 0.0, warm=still)
    assert found.chunk[2 * K :].abs().amin() > 0.0


@pytest.mark.parametrize("bound", [0.0, 0.3])
def test_it_keeps_bounds(bound: float):
    found, _ = planned(2, 5.0, bound=bound, warm=torch.ones(2 * K, 1))
    assert found.chunk.abs().max() <= bound
    assert found.states.abs().max() <= 2 * K * bound + 1e-6


def noise_of(steps: int, width: int = 16) -> Tensor:
    return torch.randn(steps, width, K * steps, 1, generator=torch.Generator().manual_seed(5))


def run(search: torch.nn.Module, steps: int, goal: float, warm: float = 0.0) -> Planned:
    high = torch.ones(K * steps, 1)
    return search(torch.zeros(1), torch.tensor([goal]), -high, high, warm * high, noise_of(steps))


def test_less_noise_makes_more_usual_chunks():
    full, less = (run(ChunkBeam(Point(), 16, 2, noise=noise), 2, 1.0) for noise in (1.0, 0.1))
    assert less.candidates.abs().max() < 0.5 < full.candidates.abs().max()


def test_a_free_search_judges_by_the_same_distance():
    config = ICEM.Config(16, 2, elites=4)
    found = run(ChunkSearch(Point(), ICEM(config)), 2, 2.0)
    assert found.chunk.shape == (2 * K, 1)
    assert float(found.cost) == pytest.approx(abs(float(found.chunk.sum()) - 2.0), abs=1e-5)
    assert float(found.cost) < 0.3


def test_behaviour_alone_takes_its_first_sample_whatever_the_goal():
    near, far = (run(ChunkSample(Point(), 12, 2), 2, goal, warm=1.0) for goal in (0.0, 9.0))
    first = noise_of(2)[:, 0, :K].clamp(-1.0, 1.0).reshape(2 * K, 1)
    torch.testing.assert_close(near.chunk, first)
    torch.testing.assert_close(far.chunk, first)
    torch.testing.assert_close(near.futures[-1, -1], first.sum(0))
    assert near.candidates.shape == (12, 2 * K, 1)
