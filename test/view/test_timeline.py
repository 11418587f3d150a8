"""Imagined frames are paired with the camera frames of the same times, and only once these are certain."""

import numpy as np
import pytest

from world_model_ros.core.errors import UserError
from world_model_ros.view.pictures.strip import Badge
from world_model_ros.view.timeline import Imagination, Timeline, parse_steps

TICK_NS = 100_000_000
FRAME_NS = 33_000_000
STATES = np.zeros((12, 4), np.float32)


def frame(level: int) -> np.ndarray:
    return np.full((4, 4, 3), level, np.uint8)


def film(timeline: Timeline, count: int, start_ns: int = 0, level=lambda i: i) -> None:
    """Frames at 30 Hz whose grey level says which they are."""
    for i in range(count):
        timeline.saw(start_ns + i * FRAME_NS, frame(level(i)))


def levels(frames) -> list:
    return [None if each is None else int(each[0, 0, 0]) for each in frames]


def test_each_step_is_paired_with_the_nearest_frame():
    timeline = Timeline(TICK_NS, (3, 6, 9, 12))
    film(timeline, 60)
    imagination = Imagination(10 * FRAME_NS, STATES)
    assert levels([timeline.now(imagination)]) == [10]
    # 330 ms + 300 ms = 630 ms is nearest to frame 19 at 627 ms, and so on
    assert levels(timeline.real(imagination)) == [19, 28, 37, 46]


def test_a_real_frame_is_not_told_before_its_time_has_passed():
    timeline = Timeline(TICK_NS, (3,))
    imagination = Imagination(0, STATES)
    film(timeline, 10)  # the last one is at 297 ms
    assert timeline.real(imagination) == (None,)
    assert not timeline.over(imagination)
    timeline.saw(10 * FRAME_NS, frame(10))
    assert levels(timeline.real(imagination)) == [9]
    assert timeline.over(imagination)


def test_a_gap_in_the_camera_stays_a_gap():
    timeline = Timeline(TICK_NS, (3, 6))
    film(timeline, 5)
    film(timeline, 20, start_ns=500_000_000, level=lambda i: 100 + i)
    assert levels(timeline.real(Imagination(0, STATES))) == [None, 103]


def test_the_newest_imagination_is_one_whose_frame_is_here():
    timeline = Timeline(TICK_NS, (3,))
    film(timeline, 10)
    timeline.imagined(Imagination(3 * FRAME_NS, STATES))
    timeline.imagined(Imagination(20 * FRAME_NS, STATES))
    assert timeline.newest().reference_ns == 3 * FRAME_NS


def test_old_frames_are_forgotten():
    timeline = Timeline(TICK_NS, (3,))
    film(timeline, 200)
    assert timeline.now(Imagination(0, STATES)) is None
    assert timeline.now(Imagination(150 * FRAME_NS, STATES)) is not None


def test_a_clock_that_is_set_back_starts_anew():
    timeline = Timeline(TICK_NS, (3,))
    film(timeline, 30, start_ns=100 * 10**9)
    timeline.imagined(Imagination(100 * 10**9, STATES))
    film(timeline, 5, level=lambda i: 50 + i)
    assert timeline.newest() is None
    timeline.imagined(Imagination(0, STATES))
    assert levels([timeline.now(timeline.newest())]) == [50]


def test_the_most_moving_imagination_is_found_once():
    timeline = Timeline(TICK_NS, (3,))
    # still, then brighter by 3 levels a frame, then still again
    film(timeline, 60, level=lambda i: 10 + 3 * min(max(i - 20, 0), 15))
    for i in range(0, 45, 3):
        timeline.imagined(Imagination(i * FRAME_NS, STATES))
    motion, imagination = timeline.most_moving()
    assert imagination.reference_ns in (21 * FRAME_NS, 24 * FRAME_NS)
    assert motion.grey_levels == pytest.approx(27)
    assert timeline.most_moving() is None


