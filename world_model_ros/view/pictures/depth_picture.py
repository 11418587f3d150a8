"""Depth as a picture in colours: near is red, far is blue, unmeasured is white."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.view.pictures.panel import coloured

UNMEASURED = (235, 235, 235)  # no colour of the map is so pale


def depth_picture(metres: ArrayLike, near_m: float, far_m: float) -> NDArray[np.uint8]:
    """(height, width, 1) m -> (height, width, 3) RGB: near is red, far is blue, white is what was not measured."""
    depth = np.asarray(metres, np.float32)[..., 0]
    share = np.clip((far_m - depth) / (far_m - near_m), 0.0, 1.0)
    picture = coloured(np.nan_to_num(share), cv2.COLORMAP_TURBO)
    picture[~np.isfinite(depth)] = UNMEASURED
    return picture
