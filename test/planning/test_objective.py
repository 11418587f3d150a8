"""An objective of somebody's own in the place of ours, and what is said of one that is none."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from test_planner import BOUND, HORIZON, PointWorld
from torch import Tensor
from worlds import point_interface

from world_model_ros.core.errors import UserError
from world_model_ros.core.noise import coloured_noise
from world_model_ros.planning.objective import Futures, Goals, Objective, objective_named
from world_model_ros.planning.planner import PlanConfig, Planner


class Uphill(Objective):
    """The farther in y, the cheaper, and every metre of way costs."""

    @dataclass(frozen=True)
    class Config:
        way_weight: float = 0.1

    def forward(self, futures: Futures, goals: Goals) -> Tensor:
        return self.config.way_weight * futures.actions.abs().sum((1, 2)) - futures.states[:, -1, 1]


def test_a_plan_follows_another_objective_and_its_settings() -> None:
    noise = torch.from_numpy(coloured_noise(0, (3, 64, HORIZON, 2), 2.0)).float()
    bound, still, zero = torch.full((HORIZON, 2), BOUND), torch.zeros(HORIZON, 2), torch.zeros(1)
    goals = Goals(torch.zeros(1, 7), torch.ones(1), torch.zeros(2), zero, None, None)

    def end(**settings: float) -> float:
        config = PlanConfig(HORIZON).but(samples=64, iterations=3, objective=f"{__name__}:Uphill", **settings)
        planner = Planner(PointWorld(), point_interface(), config)
        return float(planner(torch.zeros(3), goals, -bound, bound, still, noise).states[-1, 1])

    assert end() > 0.5 * HORIZON * BOUND
    assert end(way_weight=100.0) == 0.0


@pytest.mark.parametrize("name", ["nomod:X", "json:X"])
def test_the_name_that_was_given_is_not_the_closest_one(name: str) -> None:
    with pytest.raises(UserError, match=r"module:Class of .*(No module named nomod|module json has no)") as told:
        objective_named(name)
    assert "closest" not in str(told.value)


@pytest.mark.parametrize("name", ["shortest", "no_such_module:Cost", "json:Cost", "json:dumps", ":", "json:"])
def test_what_is_no_objective_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(UserError, match=r"objective.*goal.*module:Class"):
        objective_named(name)
