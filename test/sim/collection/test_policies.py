"""The policies that gather data."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.sim.collection.policies import Coloured, Place, Reach, ScriptedPush, push_step, round_step

WORKSPACE = np.array([[0.28, -0.32], [0.72, 0.32]])
PLACE = Place(0.03, WORKSPACE, np.array([[0.38, -0.22], [0.62, 0.22]]))


@pytest.mark.parametrize("kind", [ScriptedPush, Coloured, Reach])
def test_actions_stay_in_bounds_and_repeat_under_a_seed(kind):
    runs = []
    for _ in range(2):
        policy = kind(4, PLACE)
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


def test_the_way_round_an_object_does_not_touch_it_and_gets_there():
    random = np.random.default_rng(0)
    item = np.array([0.5, 0.0])
    for _ in range(50):
        tip, place = (item + random.uniform(0.07, 0.2) * _unit(random.uniform(-np.pi, np.pi)) for _ in range(2))
        nearest = np.inf
        for _ in range(60):
            tip = tip + round_step(tip, item, place, 0.02)
            nearest = min(nearest, np.hypot(*(tip - item)))
        assert np.hypot(*(tip - place)) < 1e-3
        assert nearest > 0.06


def _unit(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)])
