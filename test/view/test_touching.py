"""Contacts are drawn at the fingertip that can have them."""

from __future__ import annotations

import numpy as np

from world_model_ros.view.pictures.touch import touching_way

LEFT = np.array([[0.4, 0.2, 0.0], [0.4, 0.1, 0.0], [0.4, 0.05, 0.0]])
RIGHT = np.array([[0.4, -0.1, 0.0], [0.4, -0.1, 0.0], [0.4, -0.1, 0.0]])
THING = np.tile([0.4, 0.0, 0.0], (3, 1))


def test_it_is_the_fingertip_nearest_to_an_object_at_each_step():
    np.testing.assert_allclose(touching_way([LEFT, RIGHT], [THING])[:, 1], [-0.1, 0.1, 0.05])


def test_one_fingertip_or_no_object_leaves_no_choice():
    np.testing.assert_allclose(touching_way([RIGHT], [THING]), RIGHT)
    np.testing.assert_allclose(touching_way([LEFT, RIGHT], []), LEFT)
    assert touching_way([], [THING]) is None
