"""Calibration boards (chessboard, ChArUco): parsed from text, and detected in an image as corner positions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import Float, Frame
from world_model_ros.core.errors import UserError

EXAMPLES = "chess:9x6:0.025 (inner corners, square in m), or charuco:7x5:0.03:0.022:DICT_5X5_100 (squares, marker in m)"
_LEAST = 3  # inner corners a side
_ENOUGH = 8  # corners of a ChArUco board that is partly seen


@dataclass(frozen=True)
class Corners:
    """Corners of a board that were found in a picture.

    Args:
        points: (n, 3) where they are on the board, m; z is 0.
        pixels: (n, 2) x and y in the picture.
    """

    points: Float
    pixels: Float


@dataclass(frozen=True)
class Board:
    """A flat board of black and white squares.

    Args:
        columns, rows: inner corners along x and y.
        square_m: side of a square.
        marker_m: side of a ChArUco board's markers; 0 for a chessboard. dictionary: of these, OpenCV's name.
    """

    columns: int
    rows: int
    square_m: float
    marker_m: float = 0.0
    dictionary: str = ""

    @classmethod
    def of(cls, text: str) -> Board:
        """The board of a text, as in `EXAMPLES`. `UserError` of any other text."""
        kind, *parts = text.split(":")
        try:
            columns, rows = (int(part) for part in parts[0].lower().split("x"))
            lengths = [float(part) for part in parts[1 : 3 if kind == "charuco" else 2]]
            dictionary = parts[3] if kind == "charuco" else ""
            fits = len(parts) == {"chess": 2, "charuco": 4}[kind] and all(0.0 < each < 1.0 for each in lengths)
        except (ValueError, IndexError, KeyError):
            fits = False
        if not fits:
            raise UserError("board", text, EXAMPLES)
        if kind == "charuco":
            columns, rows = columns - 1, rows - 1
            if lengths[1] >= lengths[0]:
                raise UserError("board", text, "a marker that is smaller than its square")
        if min(columns, rows) < _LEAST:
            raise UserError("board", text, f"{_LEAST} inner corners a side at least")
        if kind == "chess" and (columns + rows) % 2 == 0:
            legal = "an odd and an even number of inner corners: any other chessboard looks the same upside down"
            raise UserError("board", text, legal)
        board = cls(columns, rows, lengths[0], lengths[1] if kind == "charuco" else 0.0, dictionary)
        if kind == "charuco":
            _ = board._detector  # a dictionary that is not known is said at once
        return board

    @property
    def points(self) -> Float:
        """(columns * rows, 3) all corners, m, row by row."""
        grid = np.mgrid[: self.columns, : self.rows].T.reshape(-1, 2) * self.square_m
        return np.column_stack([grid, np.zeros(len(grid))])

    def find(self, picture: Frame) -> Corners | None:
        """The board in a picture (height, width, 3), RGB; None if it is not there."""
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return self._chess(grey) if not self.dictionary else self._charuco(grey)

    def _chess(self, grey: NDArray[np.uint8]) -> Corners | None:
        there, found = cv2.findChessboardCornersSB(grey, (self.columns, self.rows), flags=cv2.CALIB_CB_ACCURACY)
        if not there:
            return None
        pixels = np.asarray(found, np.float64).reshape(-1, 2)
        return Corners(self.points, pixels if self._begins_at_black(grey, pixels) else pixels[::-1])

    def _begins_at_black(self, grey: NDArray[np.uint8], pixels: Float) -> bool:
        """Whether the square outside of the first corner is black: OpenCV may begin at either end."""
        matrix, _ = cv2.findHomography(self.points[:, :2], pixels)
        outside, beside = self.square_m * np.array([[-0.5, -0.5], [0.5, -0.5]])
        return _brightness(grey, matrix, outside) < _brightness(grey, matrix, beside)

    def _charuco(self, grey: NDArray[np.uint8]) -> Corners | None:
        pixels, numbers, _, _ = self._detector.detectBoard(grey)
        if numbers is None or len(numbers) < _ENOUGH:
            return None
        return Corners(self.points[numbers.ravel()], np.asarray(pixels, np.float64).reshape(-1, 2))

    @cached_property
    def _detector(self) -> Any:
        if not hasattr(cv2.aruco, "CharucoDetector"):
            raise UserError("board", "charuco", f"a chessboard: OpenCV {cv2.__version__} has no CharucoDetector")
        if not hasattr(cv2.aruco, self.dictionary):
            known = sorted(name for name in dir(cv2.aruco) if name.startswith("DICT_"))
            raise UserError("board: dictionary", self.dictionary, f"one of {known}")
        markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))
        squares = (self.columns + 1, self.rows + 1)
        return cv2.aruco.CharucoDetector(cv2.aruco.CharucoBoard(squares, self.square_m, self.marker_m, markers))


def _brightness(grey: NDArray[np.uint8], matrix: Float, place: Float) -> float:
    """Of the picture where a place on the board is seen; of the nearest pixel if that is outside of it."""
    x, y, w = matrix @ np.array([*place, 1.0])
    column, row = np.clip([x / w, y / w], 0, [grey.shape[1] - 1, grey.shape[0] - 1]).round().astype(int)
    return float(grey[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].mean())