def test_motion_while_the_gate_held_the_robot_counts_less_than_any_other():
    timeline = Timeline(TICK_NS, (3,))
    film(timeline, 60, level=lambda i: 10 + (100 if i > 15 else 0) + (i // 10))
    timeline.imagined(Imagination(12 * FRAME_NS, STATES, Badge(gate="disarmed")))
    timeline.imagined(Imagination(27 * FRAME_NS, STATES, Badge(gate="tracking")))
    assert timeline.most_moving()[1].reference_ns == 27 * FRAME_NS


def test_motion_goes_before_the_count_of_frames_once_two_tell_of_it():
    timeline = Timeline(TICK_NS, (3, 6, 9, 12))
    film(timeline, 80, level=lambda i: 50)
    moving_ns = 80 * FRAME_NS  # as on a busy machine: every other frame is lost while the arm moves
    for step, level in ((0, 50), (6, 70), (12, 90), (13, 90)):
        timeline.saw(moving_ns + step * TICK_NS, frame(level))
    timeline.imagined(Imagination(10 * FRAME_NS, STATES, Badge(gate="tracking")))
    timeline.imagined(Imagination(moving_ns, STATES, Badge(gate="tracking")))
    motion, imagination = timeline.most_moving()
    assert imagination.reference_ns == moving_ns
    assert motion.grey_levels == pytest.approx((20 + 40) / 4)


def test_one_frame_alone_tells_less_than_two_of_less_motion():
    timeline = Timeline(TICK_NS, (3, 6))
    for step, level in ((0, 50), (3, 52), (6, 52), (20, 50), (26, 250), (27, 250)):
        timeline.saw(step * TICK_NS, frame(level))
    for step in (0, 20):
        timeline.imagined(Imagination(step * TICK_NS, STATES))
    assert timeline.most_moving()[1].reference_ns == 0


def test_an_incomplete_imagination_is_compared_later():
    timeline = Timeline(TICK_NS, (3,))
    film(timeline, 8)
    timeline.imagined(Imagination(0, STATES))
    assert timeline.most_moving() is None
    film(timeline, 20)
    assert timeline.most_moving()[1].reference_ns == 0


def test_steps_default_to_the_quarters_of_the_horizon():
    assert parse_steps("", 12) == (3, 6, 9, 12)
    assert parse_steps("", 2) == (1, 2)
    assert parse_steps("1, 5,12", 12) == (1, 5, 12)


@pytest.mark.parametrize("text", ["0,3", "3,13", "6,3", "3,3", "three", "3,,6"])
def test_impossible_steps_are_refused_with_the_legal_ones(text):
    with pytest.raises(UserError, match=r"steps.*1 to 12"):
        parse_steps(text, 12)


class SetBackAfter:
    """A lock after whose so manieth release another thread sets the clock back."""

    def __init__(self, timeline: Timeline, releases: int) -> None:
        self._timeline, self._left, self._lock = timeline, releases, timeline._lock

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self._left -= 1
        if self._left == 0:
            film(self._timeline, 1)


@pytest.mark.parametrize("releases", range(1, 8))
def test_a_clock_that_is_set_back_during_a_comparison_hides_nothing_that_comes(releases):
    timeline = Timeline(TICK_NS, (3,))
    film(timeline, 30, start_ns=100 * 10**9)
    timeline.imagined(Imagination(100 * 10**9, STATES))
    timeline._lock = SetBackAfter(timeline, releases)
    timeline.most_moving()
    film(timeline, 30)
    timeline.imagined(Imagination(0, STATES))
    found = timeline.most_moving()
    assert found is not None
    assert found[1].reference_ns == 0


def test_a_push_is_shown_before_a_larger_motion_in_the_air():
    timeline = Timeline(TICK_NS, (3,))
    film(timeline, 90, level=lambda i: 10 + (100 if i > 15 else 0) + (2 if i > 60 else 0))
    for i in range(90):
        timeline.placed("object_0", i * FRAME_NS, (0.5, 0.0 if i < 60 else 0.06, 0.03))
    for i in range(0, 75, 3):
        timeline.imagined(Imagination(i * FRAME_NS, STATES))
    motion, imagination = timeline.most_moving()
    assert (motion.pushed, motion.grey_levels) == (6, 2.0)
    assert 51 * FRAME_NS <= imagination.reference_ns < 61 * FRAME_NS
