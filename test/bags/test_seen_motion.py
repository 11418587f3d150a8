"""The moments that are drawn are those in which most moves, and what pushes something before what moves in the air."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.bags.seen_motion import MostMoving, Motion, pushed_by, seen_motion

APART_NS = 12


def motion(level: float, pushed: int = 0) -> Motion:
    return Motion(True, True, pushed, level)


def picked(levels: list[float], count: int) -> list[int]:
    """Which moments are picked, of one a nanosecond."""
    kept: MostMoving[int] = MostMoving(count, APART_NS)
    for i, level in enumerate(levels):
        kept.add(i, motion(level), i)
    return kept.items()


def test_the_largest_that_are_apart_are_picked_in_order_of_time() -> None:
    levels = [0.0] * 2000
    for at, level in ((100, 5.0), (104, 9.0), (108, 8.0), (700, 7.0), (1500, 6.0)):
        levels[at] = level
    assert picked(levels, 3) == [104, 700, 1500]
    assert picked(levels, 1) == [104]
    assert picked(levels, 0) == []


def test_few_moments_are_all_picked_however_near_they_are() -> None:
    assert picked([1.0, 3.0, 2.0], 5) == [0, 1, 2]
    assert picked([1.0, 3.0, 2.0, 0.9, 0.8], 2) == [1, 4], "as far from the largest as there is room for"


def test_two_of_one_motion_go_before_a_dull_moment() -> None:
    levels = [0.0] * 40 + [8.0, 9.0, 8.0, 7.0, 8.0, 9.0, 8.0] + [0.1] * 40
    assert picked(levels, 2) == [41, 45]
    assert len(picked(levels, 12)) == 12, "dull ones where no others are left"


def test_where_nothing_moves_they_are_spread() -> None:
    found = picked([0.0] * 1000, 4)
    assert len(found) == 4
    assert min(np.diff(found)) >= 100


def test_a_push_goes_before_a_larger_motion_in_the_air_but_not_before_what_was_meant() -> None:
    assert motion(2.0, pushed=3) > motion(20.0)
    assert motion(2.0, pushed=3) < Motion(True, True, 3, 4.0)
    assert Motion(True, False, 9, 20.0) < motion(1.0)


def test_how_far_something_was_pushed_is_the_farthest_from_where_it_was() -> None:
    there_and_back = [(0.0, 0.0, 0.0), (0.0, 0.05, 0.0), (0.0, 0.0, 0.0)]
    assert pushed_by([there_and_back, [(1.0, 0.0, 0.0)], []]) == 5
    assert pushed_by([[(0.0, 0.0), (0.004, 0.0)]]) == 0, "a tracker's noise is no push"
    assert pushed_by([]) == 0


def test_lost_frames_count_as_still() -> None:
    dark, bright = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 40, np.uint8)
    assert seen_motion(dark, [None, None]) is None
    found = seen_motion(dark, [bright, None, bright, None])
    assert found is not None
    assert found.enough
    assert found.grey_levels == pytest.approx(20.0)
