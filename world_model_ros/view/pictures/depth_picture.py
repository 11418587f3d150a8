"""Depth as a picture in colours: near is red, far is blue, unmeasured is white."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

UNMEASURED = (235, 235, 235)  # no colour of the map is so pale


def depth_picture(metres: ArrayLike, near_m: float, far_m: float) -> NDArray[np.uint8]:
    """(height, width, 1) m -> (height, width, 3) RGB: near is red, far is blue, white is what was not measured."""
    depth = np.asarray(metres, np.float32)[..., 0]
    share = np.clip((far_m - depth) / (far_m - near_m), 0.0, 1.0)
    colours = cv2.applyColorMap((255 * np.nan_to_num(share)).astype(np.uint8), cv2.COLORMAP_TURBO)
    picture: NDArray[np.uint8] = cv2.cvtColor(colours, cv2.COLOR_BGR2RGB).astype(np.uint8)
    picture[~np.isfinite(depth)] = UNMEASURED
    return picture
