"""Intrinsics and mountings are what pictures were made with, and say it where they cannot be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from board_pictures import DISTORTION, MATRIX, SIZE, pose, poses_in_front

from world_model_ros.calibration.board import Board, Corners
from world_model_ros.calibration.hand_eye import Mounting, View, solve_mounting
from world_model_ros.calibration.intrinsics import Intrinsics, solve_intrinsics
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

BOARD = Board.of("chess:9x6:0.02")
EXACT = Intrinsics(SIZE, MATRIX, DISTORTION, 0.1, 20.0, 0.0, 1.0, 20, 0)


def corners(seen: Float, random: np.random.Generator, noise_px: float = 0.15) -> Corners:
    turn = cv2.Rodrigues(seen[:3, :3])[0]
    pixels, _ = cv2.projectPoints(BOARD.points, turn, seen[:3, 3], MATRIX, DISTORTION)
    return Corners(BOARD.points, pixels.reshape(-1, 2) + random.normal(0.0, noise_px, (len(BOARD.points), 2)))


def views_in_front(count: int, seed: int, tilt: float = 0.5) -> list[Corners]:
    random = np.random.default_rng(seed)
    return [corners(seen, random) for seen in poses_in_front(BOARD, count, seed, tilt)]


def test_intrinsics_are_those_that_pictures_were_made_with() -> None:
    found = solve_intrinsics(views_in_front(30, 3), SIZE)
    assert found.faults == []
    assert found.matrix == pytest.approx(MATRIX, abs=2.5)
    grid = np.stack(np.meshgrid(np.linspace(-0.6, 0.6, 7), np.linspace(-0.45, 0.45, 5), [1.0]), -1).reshape(-1, 3)
    nought = np.zeros(3)
    expected, _ = cv2.projectPoints(grid, nought, nought, MATRIX, DISTORTION)
    seen, _ = cv2.projectPoints(grid, nought, nought, found.matrix, found.distortion)
    inside = np.all((expected > 60) & (expected < np.array(SIZE) - 60), axis=(1, 2))
    assert inside.sum() >= 15
    assert np.abs(seen - expected)[inside].max() < 1.5  # all over the picture
    assert found.residual_px == pytest.approx(0.15 * 2**0.5, rel=0.15)


def test_a_view_that_fits_far_worse_is_left_out() -> None:
    views = views_in_front(20, 4)
    random = np.random.default_rng(0)
    views[5] = Corners(views[5].points, views[5].pixels + random.normal(0.0, 6.0, views[5].pixels.shape))
    found = solve_intrinsics(views, SIZE)
    assert (found.views, found.odd) == (19, 1)
    assert found.matrix == pytest.approx(MATRIX, abs=4.0)


def test_intrinsics_say_why_they_should_not_be_used() -> None:
    with pytest.raises(UserError, match="pictures with the board: got 9; expected 10 at least"):
        solve_intrinsics(views_in_front(9, 5), SIZE)
    for tilt in (0.0, 0.005, 0.02):  # OpenCV is sure of itself here, and up to ten times wrong
        flat = solve_intrinsics(views_in_front(12, 6, tilt), SIZE)
        assert any("tilt " in each for each in flat.faults)
    random = np.random.default_rng(0)
    blurred = [
        Corners(each.points, each.pixels + random.normal(0.0, 2.0, each.pixels.shape)) for each in views_in_front(30, 7)
    ]
    assert any("px off" in each for each in solve_intrinsics(blurred, SIZE).faults)
    middle = [Corners(v.points, 0.3 * (v.pixels - 320.0) + 320.0) for v in views_in_front(20, 8)]
    assert any("go to its edges" in each for each in solve_intrinsics(middle, SIZE).faults)


CAMERA = pose(np.array([0.1, -0.2, 1.4]), np.array([0.05, -0.03, 0.08]))


def arm_views(count: int, seed: int, on_link: bool, joint_rad: float = 0.0, turns: float = 0.6) -> list[View]:
    """Views of a camera that a link carries, or that stands beside; ``joint_rad``: how wrong the link's pose is."""
    random = np.random.default_rng(seed)
    board = pose(np.array([0.3, 0.2, -0.5]), np.array([0.4, 0.1, 0.02]))
    found = []
    for seen in poses_in_front(BOARD, count, seed, turns):
        # camera X, board Y: seen = X^-1 G Y, where G is the link in the base frame or its inverse
        g = CAMERA @ seen @ np.linalg.inv(board)
        link = np.linalg.inv(g) if on_link else g
        wrong = pose(random.normal(0.0, joint_rad, 3), random.normal(0.0, 0.5 * joint_rad, 3))
        found.append(View(corners(seen, random), link @ wrong))
    return found


