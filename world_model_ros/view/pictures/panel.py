"""Drawing helpers that pictures share: background, titles, pasted pictures, and forces or errors as colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.core.arrays import Frame
from world_model_ros.view.pictures.text import SOFT, WHITE, text

BACKGROUND, EMPTY = (22, 24, 30), (38, 41, 50)
MARGIN, TITLE = 14, 24  # px
FULL_N = 0.5  # force on a taxel that is drawn brightest
_FULL_ERROR = 80.0  # grey levels; differences beyond are drawn as strongly as this one


def empty_panel(height: int, width: int) -> Frame:
    """A picture of nothing but the ground."""
    return np.full((height, width, 3), BACKGROUND, np.uint8)


def write_title(panel: Frame, name: str, note: str, indent: int) -> None:
    """Draw a title at the top, and a note beginning ``indent`` px behind the margin."""
    text(panel, name, (MARGIN, 15), WHITE, 0.56)
    text(panel, note, (MARGIN + indent, 15), SOFT, 0.44)


def paste(panel: Frame, picture: Frame, x: int, y: int, width: int, height: int, smooth: bool = False) -> None:
    """Draw a picture into a field of a panel, in place."""
    how = cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST
    panel[y : y + height, x : x + width] = cv2.resize(picture, (width, height), interpolation=how)


def coloured(shares: ArrayLike, colours: int = cv2.COLORMAP_INFERNO) -> Frame:
    """Shares (rows, cols), 0 to 1, as RGB of one of OpenCV's colour maps."""
    picture = cv2.applyColorMap((255 * np.asarray(shares)).astype(np.uint8), colours)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def force_picture(taxels: ArrayLike) -> Frame:
    """Forces (rows, cols, 3) N on taxels, the brighter the larger up to `FULL_N`."""
    return coloured(np.clip(np.linalg.norm(np.asarray(taxels, np.float64), axis=-1) / FULL_N, 0, 1))


def error_picture(a: Frame, b: Frame) -> Frame:
    """How far two frames are apart in each pixel."""
    return coloured(np.clip(np.mean(cv2.absdiff(a, b), axis=2) / _FULL_ERROR, 0, 1))
