"""A trajectory is sampled only if it has a point at each of its times, and times that increase."""

from __future__ import annotations

import numpy as np
import pytest

import world_model_ros as wm


def trajectory(times_s: list[float], positions: int, velocities: int) -> wm.Trajectory:
    rows = np.arange(float(positions))[:, None]
    return wm.Trajectory(("a",), np.array(times_s), rows, np.zeros((velocities, 1)), 0)


def test_points_at_all_times_are_sampled() -> None:
    whole = trajectory([0.0, 0.1, 0.2], 3, 3)
    assert [whole.sample(now_ns)[0][0] for now_ns in (-1, 50_000_000, 300_000_000)] == pytest.approx([0.0, 0.5, 2.0])
    assert trajectory([0.1], 1, 1).sample(0)[0] == [0.0]


@pytest.mark.parametrize(
    ("times_s", "positions", "velocities", "said"),
    [
        ([0.0, 0.1], 1, 1, r"^positions: got '1 rows'; expected 2, one a time"),
        ([0.0, 0.1], 2, 1, r"^velocities: got '1 rows'; expected 2"),
        ([0.0], 2, 2, r"^positions: got '2 rows'; expected 1"),
        ([0.0, 0.2, 0.1], 3, 3, r"^times_s: got \[0\.0, 0\.2, 0\.1\]; expected times that increase"),
        ([0.0, 0.0], 2, 2, r"^times_s: .*times that increase"),
        ([0.0, float("nan"), 0.2], 3, 3, r"^times_s: .*times that increase"),
        ([], 0, 0, r"^times_s: .*one point at least"),
    ],
)
def test_what_is_no_course_is_not_sampled(times_s, positions, velocities, said) -> None:
    for now_ns in (-1, 10_000_000, 10**9):
        with pytest.raises(wm.UserError, match=said):
            trajectory(times_s, positions, velocities).sample(now_ns)
