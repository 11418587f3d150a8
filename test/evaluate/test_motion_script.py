"""Scripts of motions: speeds for seconds, as text."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.imagination.motion_script import parse_script


def test_a_script_is_speeds_for_seconds(contract: Contract):
    actions = parse_script("x=0.2 y=-0.1 for 0.3; for 0.2", contract)
    np.testing.assert_allclose(actions, [[0.02, -0.01]] * 3 + [[0, 0]] * 2)


@pytest.mark.parametrize(
    "text",
    ["", "x=0.2", "q=0.1 for 1", "x=9 for 1", "x=fast for 1", "for 0", "for 1e9", "for 1e999", "for 2e3; for 2e3"],
)
def test_a_script_that_cannot_be_meant_is_refused(contract: Contract, text: str):
    with pytest.raises(UserError, match="script"):
        parse_script(text, contract)


def test_axes_of_a_humanoid_are_its_joints():
    contract = load_contract("unitree_g1")
    name = contract.interface.action.joints[3]
    actions = parse_script(f"{name}=0.1 for 0.1", contract)
    assert actions.shape[1] == contract.interface.action.size
    assert np.flatnonzero(actions[0]).tolist() == [3]
