"""Boards are read from a text, and found in pictures with every corner where it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from board_pictures import DISTORTION, MATRIX, picture, pose, poses_in_front

from world_model_ros.calibration.board import Board
from world_model_ros.core.errors import UserError

CHESS = Board.of("chess:9x6:0.02")
CHARUCO = Board.of("charuco:7x5:0.03:0.022:DICT_5X5_100")


@pytest.mark.parametrize("board", [CHESS, CHARUCO], ids=["chess", "charuco"])
def test_corners_are_found_where_they_are(board: Board) -> None:
    found = 0
    for seed, seen in enumerate(poses_in_front(board, 12, 1)):
        corners = board.find(picture(board, seen, seed=seed))
        if corners is None:
            continue
        found += 1
        expected, _ = cv2.projectPoints(corners.points, cv2.Rodrigues(seen[:3, :3])[0], seen[:3, 3], MATRIX, DISTORTION)
        assert np.abs(expected.reshape(-1, 2) - corners.pixels).max() < 0.6
    assert found >= 8


def test_a_chessboard_begins_at_the_same_corner_however_it_is_turned() -> None:
    for turn in np.linspace(0.0, 2.0 * np.pi, 9):
        seen = pose(np.array([0.0, 0.0, turn]), np.array([0.0, 0.0, 0.4]))
        seen[:3, 3] -= seen[:3, :3] @ np.array([0.08, 0.05, 0.0])
        corners = CHESS.find(picture(CHESS, seen))
        assert corners is not None
        expected, _ = cv2.projectPoints(CHESS.points, cv2.Rodrigues(seen[:3, :3])[0], seen[:3, 3], MATRIX, DISTORTION)
        assert np.abs(expected.reshape(-1, 2) - corners.pixels).max() < 0.6


def test_a_charuco_board_may_be_cut_off_and_an_empty_picture_has_none() -> None:
    seen = pose(np.zeros(3), np.array([0.08, -0.05, 0.4]))
    corners = CHARUCO.find(picture(CHARUCO, seen))
    assert corners is not None
    assert 8 <= len(corners.pixels) < len(CHARUCO.points)
    for board in (CHESS, CHARUCO):
        assert board.find(np.full((480, 640, 3), 200, np.uint8)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "board: got ''; expected chess:9x6:0.025"),
        ("chess:9x6", "board: got 'chess:9x6'"),
        ("chess:9x6:25", "board: got 'chess:9x6:25'"),  # in mm
        ("chess:8x6:0.02", "an odd and an even number of inner corners"),
        ("chess:2x5:0.02", "3 inner corners a side at least"),
        ("circles:9x6:0.02", "board: got"),
        ("charuco:7x5:0.03:0.04:DICT_5X5_100", "smaller than its square"),
        ("charuco:7x5:0.03:0.02:DICT_9X9_1", "board: dictionary: got 'DICT_9X9_1'"),
    ],
)
def test_a_board_that_cannot_be_is_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Board.of(text)
