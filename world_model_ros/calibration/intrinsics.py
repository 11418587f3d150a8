"""Camera intrinsics from views of a board: focal lengths, principal point, distortion, with checks of their quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from world_model_ros.calibration.board import Corners
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

LEAST_VIEWS = 10
MOST_PX = 1.0  # root mean square of what is left
_COVERED = 0.4  # of the picture
_APART = 0.02  # of focal lengths; their standard deviations are small also where a flat board made all wrong
_TILT_DEG = 10.0
_CELLS = (8, 6)
_ODD = 3.0  # times the middle of all views, of a view that is left out


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera with OpenCV's distortion of five numbers (`plumb_bob` of ROS).

    Args:
        size: (width, height) of its pictures.
        matrix: (3, 3).
        distortion: (5,) k1, k2, p1, p2, k3.
        residual_px: root mean square distance of corners from where they are expected.
        tilt_deg: root mean square angle between the board and the picture's plane.
        apart: how far two halves of the views are from each other: a share of focal lengths, or of the size.
        covered: share of the picture in which corners were seen.
        views: pictures that count. odd: pictures that were left out, as they fit far worse than the others.
    """

    size: tuple[int, int]
    matrix: Float
    distortion: Float
    residual_px: float
    tilt_deg: float
    apart: float
    covered: float
    views: int
    odd: int

    @property
    def faults(self) -> list[str]:
        """Why it should not be used, in words that say what to do."""
        said = []
        if self.residual_px > MOST_PX:
            said.append(f"corners are {self.residual_px:.2f} px off (at most {MOST_PX:g}): a flat board, in focus?")
        if self.covered < _COVERED:
            said.append(f"corners cover {self.covered:.0%} of the picture (at least {_COVERED:.0%}): go to its edges")
        if self.tilt_deg < _TILT_DEG:
            said.append(
                f"the board is tilted by {self.tilt_deg:.0f} degrees (at least {_TILT_DEG:g}): tilt the board more"
            )
        if self.apart > _APART:
            apart = f"{self.apart:.1%} (at most {_APART:.0%})"
            said.append(f"focal lengths or middles of two halves differ by {apart}: tilt the board more")
        return said

    def unlike(self, found: Intrinsics) -> list[str]:
        """Why a camera that is known cannot be the one of pictures, of which another one was found; empty if it can,
        or if the pictures cannot tell."""
        if found.faults:
            return []
        focal = np.abs(np.log(self.matrix[[0, 1], [0, 1]] / found.matrix[[0, 1], [0, 1]])).max()
        middle = (np.abs(self.matrix[:2, 2] - found.matrix[:2, 2]) / np.array(self.size)).max()
        if max(focal, middle) <= _APART:
            return []
        known, seen = (np.round(each.matrix[[0, 1, 0, 1], [0, 1, 2, 2]], 1).tolist() for each in (self, found))
        return [f"matrix_px {known} is not that of these pictures, {seen}: leave --known out"]


def solve_intrinsics(views: Sequence[Corners], size: tuple[int, int]) -> Intrinsics:
    """The camera that fits views of a board best (Zhang, 2000, as OpenCV has it).

    Raises:
        UserError: fewer than ten views, or none of them tells anything.
    """
    if len(views) < LEAST_VIEWS:
        raise UserError("pictures with the board", len(views), f"{LEAST_VIEWS} at least")
    kept = list(views)
    rms, matrix, distortion, each_px, tilt_deg = _fit(kept, size)
    odd = each_px > max(_ODD * float(np.median(each_px)), 0.5)
    if odd.any() and len(kept) - odd.sum() >= LEAST_VIEWS:
        kept = [view for view, is_odd in zip(kept, odd) if not is_odd]
        rms, matrix, distortion, _, tilt_deg = _fit(kept, size)
    pixels = np.concatenate([view.pixels for view in kept]) / np.array(size)
    cells = np.clip((pixels * _CELLS).astype(int), 0, np.array(_CELLS) - 1)
    covered = len(np.unique(cells, axis=0)) / (_CELLS[0] * _CELLS[1])
    halves = [_fit(kept[begin::2], size)[1][[0, 1, 0, 1], [0, 1, 2, 2]] for begin in (0, 1)]
    focal, middle = (
        np.abs(np.log(halves[0][:2] / halves[1][:2])),
        np.abs(halves[0][2:] - halves[1][2:]) / np.array(size),
    )
    apart = float(max(focal.max(), middle.max()))
    odd_ones = len(views) - len(kept)
    return Intrinsics(size, matrix, distortion, rms, tilt_deg, apart, covered, len(kept), odd_ones)


def _fit(views: Sequence[Corners], size: tuple[int, int]) -> tuple[float, Float, Float, Float, float]:
    """Residual, matrix, distortion, the residual of each view, and the tilt."""
    points = [np.asarray(view.points, np.float32) for view in views]
    pixels = [np.asarray(view.pixels, np.float32).reshape(-1, 1, 2) for view in views]
    try:
        rms, matrix, distortion, turns, _, _, _, each = cv2.calibrateCameraExtended(
            points, pixels, size, np.eye(3), np.zeros(5)
        )
    except cv2.error as error:
        raise UserError("pictures with the board", len(views), f"some in which it is tilted ({error.err})") from error
    found = np.asarray(matrix, np.float64)
    if not (np.isfinite(rms) and np.isfinite(found).all() and found[0, 0] > 0 and found[1, 1] > 0):
        raise UserError("pictures with the board", len(views), "some in which it is tilted, in other ways each")
    ahead = [abs(float(cv2.Rodrigues(turn)[0][2, 2])) for turn in turns]
    tilt_deg = float(np.degrees(np.sqrt(np.mean(np.arccos(np.clip(ahead, 0.0, 1.0)) ** 2))))
    return float(rms), found, np.asarray(distortion, np.float64).ravel()[:5], np.asarray(each).ravel(), tilt_deg
