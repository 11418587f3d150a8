"""Solvers on costs that are known exactly, and their place in a planner."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from world_model_ros.core.errors import UserError
from world_model_ros.core.noise import coloured_noise
from world_model_ros.planning.planner import PlanConfig
from world_model_ros.planning.solver import ICEM, MPPI, SOLVERS, Evaluate, Planned, Search, Solver, solver_named

HORIZON, COLUMNS = 6, 2
WANTED = torch.linspace(-0.4, 0.5, HORIZON * COLUMNS).reshape(HORIZON, COLUMNS)


def bowl(candidates: Tensor) -> tuple[Tensor, Tensor]:
    """States are the sums of actions; the cost is the squared distance to `WANTED`."""
    return candidates.cumsum(1), ((candidates - WANTED) ** 2).sum((1, 2))


def solve(solver: Solver, seed: int = 0, proposals: Tensor | None = None) -> Planned:
    config, one = solver.config, torch.ones(HORIZON, COLUMNS)
    noise = coloured_noise(seed, (config.iterations, config.samples, HORIZON, COLUMNS), 0.0)
    first = torch.zeros(1, HORIZON, COLUMNS) if proposals is None else proposals
    return solver(bowl, Search(first, first[0], one, -one, one, torch.from_numpy(noise).float()))


MANY = {"icem": ICEM(ICEM.Config(200, 6, decay=1.25)), "mppi": MPPI(MPPI.Config(200, 6))}


@pytest.mark.parametrize("name", SOLVERS)
def test_it_comes_far_nearer_than_what_was_proposed(name: str) -> None:
    found = solve(MANY[name])
    assert float(found.cost) < 0.15 * float(bowl(torch.zeros(1, HORIZON, COLUMNS))[1])
    assert torch.allclose(bowl(found.chunk[None])[1], found.cost)
    assert torch.equal(bowl(found.chunk[None])[0][0], found.states)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_never_dearer_than_a_proposal_and_keeps_to_the_bounds(name: str, seed: int) -> None:
    proposals = torch.stack([torch.zeros(HORIZON, COLUMNS), WANTED + 0.01])
    found = solve(MANY[name], seed, proposals)
    assert float(found.cost) <= float(bowl(proposals)[1].min())
    assert found.candidates.abs().max() <= 1.0


class Still(Solver):
    """Proposes nothing of its own."""

    def forward(self, evaluate: Evaluate, search: Search) -> Planned:
        states, cost = evaluate(search.proposals)
        return Planned(search.proposals[0], states[0], cost[:1], search.proposals, states)


def test_an_own_solver_is_named_by_its_module_and_takes_settings() -> None:
    config = PlanConfig().but(solver=f"{__name__}:Still", samples=20)
    assert solver_named(config.solver) is Still
    assert config.search == Still.Config(20, PlanConfig().search.iterations)
    assert PlanConfig.of(config.as_dict()) == config


@pytest.mark.parametrize("name", ["cem", "no_such_module:Search", "json:Search", "json:dumps", ":"])
def test_what_is_no_solver_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(UserError, match=r"solver.*beam.*icem.*mppi.*module:Class"):
        solver_named(name, "beam")


def test_more_iterations_of_mppi_come_nearer() -> None:
    costs = [float(solve(MPPI(MPPI.Config(200, iterations))).cost) for iterations in (1, 3, 8)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.5 * costs[0]


def test_costs_that_are_all_the_same_leave_mppi_finite() -> None:
    solver, one = MPPI(), torch.ones(HORIZON, COLUMNS)
    noise = torch.from_numpy(coloured_noise(0, (2, 40, HORIZON, COLUMNS), 0.0)).float()
    found = solver(
        lambda candidates: (candidates, torch.zeros(len(candidates))), Search(one[None], one, one, -one, one, noise)
    )
    assert found.chunk.isfinite().all()


def test_a_wrong_name_is_refused_with_the_legal_ones() -> None:
    with pytest.raises(UserError, match=r"solver.*simplex.*icem.*mppi"):
        solver_named("simplex")


def test_settings_find_their_part_and_another_solver_keeps_the_size_of_the_search() -> None:
    config = PlanConfig().but(samples=64, risk_weight=2.0, standoff_m=0.07, solver="mppi", temperature=0.5, horizon=9)
    assert config.search == MPPI.Config(samples=64, temperature=0.5)
    assert config.cost.risk_weight == 2.0
    assert config.cost.standoff_m == config.proposals.standoff_m == 0.07
    assert config.horizon == 9
    assert PlanConfig.of(config.as_dict()) == config
    with pytest.raises(UserError, match=r"elites.*temperature"):
        config.but(elites=3)
