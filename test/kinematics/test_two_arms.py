"""Two arms of seven joints: each goes its own way, and its spare joint stays near rest."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics, tool_down

CONTRACT = load_contract("humanoid_upper_body")
ARMS = ArmKinematics(CONTRACT)
HEIGHT_M, TICK_S = 0.08, 0.1


def at(left: tuple[float, float], right: tuple[float, float]) -> np.ndarray:
    q = ARMS.solve(CONTRACT.rest, np.array([[*left, HEIGHT_M], [*right, HEIGHT_M]]), tool_down())
    assert q is not None
    return q


HOME = at((0.38, 0.2), (0.38, -0.2))


def test_every_corner_of_both_workspaces_is_reached_from_rest():
    for tip, link in zip(CONTRACT.interface.action.tips, ARMS.links):
        (x0, x1), (y0, y1), _ = tip.workspace_m
        for place in ((x0, y0), (x0, y1), (x1, y0), (x1, y1)):
            q = at(place, (0.38, -0.2)) if link == ARMS.links[0] else at((0.38, 0.2), place)
            position, rotation = ARMS.tip(q, link)
            np.testing.assert_allclose(position, [*place, HEIGHT_M], atol=5e-4)
            np.testing.assert_allclose(rotation, tool_down(), atol=2e-3)


def test_a_chunk_for_one_hand_leaves_the_other_where_it_is():
    trajectory = ARMS.chunk_trajectory(HOME, np.tile([0.0, 0.0, 0.02, 0.01], (4, 1)), 0, TICK_S)
    tips = np.array([ARMS.tips(q) for q in trajectory.positions])
    assert np.array_equal(trajectory.positions[:, :7], np.tile(HOME[:7], (len(trajectory.positions), 1)))
    np.testing.assert_allclose(tips[3, 1] - tips[0, 1], [0.06, 0.03, 0.0], atol=1e-3)
    np.testing.assert_allclose(ARMS.applied_action(HOME, trajectory.positions[3]), [0, 0, 0.06, 0.03], atol=1e-3)


def test_the_spare_joint_does_not_drift_however_long_the_hand_wanders():
    q = HOME
    for angle in np.linspace(0.0, 8 * np.pi, 160):
        move = 0.02 * np.array([np.cos(angle), np.sin(angle)])
        q = ARMS.chunk_trajectory(q, np.array([[*move, *-move]]), 0, TICK_S).positions[-1]
    back = ARMS.solve(q, np.array([[0.38, 0.2, HEIGHT_M], [0.38, -0.2, HEIGHT_M]]), tool_down())
    assert np.abs(back - HOME).max() < 0.15


def test_a_joint_that_carries_two_fingertips_is_refused():
    data = yaml.safe_load(CONTRACT.text)
    for part in (data["interface"]["action"]["fingertips"], data["interface"]["targets"]):
        part[1]["link"] = "left_wrist_ft"
    with pytest.raises(UserError, match="left_shoulder_pitch_joint"):
        ArmKinematics(contract_from_text(yaml.safe_dump(data), folder=CONTRACT.folder))
