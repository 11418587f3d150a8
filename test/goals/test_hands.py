"""Which hand pushes, which one helps, and how they keep apart."""

from __future__ import annotations

import numpy as np

from world_model_ros.contract.contract import load_contract
from world_model_ros.goals.hands import APART_M, Hands

HANDS = Hands.of(load_contract("humanoid_upper_body").interface.hands)
LEFT, RIGHT = 0, 1
TIPS = np.array([[0.4, 0.2], [0.4, -0.2]])


def moved(item: np.ndarray, x: float, y: float) -> np.ndarray:
    return item + np.array([x, y])


def test_the_hand_that_is_behind_the_object_pushes_it():
    item = np.array([0.43, 0.0])
    assert HANDS.pusher(TIPS, item, moved(item, 0.0, -0.1)) == LEFT
    assert HANDS.pusher(TIPS, item, moved(item, 0.0, 0.1)) == RIGHT
    assert HANDS.pusher(TIPS, item, moved(item, 0.0, 0.1), busy={RIGHT}) == LEFT


def test_a_hand_that_cannot_get_behind_the_object_leaves_it_to_the_other():
    item, near = np.array([0.43, 0.15]), np.array([[0.43, 0.09], [0.4, -0.2]])
    assert not HANDS.reaches(RIGHT, item, moved(item, 0.0, 0.1))
    assert HANDS.pusher(near[::-1], item, moved(item, 0.0, 0.1)) == LEFT


def test_the_helper_is_the_hand_that_the_object_is_pushed_toward():
    item = np.array([0.43, 0.08])
    assert HANDS.helper(LEFT, item, moved(item, 0.0, -0.1)) == RIGHT
    assert HANDS.helper(LEFT, item, moved(item, 0.1, 0.0)) is None
    assert HANDS.helper(RIGHT, item, moved(item, 0.0, -0.1)) is None


def test_hands_do_not_come_to_each_others_side():
    random = np.random.default_rng(0)
    tips = TIPS.copy()
    for _ in range(300):
        toward = np.array([[0.0, -0.02], [0.0, 0.02]]) + random.uniform(-0.03, 0.03, (2, 2))
        tips += HANDS.kept_apart(tips, toward)
        assert (tips[LEFT] - tips[RIGHT])[1] > APART_M - 1e-9
    alone = Hands.of(load_contract("tabletop_arm").interface.hands)
    move = np.array([[0.03, -0.03]])
    np.testing.assert_array_equal(alone.kept_apart(TIPS[:1], move), move)