def off(found: Mounting) -> tuple[float, float]:
    """How far a result is from the truth, m and degrees."""
    apart = np.linalg.inv(CAMERA) @ found.camera
    turn = np.degrees(np.linalg.norm(cv2.Rodrigues(apart[:3, :3])[0]))
    return float(np.linalg.norm(apart[:3, 3])), float(turn)


@pytest.mark.parametrize("on_link", [True, False], ids=["on the hand", "beside the robot"])
def test_a_camera_is_found_where_it_is(on_link: bool) -> None:
    found = solve_mounting(arm_views(20, 11, on_link), EXACT, "tool0", on_link)
    assert found.faults == []
    assert off(found)[0] < 0.0005
    assert off(found)[1] < 0.05
    assert found.residual_px == pytest.approx(0.15 * 2**0.5, rel=0.2)
    assert found.board[:3, 3] == pytest.approx([0.4, 0.1, 0.02], abs=0.001)


def test_joints_that_are_a_little_wrong_cost_millimetres_and_it_says_so() -> None:
    found = solve_mounting(arm_views(30, 12, True, joint_rad=0.004), EXACT, "tool0", True)
    assert off(found)[0] < 0.01
    assert found.residual_px > 1.0
    assert 0.2 * off(found)[0] < found.apart_m + 0.001  # what it says of itself is of that size


def test_one_wrong_view_does_not_move_the_camera() -> None:
    views = arm_views(20, 13, True)
    views[7] = View(views[7].corners, views[7].link @ pose(np.array([0.0, 0.3, 0.0]), np.array([0.05, 0.0, 0.0])))
    found = solve_mounting(views, EXACT, "tool0", True)
    assert off(found)[0] < 0.003


def test_a_link_that_was_turned_about_one_axis_only_tells_too_little() -> None:
    views = []
    random = np.random.default_rng(14)
    for turn in np.linspace(-0.5, 0.5, 14):
        seen = pose(np.array([0.0, 0.0, turn]), np.array([-0.08, -0.05, 0.45]))
        views.append(View(corners(seen, random), np.linalg.inv(CAMERA @ seen)))
    with pytest.raises(UserError, match="turn of the link about a second axis, degrees"):
        solve_mounting(views, EXACT, "tool0", True)
    with pytest.raises(UserError, match="pictures with the board and joint states: got 9; expected 10 at least"):
        solve_mounting(arm_views(9, 15, True), EXACT, "tool0", True)


def test_a_board_that_was_moved_in_between_is_noticed() -> None:
    views = arm_views(20, 16, True)
    moved = pose(np.zeros(3), np.array([0.02, 0.0, 0.0]))
    shifted = [View(view.corners, moved @ view.link if index >= 10 else view.link) for index, view in enumerate(views)]
    assert solve_mounting(shifted, EXACT, "tool0", True).faults


def test_a_camera_that_is_known_is_held_against_what_pictures_say() -> None:
    found = solve_intrinsics(views_in_front(30, 3), SIZE)
    assert EXACT.unlike(found) == []
    other = MATRIX * np.array([[1.05, 1.0, 1.0], [1.0, 1.05, 1.0], [1.0, 1.0, 1.0]])
    said = Intrinsics(SIZE, other, DISTORTION, 0.1, 20.0, 0.0, 1.0, 20, 0).unlike(found)
    assert len(said) == 1
    assert "is not that of these pictures" in said[0]


def test_one_posture_that_is_turned_otherwise_is_no_second_axis() -> None:
    random, views = np.random.default_rng(17), []
    poses = [pose(np.array([0.0, 0.0, turn]), np.array([-0.08, -0.05, 0.45])) for turn in np.linspace(-0.5, 0.5, 14)]
    poses += [pose(np.array([0.6, 0.0, 0.01 * each]), np.array([-0.08, -0.05, 0.45])) for each in range(2)]
    views = [View(corners(seen, random), np.linalg.inv(CAMERA @ seen)) for seen in poses]
    with pytest.raises(UserError, match="in several views"):
        solve_mounting(views, EXACT, "tool0", True)
