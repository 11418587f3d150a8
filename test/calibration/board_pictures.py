"""Pictures of boards made by exact projection: another way than the solvers', by warping a drawn board."""

from __future__ import annotations

import cv2
import numpy as np

from world_model_ros.calibration.board import Board
from world_model_ros.core.arrays import Float, Frame

SIZE = (640, 480)
MATRIX = np.array([[520.0, 0.0, 331.0], [0.0, 515.0, 236.0], [0.0, 0.0, 1.0]])
DISTORTION = np.array([-0.12, 0.06, 0.001, -0.0015, 0.0])
PX_M = 4000.0  # of the drawn board


def chess_drawing(board: Board) -> tuple[Frame, Float]:
    """The drawn board, white around it, and (2,) where its first inner corner is, px."""
    side = round(board.square_m * PX_M)
    squares = np.indices((board.rows + 1, board.columns + 1)).sum(0) % 2
    inner = np.kron(np.where(squares == 0, 0, 255), np.ones((side, side))).astype(np.uint8)
    return np.pad(inner, side, constant_values=255), np.array([2.0 * side, 2.0 * side])


def charuco_drawing(board: Board) -> tuple[Frame, Float]:
    side = round(board.square_m * PX_M)
    markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    squares = (board.columns + 1, board.rows + 1)
    drawn = cv2.aruco.CharucoBoard(squares, board.square_m, board.marker_m, markers)
    image = drawn.generateImage((squares[0] * side, squares[1] * side))
    return np.pad(image, side, constant_values=255), np.array([2.0 * side, 2.0 * side])


def picture(board: Board, seen: Float, noise: float = 2.0, seed: int = 0, distortion: Float = DISTORTION) -> Frame:
    """What a camera sees of a board at a pose (4, 4) in its own frame, RGB, with noise in grey levels.

    Every pixel's ray is undistorted and met with the plane of the board.
    """
    drawing, origin = charuco_drawing(board) if board.dictionary else chess_drawing(board)
    columns, rows = np.meshgrid(np.arange(SIZE[0], dtype=np.float64), np.arange(SIZE[1], dtype=np.float64))
    pixels = np.stack([columns, rows], -1).reshape(-1, 1, 2)
    rays = cv2.undistortPoints(pixels, MATRIX, distortion).reshape(-1, 2)
    rays = np.column_stack([rays, np.ones(len(rays))])
    normal, place = seen[:3, 2], seen[:3, 3]
    depth = (normal @ place) / (rays @ normal)
    points = rays * depth[:, None] - place
    on_board = points @ seen[:3, :2] * PX_M + origin - 0.5
    where = on_board.reshape(SIZE[1], SIZE[0], 2).astype(np.float32)
    where[(depth <= 0).reshape(SIZE[1], SIZE[0])] = -1e6
    grey = cv2.remap(
        drawing, where[..., 0], where[..., 1], cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT, borderValue=200
    )
    grey = cv2.GaussianBlur(grey, (3, 3), 0.7)
    noisy = grey + np.random.default_rng(seed).normal(0.0, noise, grey.shape)
    return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def pose(turn: Float, place: Float) -> Float:
    found = np.eye(4)
    found[:3, :3], found[:3, 3] = cv2.Rodrigues(np.asarray(turn, np.float64))[0], place
    return found


def poses_in_front(board: Board, count: int, seed: int, tilt: float = 0.5) -> list[Float]:
    """Poses of a board in a camera's frame, tilted and all over the picture."""
    random = np.random.default_rng(seed)
    middle = np.array([(board.columns - 1) * board.square_m / 2, (board.rows - 1) * board.square_m / 2, 0.0])
    found = []
    for _ in range(count):
        turn = random.uniform(-tilt, tilt, 3)
        depth = random.uniform(0.3, 0.6)
        place = np.array([*(random.uniform(-0.28, 0.28, 2) * np.array([1.0, 0.75]) * depth), depth])
        at = pose(turn, place)
        at[:3, 3] -= at[:3, :3] @ middle
        found.append(at)
    return found
