"""Draws small plain text into pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
WHITE: Colour = (240, 242, 246)
SOFT: Colour = (158, 165, 178)
WARN: Colour = (255, 96, 80)

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def text(canvas: NDArray[np.uint8], words: str, at: tuple[int, int], colour: Colour, scale: float) -> None:
    """Draw ASCII words in place; ``at`` is the left end of the base line in pixels, scale 1 is about 22 pixels high."""
    cv2.putText(canvas, words, at, _FONT, scale, colour, 1, cv2.LINE_AA)


def text_width(words: str, scale: float) -> int:
    """Width of words in pixels."""
    (width, _), _ = cv2.getTextSize(words, _FONT, scale, 1)
    return int(width)
