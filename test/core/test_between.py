"""Values between two samples."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from world_model_ros.core.arrays import between

PAST = [(10, np.array([0.0, 4.0])), (20, np.array([1.0, 4.0])), (40, np.array([2.0, 0.0]))]


@pytest.mark.parametrize("past", [PAST, deque(PAST)])
@pytest.mark.parametrize(
    ("at", "value"),
    [(9, [0, 4]), (10, [0, 4]), (15, [0.5, 4]), (20, [1, 4]), (30, [1.5, 2]), (40, [2, 0]), (41, [2, 0])],
)
def test_it_is_straight_between_the_samples_around_and_that_of_an_end_beyond_it(past, at, value):
    assert between(past, at).tolist() == value
