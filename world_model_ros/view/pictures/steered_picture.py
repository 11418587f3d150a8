"""Draws what is imagined in ``world-model imagine``: frames and senses, next to the simulator's where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.seen_motion import mean_error
from world_model_ros.core.arrays import Frame
from world_model_ros.view.pictures.panel import (
    EMPTY,
    FULL_N,
    MARGIN,
    TITLE,
    empty_panel,
    error_picture,
    force_picture,
    paste,
    write_title,
)
from world_model_ros.view.pictures.sound_picture import band_picture
from world_model_ros.view.pictures.text import SOFT, WHITE, Colour, text, text_width
from world_model_ros.view.pictures.touch import total_force

_CAPTION, _GAP, _ROW = 110, 8, 64  # px
_CELL, _FILM_CELL, _FILM_FRAMES = 216, 132, 7  # widths of frames, px; frames of a film strip
_SHOWN_TICKS = 60
_FULL_CM = 5.0
_LINES: tuple[Colour, ...] = ((255, 160, 60), (70, 190, 240), (190, 120, 255), (120, 220, 120))


@dataclass(frozen=True)
class Inside:
    """One imagined tick, and the truth next to it where a simulator ran alongside.

    Args:
        seconds: since the imagination began.
        frame: (H, W, 3) uint8 decoded. bands: (B,) log-mel. taxels: (rows, cols, 3) N. force_n: of all contact.
        real_frame, real_bands, real_taxels: the truth.
        errors_m: how far each target is imagined from where it is.
    """

    seconds: float
    frame: Frame | None = None
    bands: NDArray[np.float64] | None = None
    taxels: NDArray[np.float32] | None = None
    force_n: float | None = None
    real_frame: Frame | None = None
    real_bands: NDArray[np.float64] | None = None
    real_taxels: NDArray[np.float32] | None = None
    errors_m: tuple[float, ...] | None = None


def frames_picture(imagined: Frame, real: Frame | None) -> Frame:
    """The imagined frame, and next to it the real one and their difference."""
    cells = [("imagined", imagined)]
    if real is not None:
        cells += [
            ("real (simulator)", real),
            (f"difference, mean {mean_error(imagined, real):.1f}", error_picture(imagined, real)),
        ]
    height = round(_CELL * imagined.shape[0] / imagined.shape[1])
    canvas = empty_panel(TITLE + height + 2, len(cells) * (_CELL + _GAP) - _GAP)
    for i, (words, picture) in enumerate(cells):
        x = i * (_CELL + _GAP)
        text(canvas, words, (x + (_CELL - text_width(words, 0.5)) // 2, 16), WHITE, 0.5)
        paste(canvas, picture, x, TITLE, _CELL, height, smooth=True)
    return canvas


def senses_picture(
    history: Sequence[Inside], ahead: NDArray[np.float64] | None, targets: Sequence[str], width: int = 664
) -> Frame:
    """Sound, touch, contact force and error of the last seconds.

    Args:
        history: ticks in order of time, at least one.
        ahead: (H, B) log-mel of what is about to be heard if the same action is held.
        targets: names of those in ``errors_m``.
    """
    shown, beside = history[-_SHOWN_TICKS:], history[-1].real_frame is not None or history[-1].errors_m is not None
    rows = []
    if shown[-1].bands is not None:
        rows.append(_bands("Sound", "imagined", [each.bands for each in shown], ahead, width))
        if beside:
            rows.append(_bands("", "real", [each.real_bands for each in shown], None, width, reserve=ahead))
    if shown[-1].taxels is not None:
        rows.append(_touch(shown[-1], beside, width))
    if shown[-1].force_n is not None:
        forces = np.array([np.nan if each.force_n is None else each.force_n for each in shown])
        real = [np.nan if each.real_taxels is None else total_force(each.real_taxels) for each in shown]
        curves, names = ([forces, np.array(real)], ["imagined", "real"]) if beside else ([forces], ["imagined"])
        rows.append(_curves("Contact force", "N", curves, names, 4.0, width))
    if shown[-1].errors_m is not None:
        errors = np.array([each.errors_m or (np.nan,) * len(targets) for each in history]) * 100
        rows.append(
            _curves("Error", f"cm, over all {history[-1].seconds:.1f} s", list(errors.T), targets, _FULL_CM, width)
        )
    return np.concatenate(rows) if rows else empty_panel(_ROW, width)


def film_strip(history: Sequence[Inside], ahead: NDArray[np.float64] | None, targets: Sequence[str]) -> Frame:
    """A whole imagination as one picture: frames over time, and below them what was heard and felt."""
    picked = [history[round(i)] for i in np.linspace(0, len(history) - 1, min(_FILM_FRAMES, len(history)))]
    beside = picked[-1].real_frame is not None
    width = 2 * MARGIN + _CAPTION + _FILM_FRAMES * (_FILM_CELL + _GAP)
    captions = ["imagined", *(["real", "difference"] if beside else [])]
    canvas = empty_panel(2 * TITLE + 10 + len(captions) * (_FILM_CELL + _GAP), width)
    text(canvas, "Steered inside the model", (MARGIN, 20), WHITE, 0.62)
    note = "the first real frame and the commands are all that it got"
    text(canvas, note, (width - MARGIN - text_width(note, 0.46), 20), SOFT, 0.46)
    top = 2 * TITLE + 8
    for row, caption in enumerate(captions):
        text(canvas, caption, (MARGIN, top + row * (_FILM_CELL + _GAP) + _FILM_CELL // 2), WHITE, 0.52)
    for column, each in enumerate(picked):
        x = MARGIN + _CAPTION + column * (_FILM_CELL + _GAP)
        words = f"{each.seconds:.1f} s"
        text(canvas, words, (x + (_FILM_CELL - text_width(words, 0.52)) // 2, 2 * TITLE), WHITE, 0.52)
        pictures = [each.frame]
        if each.frame is not None and each.real_frame is not None:
            pictures += [each.real_frame, error_picture(each.frame, each.real_frame)]
        for row, picture in enumerate(pictures):
            if picture is not None:
                paste(canvas, picture, x, top + row * (_FILM_CELL + _GAP), _FILM_CELL, _FILM_CELL, smooth=True)
    return np.concatenate([canvas, senses_picture(history, ahead, targets, width)])


def _bands(
    title: str,
    caption: str,
    levels: Sequence[NDArray[np.float64] | None],
    ahead: NDArray[np.float64] | None,
    width: int,
    reserve: NDArray[np.float64] | None = None,
) -> Frame:
    canvas = empty_panel(_ROW + (TITLE if title else 6), width)
    top = TITLE if title else 2
    if title:
        write_title(
            canvas, title, "brighter is louder, high tones on top; right of the gap: about to be heard", _CAPTION
        )
    text(canvas, caption, (MARGIN, top + _ROW // 2), WHITE, 0.5)
    left, right = MARGIN + _CAPTION, width - MARGIN
    size = next((len(each) for each in levels if each is not None), 1)
    table = np.full((_SHOWN_TICKS, size), np.nan)
    for i, each in enumerate(levels):
        if each is not None:
            table[_SHOWN_TICKS - len(levels) + i] = each
    extra = ahead if ahead is not None else reserve
    end = right if extra is None else right - (right - left) // 6
    paste(canvas, band_picture(table), left, top, end - left, _ROW)
    if ahead is not None:
        paste(canvas, band_picture(ahead), end + 4, top, right - end - 4, _ROW)
    return canvas


def _touch(now: Inside, beside: bool, width: int) -> Frame:
    canvas = empty_panel(TITLE + _ROW + 8, width)
    write_title(canvas, "Touch", f"force on each taxel, brightest from {FULL_N:.1f} N", _CAPTION)
    cells = [("imagined", now.taxels), *([("real", now.real_taxels)] if beside else [])]
    for i, (caption, forces) in enumerate(cells):
        x = MARGIN + _CAPTION + i * 260
        text(canvas, caption, (x - 92, TITLE + _ROW // 2), WHITE, 0.5)
        if forces is None:
            canvas[TITLE : TITLE + _ROW, x : x + 128] = EMPTY
            continue
        paste(canvas, force_picture(forces), x, TITLE, 128, _ROW)
        cv2.rectangle(canvas, (x - 1, TITLE - 1), (x + 128, TITLE + _ROW), SOFT, 1)
    return canvas


def _curves(
    title: str, unit: str, curves: Sequence[NDArray[np.float64]], names: Sequence[str], least: float, width: int
) -> Frame:
    canvas = empty_panel(TITLE + _ROW + 10, width)
    write_title(canvas, title, unit, _CAPTION)
    left, right, top, bottom = MARGIN + _CAPTION, width - MARGIN, TITLE, TITLE + _ROW
    canvas[top:bottom, left:right] = EMPTY
    known = [curve[np.isfinite(curve)] for curve in curves]
    full = max([least, *(float(curve.max()) for curve in known if len(curve))])
    text(canvas, f"{full:.0f}", (left - 30, top + 10), SOFT, 0.44)
    text(canvas, "0", (left - 30, bottom), SOFT, 0.44)
    x = right - 8
    for curve, name, colour in list(zip(curves, names, _LINES))[::-1]:
        words = f"{name} {curve[-1]:.1f}"
        x -= text_width(words, 0.46) + 14
        text(canvas, words, (x, 15), colour, 0.46)
        at = np.linspace(left, right - 1, max(2, len(curve)))[: len(curve)]
        points = [(int(px), int(bottom - _ROW * value / full)) for px, value in zip(at, curve) if np.isfinite(value)]
        for start, end in pairwise(points):
            cv2.line(canvas, start, end, colour, 2, cv2.LINE_AA)
    return canvas
