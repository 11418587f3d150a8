"""Hand-eye calibration: a camera's pose, on a robot link or fixed in the base frame, from board views and link poses.

The board is beside the robot if the camera is on the link, and on the link if the camera is beside it. With G the pose
of the one that moves in the frame of the other, the board is seen at X^-1 G Y: X is where the camera is, Y where the
board is, each in its own frame. Both are found at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from world_model_ros.calibration.board import Corners
from world_model_ros.calibration.intrinsics import Intrinsics
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

LEAST_VIEWS = 10
MOST_SHARE, MOST_M, MOST_DEG = 0.002, 0.005, 0.5  # of the focal length: what is left, an angle of 0.1 degrees
_FEW = 3  # views that may not be all that is turned about a second axis
_LEAST_TURN_RAD = 0.09  # standard deviation about a second axis; with one alone the camera may be anywhere along it
_OUTLIER_PX, _LEAST_PX = 1.0, 0.4


@dataclass(frozen=True)
class View:
    """A board in a picture, and where the link was then.

    Args:
        corners: in the picture. link: (4, 4) pose of the link in the base frame.
    """

    corners: Corners
    link: Float


@dataclass(frozen=True)
class Mounting:
    """Where a camera is.

    Args:
        frame: link, or base frame. camera: (4, 4) pose of its optical frame (z ahead, x right, y down) there.
        board: (4, 4) pose of the board, in the base frame, or in the link's if the camera is beside the robot.
        residual_px: root mean square distance of corners from where they are expected. most_px: that it may be.
        apart_m, apart_deg: how far the results of two halves of the views are from each other.
        views: how many.
    """

    frame: str
    camera: Float
    board: Float
    residual_px: float
    most_px: float
    apart_m: float
    apart_deg: float
    views: int

    @property
    def faults(self) -> list[str]:
        """Why it should not be used, in words that say what to do."""
        said = []
        if self.residual_px > self.most_px:
            legal = "was the board moved, is the URDF right, are joints calibrated?"
            said.append(f"corners are {self.residual_px:.2f} px off (at most {self.most_px:.2f}): {legal}")
        if self.apart_m > MOST_M or self.apart_deg > MOST_DEG:
            apart = f"{self.apart_m * 1e3:.1f} mm and {self.apart_deg:.2f} degrees"
            legal = f"at most {MOST_M * 1e3:g} mm and {MOST_DEG:g} degrees"
            said.append(f"two halves of the pictures differ by {apart} ({legal}): more pictures, more different poses")
        return said


def solve_mounting(views: Sequence[View], intrinsics: Intrinsics, frame: str, on_link: bool) -> Mounting:
    """The mounting that fits all pictures best: a closed form (Park and Martin, 1994), then all corners at once.

    Args:
        views: of one board that did not move. frame: of the result, for its name alone.
        on_link: the camera is on the link, and the board beside the robot; else the other way round.

    Raises:
        UserError: too few views, or the link was turned about one axis only.
    """
    if len(views) < LEAST_VIEWS:
        raise UserError("pictures with the board and joint states", len(views), f"{LEAST_VIEWS} at least")
    moved = [_inverse(view.link) if on_link else view.link for view in views]
    seen = [_seen(view.corners, intrinsics) for view in views]
    _require_turns(moved)
    corners = [view.corners for view in views]
    camera, board, residual = _refined(moved, corners, intrinsics, *_closed_form(moved, seen))
    halves = []
    for half in (slice(0, None, 2), slice(1, None, 2)):
        found, _, _ = _refined(moved[half], corners[half], intrinsics, camera, board)
        halves.append(found)
    apart = _inverse(halves[0]) @ halves[1]
    turn = float(np.degrees(np.linalg.norm(Rotation.from_matrix(apart[:3, :3]).as_rotvec())))
    most_px = max(_LEAST_PX, MOST_SHARE * float(intrinsics.matrix[0, 0]))
    return Mounting(frame, camera, board, residual, most_px, float(np.linalg.norm(apart[:3, 3])), turn, len(views))


def _require_turns(moved: Sequence[Float]) -> None:
    turns = np.array([Rotation.from_matrix((moved[0] @ _inverse(each))[:3, :3]).as_rotvec() for each in moved[1:]])
    spread, about_second = _spread(turns)
    most = np.argsort(np.abs(about_second - np.median(about_second)))[-_FEW:]
    without_few, _ = _spread(np.delete(turns, most, axis=0))
    if spread < _LEAST_TURN_RAD or without_few < 0.5 * _LEAST_TURN_RAD:
        least = f"{np.degrees(_LEAST_TURN_RAD):.0f} at least, in several views"
        legal = f"{least}, or the camera may be anywhere along the first axis"
        raise UserError(
            "turn of the link about a second axis, degrees",
            round(float(np.degrees(min(spread, 2.0 * without_few))), 1),
            legal,
        )


def _spread(turns: Float) -> tuple[float, Float]:
    """Standard deviation of turns (n, 3) about their second axis, rad, and each about that axis (n,)."""
    _, spread, axes = np.linalg.svd(turns - turns.mean(axis=0), full_matrices=False)
    return float(spread[1] / np.sqrt(len(turns))), np.asarray(turns @ axes[1])


def _closed_form(moved: Sequence[Float], seen: Sequence[Float]) -> tuple[Float, Float]:
    """Camera and board from A X = X B of all pairs with the first view, and of each with the next."""
    pairs = [(0, index) for index in range(1, len(moved))] + [(index, index + 1) for index in range(1, len(moved) - 1)]
    ahead = [moved[i] @ _inverse(moved[j]) for i, j in pairs]
    found = [seen[i] @ _inverse(seen[j]) for i, j in pairs]
    turns_a = np.array([Rotation.from_matrix(each[:3, :3]).as_rotvec() for each in ahead])
    turns_b = np.array([Rotation.from_matrix(each[:3, :3]).as_rotvec() for each in found])
    u, _, v = np.linalg.svd(turns_a.T @ turns_b)
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v
    rows = np.concatenate([each[:3, :3] - np.eye(3) for each in ahead])
    right = np.concatenate([rotation @ b[:3, 3] - a[:3, 3] for a, b in zip(ahead, found)])
    camera = np.eye(4)
    camera[:3, :3], camera[:3, 3] = rotation, np.linalg.lstsq(rows, right, rcond=None)[0]
    boards = [_inverse(g) @ camera @ b for g, b in zip(moved, seen)]
    board = np.eye(4)
    board[:3, :3] = Rotation.from_matrix([each[:3, :3] for each in boards]).mean().as_matrix()
    board[:3, 3] = np.median([each[:3, 3] for each in boards], axis=0)
    return camera, board


def _refined(
    moved: Sequence[Float], corners: Sequence[Corners], intrinsics: Intrinsics, camera: Float, board: Float
) -> tuple[Float, Float, float]:
    """Camera, board and residual in px, from all corners at once; corners that are far off count less."""

    def off(numbers: Float) -> Float:
        x, y = _pose(numbers[:6]), _pose(numbers[6:])
        back = _inverse(x)
        return np.concatenate([_off(back @ g @ y, each, intrinsics) for g, each in zip(moved, corners)])

    start = np.concatenate([_numbers(camera), _numbers(board)])
    found = least_squares(off, start, loss="soft_l1", f_scale=_OUTLIER_PX, x_scale="jac", max_nfev=100).x
    residual = float(np.sqrt(2.0 * np.mean(off(found) ** 2)))  # of x and y
    return _pose(found[:6]), _pose(found[6:]), residual


def _off(seen: Float, corners: Corners, intrinsics: Intrinsics) -> Float:
    turn = cv2.Rodrigues(seen[:3, :3])[0]
    expected, _ = cv2.projectPoints(corners.points, turn, seen[:3, 3], intrinsics.matrix, intrinsics.distortion)
    return np.asarray(expected.reshape(-1, 2) - corners.pixels).ravel()


def _seen(corners: Corners, intrinsics: Intrinsics) -> Float:
    """Pose (4, 4) of the board in the camera's frame."""
    _, turn, place = cv2.solvePnP(corners.points, corners.pixels, intrinsics.matrix, intrinsics.distortion)
    return _pose(np.concatenate([turn.ravel(), place.ravel()]))


def _pose(numbers: Float) -> Float:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = Rotation.from_rotvec(numbers[:3]).as_matrix(), numbers[3:]
    return pose


def _numbers(pose: Float) -> Float:
    return np.concatenate([Rotation.from_matrix(pose[:3, :3]).as_rotvec(), pose[:3, 3]])


def _inverse(pose: Float) -> Float:
    back = np.eye(4)
    back[:3, :3], back[:3, 3] = pose[:3, :3].T, -pose[:3, :3].T @ pose[:3, 3]
    return back
