"""The policies that gather data."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.sim.policies import POLICY_SHARES, make_policy, push_step

WORKSPACE = np.array([[0.28, -0.32], [0.72, 0.32]])


@pytest.mark.parametrize("name", POLICY_SHARES)
def test_actions_stay_in_bounds_and_repeat_under_a_seed(name):
    runs = []
    for _ in range(2):
        policy = make_policy(name, 4, 0.03, WORKSPACE)
        tip, item, moves = np.array([0.4, 0.0]), np.array([0.5, 0.1]), []
        for _ in range(100):
            moves.append(policy.act(tip, item))
            tip = np.clip(tip + moves[-1], *WORKSPACE)
        runs.append(np.array(moves))
    assert np.abs(runs[0]).max() <= 0.03
    assert np.ptp(runs[0], axis=0).min() > 0.01
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize("seed", range(12))
def test_pushing_brings_an_object_to_its_goal_in_a_plane_of_round_things(seed):
    """Kinematic world: the tip shoves a disc straight away whenever it would get nearer than 45 mm."""
    random = np.random.default_rng(seed)
    item, goal = (random.uniform([0.38, -0.22], [0.62, 0.22]) for _ in range(2))
    tip = random.uniform(*WORKSPACE)
    while np.hypot(*(tip - item)) < 0.08:
        tip = random.uniform(*WORKSPACE)
    for _ in range(120):
        tip = tip + push_step(tip, item, goal, 0.02)
        away = item - tip
        item = tip + away * max(1.0, 0.045 / np.hypot(*away))
        if np.hypot(*(goal - item)) < 0.02:
            return
    raise AssertionError(f"{np.hypot(*(goal - item)):.3f} m left")
