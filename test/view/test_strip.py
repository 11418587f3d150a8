"""The strip shows each frame where its time is written, and keeps its size while reality arrives."""

import math
from dataclasses import replace

import cv2
import numpy as np

from world_model_ros.view.pictures.strip import Badge, Strip, draw_strip, futures_png

SECONDS = (0.3, 0.6, 0.9)


def plain(level: int, height: int = 16, width: int = 16) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def strip(real=(110, 120, 130), shape=(16, 16)) -> Strip:
    imagined = tuple(plain(level, *shape) for level in (210, 220, 230))
    seen = tuple(None if level is None else plain(level, *shape) for level in real)
    return Strip(plain(100, *shape), SECONDS, imagined, seen, badge=Badge("tracking", 31.0, 0.2, 0.5))


def columns_of(picture: np.ndarray, level: int) -> tuple[float, float]:
    """Mean column and row of the pixels that have exactly this grey level in a solid area."""
    same = cv2.erode((picture == level).all(axis=2).astype(np.uint8), np.ones((9, 9)))
    rows, columns = np.nonzero(same)
    assert len(rows), f"no area of grey level {level}"
    return float(columns.mean()), float(rows.mean())


def test_real_frames_stand_below_the_imagined_frames_of_the_same_time():
    picture = draw_strip(strip(), 96)
    now_x, now_y = columns_of(picture, 100)
    last_x = now_x
    for imagined, real in ((210, 110), (220, 120), (230, 130)):
        (above_x, above_y), (below_x, below_y) = columns_of(picture, imagined), columns_of(picture, real)
        assert abs(above_x - below_x) < 1
        assert below_y > above_y
        assert abs(above_y - now_y) < 1
        assert above_x > last_x
        last_x = above_x


def test_the_picture_has_the_same_size_before_and_after_reality_arrives():
    assert draw_strip(strip((None, None, None))).shape == draw_strip(strip()).shape


def test_what_has_not_come_yet_is_not_shown_as_a_frame():
    before, after = draw_strip(strip((110, None, None)), 96), draw_strip(strip(), 96)
    assert (after == 130).all(axis=2).sum() > (before == 130).all(axis=2).sum() + 90 * 90


def written_where_no_frame_is(come_s: float) -> list[np.ndarray]:
    picture = draw_strip(replace(strip((110, None, None)), come_s=come_s), 96)
    whole = draw_strip(strip(), 96)
    cells = [columns_of(whole, level) for level in (120, 130)]
    return [picture[int(y) - 40 : int(y) + 40, int(x) - 40 : int(x) + 40] for x, y in cells]


def test_a_frame_is_not_yet_there_only_while_its_time_is_to_come():
    second, third = written_where_no_frame_is(math.inf)
    np.testing.assert_array_equal(second, third)
    coming = written_where_no_frame_is(0.4)
    np.testing.assert_array_equal(coming[0], coming[1])
    assert (coming[0] != second).any(), "a finished picture says of a frame that never came that it is not yet there"
    lost, later = written_where_no_frame_is(0.7)
    np.testing.assert_array_equal(lost, second)
    np.testing.assert_array_equal(later, coming[1])


def test_a_strip_of_a_bag_says_when_it_was():
    times = [draw_strip(replace(strip(), at_s=at_s)) for at_s in (None, 3.4, 71.2)]
    assert all(each.shape == times[0].shape for each in times)
    for a, b in ((0, 1), (1, 2)):
        changed = np.argwhere((times[a] != times[b]).any(axis=2))
        assert len(changed) > 0
        assert changed[:, 0].max() < 40, "it stands in the header"


def test_a_perfect_imagination_leaves_the_difference_dark():
    right = strip((210, 220, 230))
    wrong = strip((110, 120, 130))
    bottom = slice(-96, None)
    assert draw_strip(right, 96)[bottom].mean() < draw_strip(wrong, 96)[bottom].mean() - 20


def test_frames_keep_their_aspect_and_a_goal_gets_a_column():
    wide = draw_strip(strip(shape=(12, 24)), 96)
    square = draw_strip(strip(), 96)
    assert wide.shape[1] == square.shape[1]
    assert square.shape[0] - wide.shape[0] == 3 * 48
    with_goal = draw_strip(replace(strip(), goal=plain(77)), 96)
    assert with_goal.shape[1] > square.shape[1]
    assert columns_of(with_goal, 77)[0] > columns_of(with_goal, 230)[0]


def test_the_png_is_what_was_drawn_and_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "out" / "futures.png"
    futures_png(path, [strip()])
    futures_png(path, [strip(), strip((None, None, None))])
    read = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    expected = np.concatenate([draw_strip(strip()), draw_strip(strip((None, None, None)))])
    np.testing.assert_array_equal(read, expected)
    assert [each.name for each in path.parent.iterdir()] == ["futures.png"]
