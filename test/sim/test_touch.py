"""Contact forces on the pad."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from world_model_ros.sim.touch import PAD_HIGH_M, PAD_LOW_M, TaxelGrid

NUMBER = st.floats(-5.0, 5.0)


@given(st.lists(st.tuples(NUMBER, NUMBER, st.floats(-0.1, 0.1), NUMBER, NUMBER, NUMBER), min_size=1, max_size=6))
def test_the_grid_adds_up_to_the_forces(contacts):
    rows = np.array(contacts)
    grid = TaxelGrid(4, 8).spread(rows[:, :3], rows[:, 3:])
    np.testing.assert_allclose(grid.sum(axis=(0, 1)), rows[:, 3:].sum(axis=0), atol=1e-9)


def test_the_column_tells_the_side_and_the_row_the_height():
    grid = TaxelGrid(4, 8)
    for column in range(8):
        for row in range(4):
            angle = 2 * np.pi * column / 8
            height = PAD_LOW_M + (row + 0.5) / 4 * (PAD_HIGH_M - PAD_LOW_M)
            point = np.array([[0.012 * np.cos(angle), 0.012 * np.sin(angle), -height]])
            pressed = np.abs(grid.spread(point, np.array([[0.0, 0.0, 3.0]]))[:, :, 2])
            assert np.unravel_index(pressed.argmax(), pressed.shape) == (row, column)
