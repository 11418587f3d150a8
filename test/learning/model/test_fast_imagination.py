"""Futures of many candidates, computed in fewer products than a step at a time."""

from __future__ import annotations

import pytest
import torch

from world_model_ros.contract.contract import load_contract
from world_model_ros.learning.model.world_model import WorldModel


@pytest.mark.parametrize("robot", ["tabletop_arm", "unitree_g1"])
def test_imagining_ahead_is_stepping_again_and_again(robot: str) -> None:
    torch.manual_seed(0)
    model = WorldModel(load_contract(robot).interface).eval()
    memory = 0.5 * torch.randn(model.state_size)
    actions = torch.randn(5, 12, len(model.action_scale)) * model.action_scale
    with torch.no_grad():
        states = model.imagine(memory, actions)
        state = memory.expand(5, -1)
        for h in range(12):
            state = model.step(state, actions[:, h])
            assert torch.allclose(states[:, h], state, rtol=1e-4, atol=1e-5), h
