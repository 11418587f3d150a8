"""Strip pictures: imagined frames next to the real frames of the same times; several strips as one PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.seen_motion import mean_error
from world_model_ros.core.arrays import Frame
from world_model_ros.view.appearance import ramp_at
from world_model_ros.view.pictures.panel import EMPTY, MARGIN, empty_panel, error_picture
from world_model_ros.view.pictures.png import write_png
from world_model_ros.view.pictures.sound_picture import band_picture
from world_model_ros.view.pictures.text import SOFT, WARN, WHITE, Colour, text, text_width

_GAP, _HEADER, _HEAD, _FOOT, _GUTTER = 8, 40, 30, 24, 128
_SOUND = 56


@dataclass(frozen=True)
class Badge:
    """What the robot was doing meanwhile; None is not known and not drawn.

    Args:
        gate: state of the gate (``tracking``).
        tick_ms: how long a tick takes.
        surprise: how unlike the last imagination the present is.
        age_s: how long ago the imagination was made.
    """

    gate: str | None = None
    tick_ms: float | None = None
    surprise: float | None = None
    age_s: float | None = None

    def words(self) -> str:
        """What is known, in one line."""
        parts = [] if self.gate is None else [self.gate]
        parts += [] if self.tick_ms is None else [f"tick {self.tick_ms:.0f} ms"]
        parts += [] if self.surprise is None else [f"surprise {self.surprise:.2f}"]
        return " | ".join(parts) or "waiting"


@dataclass(frozen=True)
class Strip:
    """One imagination and what came of it.

    Args:
        now: (H, W, 3) uint8 RGB, the camera frame the imagination started from.
        seconds: T times ahead of it.
        imagined: T frames (H, W, 3) uint8 RGB.
        real: T frames of the camera at those times, None where there is none.
        goal: the picture that is to come true, if a goal was given as one.
        sound: (H, B) log-mel of what will be heard, a row a tick; None of a model that imagines no sound.
        badge: what the robot was doing.
        come_s: up to which of these times it is known what came; all of them, unless the picture is of the present.
        at_s: when it is of, s after the first tick of a bag; None of the present.
    """

    now: Frame
    seconds: tuple[float, ...]
    imagined: tuple[Frame, ...]
    real: tuple[Frame | None, ...]
    goal: Frame | None = None
    badge: Badge = Badge()
    sound: NDArray[np.float64] | None = None
    come_s: float = math.inf
    at_s: float | None = None


_ERROR_NOTES = [
    "error: mean per pixel,",
    "of 255 grey levels",
    "",
    "still: the error of",
    "assuming that",
    "nothing moves",
]


def draw_strip(strip: Strip, cell_px: int = 192) -> Frame:
    """Draw a strip; a third row shows how far imagined and real frames are apart.

    Args:
        strip: what to draw.
        cell_px: width of a frame in the picture; frames are scaled to it.

    Returns:
        (height, width, 3) uint8 RGB; the size depends on the number of frames only, never on what has arrived.
    """
    cell_h = round(cell_px * strip.now.shape[0] / strip.now.shape[1])
    columns = 1 + len(strip.seconds) + (strip.goal is not None)
    width = 2 * MARGIN + _GUTTER + columns * cell_px + (columns - 1) * _GAP
    height = _HEADER + _HEAD + 3 * (cell_h + _GAP) + _FOOT + MARGIN
    heard = 0 if strip.sound is None else _SOUND + _GAP
    canvas = empty_panel(height + heard, width)
    top = [_HEADER + _HEAD + row * (cell_h + _GAP) for row in range(3)]
    left = [MARGIN + _GUTTER + column * (cell_px + _GAP) for column in range(columns)]
    size = (cell_px, cell_h)

    _header(canvas, strip)
    captions = [("imagined", "by the model"), ("real", "what the", "camera saw"), ("difference", "bright = wrong")]
    for y, (caption, *more) in zip(top, captions):
        text(canvas, caption, (MARGIN, y + cell_h // 2 - 8), WHITE, 0.62)
        for i, line in enumerate(more):
            text(canvas, line, (MARGIN, y + cell_h // 2 + 14 + 18 * i), SOFT, 0.44)

    _head(canvas, "now", left[0], cell_px, WHITE)
    _frame(canvas, strip.now, left[0], top[0], size, WHITE)
    _notes(canvas, ["the camera picture", "the model starts from"], left[0], top[1], cell_px)
    _notes(canvas, _ERROR_NOTES, left[0], top[2], cell_px)

    colours = (255 * ramp_at(np.array(strip.seconds) / max([*strip.seconds, 1e-9]))[:, :3]).astype(int)
    for i, (x, seconds) in enumerate(zip(left[1:], strip.seconds)):
        red, green, blue = (int(value) for value in colours[i])
        _head(canvas, f"+{seconds:.1f} s", x, cell_px, (red, green, blue))
        _frame(canvas, strip.imagined[i], x, top[0], size, (red, green, blue))
        absent = "no image" if seconds <= strip.come_s + 1e-6 else "not yet"
        _frame(canvas, strip.real[i], x, top[1], size, (red, green, blue), absent)
        _difference(canvas, strip, i, x, top[2], size)
    if strip.sound is not None:
        _sound(canvas, strip.sound, left[1], height - MARGIN + _GAP, len(strip.seconds) * (cell_px + _GAP) - _GAP)
    if strip.goal is not None:
        _head(canvas, "goal", left[-1], cell_px, (60, 215, 100))
        _frame(canvas, strip.goal, left[-1], top[0], size, (60, 215, 100))
    return canvas


def futures_png(path: Path, strips: Sequence[Strip]) -> None:
    """Write strips below each other as a PNG; a reader never sees half a file."""
    pictures = [draw_strip(strip) for strip in strips]
    width = max(picture.shape[1] for picture in pictures)
    write_png(path, np.concatenate([_widen(picture, width) for picture in pictures]))


def _header(canvas: Frame, strip: Strip) -> None:
    badge, title = strip.badge, "Imagined futures" if strip.at_s is None else f"Imagined at {strip.at_s:.1f} s"
    text(canvas, title, (MARGIN, 26), WHITE, 0.68)
    parts: list[tuple[str, Colour]] = []
    if badge.age_s is not None:
        parts.append((f"imagined {badge.age_s:.1f} s ago", SOFT))
    if badge.gate is not None:
        parts.append((f"gate: {badge.gate}", WARN if badge.gate == "stopped" else SOFT))
    if badge.tick_ms is not None:
        parts.append((f"tick {badge.tick_ms:.0f} ms", SOFT))
    if badge.surprise is not None:
        parts.append((f"surprise {badge.surprise:.2f}", SOFT))
    x = canvas.shape[1] - MARGIN
    for words, colour in reversed(parts):
        x -= text_width(words, 0.5)
        if x < MARGIN + text_width(title, 0.68) + 20:
            return
        text(canvas, words, (x, 26), colour, 0.5)
        x -= 26


def _head(canvas: Frame, words: str, x: int, width: int, colour: Colour) -> None:
    text(canvas, words, (x + (width - text_width(words, 0.62)) // 2, _HEADER + 21), colour, 0.62)


def _frame(
    canvas: Frame, frame: Frame | None, x: int, y: int, size: tuple[int, int], colour: Colour, absent: str = ""
) -> None:
    """A frame with a thin border; a dark field with the word ``absent`` where there is none."""
    cell = canvas[y : y + size[1], x : x + size[0]]
    if frame is None:
        cell[:] = EMPTY
        text(canvas, absent, (x + (size[0] - text_width(absent, 0.5)) // 2, y + size[1] // 2 + 5), SOFT, 0.5)
        return
    cell[:] = _scaled(frame, size)
    cv2.rectangle(canvas, (x - 2, y - 2), (x + size[0] + 1, y + size[1] + 1), colour, 2)


def _difference(canvas: Frame, strip: Strip, i: int, x: int, y: int, size: tuple[int, int]) -> None:
    imagined, real = strip.imagined[i], strip.real[i]
    cell = canvas[y : y + size[1], x : x + size[0]]
    if real is None:
        cell[:] = EMPTY
        return
    cell[:] = _scaled(error_picture(imagined, real), size)
    words = f"error: {mean_error(imagined, real):.1f}   still: {mean_error(strip.now, real):.1f}"
    text(canvas, words, (x + (size[0] - text_width(words, 0.44)) // 2, y + size[1] + 18), SOFT, 0.44)


def _sound(canvas: Frame, levels: NDArray[np.float64], x: int, y: int, width: int) -> None:
    text(canvas, "sound", (MARGIN, y + 24), WHITE, 0.62)
    text(canvas, "imagined", (MARGIN, y + 44), SOFT, 0.44)
    picture = cv2.resize(band_picture(levels), (width, _SOUND), interpolation=cv2.INTER_NEAREST)
    canvas[y : y + _SOUND, x : x + width] = picture


def _notes(canvas: Frame, lines: list[str], x: int, y: int, width: int) -> None:
    for i, line in enumerate(lines):
        text(canvas, line, (x + (width - text_width(line, 0.44)) // 2, y + 24 + 18 * i), SOFT, 0.44)


def _scaled(frame: Frame, size: tuple[int, int]) -> Frame:
    larger = size[0] >= frame.shape[1]
    scaled: Frame = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA).astype(
        np.uint8
    )
    return scaled


def _widen(picture: Frame, width: int) -> Frame:
    wide = empty_panel(picture.shape[0], width)
    wide[:, : picture.shape[1]] = picture
    return wide
