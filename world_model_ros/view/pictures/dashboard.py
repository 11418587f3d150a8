"""Draws the dashboard picture: each sense as it is now, as imagined ahead, and as it then came."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.decision import Decoded
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import MicrophoneStream, Stream, TaxelStream
from world_model_ros.core.arrays import Frame
from world_model_ros.view.appearance import ramp
from world_model_ros.view.frame_decoder import FrameDecoder
from world_model_ros.view.outlook import Outlook
from world_model_ros.view.pictures.depth_picture import depth_picture
from world_model_ros.view.pictures.panel import (
    BACKGROUND,
    EMPTY,
    FULL_N,
    MARGIN,
    TITLE,
    empty_panel,
    force_picture,
    paste,
    write_title,
)
from world_model_ros.view.pictures.sound_picture import BANDS, band_picture, log_mel
from world_model_ros.view.pictures.strip import Strip, draw_strip
from world_model_ros.view.pictures.text import SOFT, WHITE, text
from world_model_ros.view.pictures.touch import total_force

_FELT = (126, 130, 142)
_HEARD_TICKS = 20
_ROW, _INDENT, _CELL = 76, 128, 128  # px
_CACHED = 64


@dataclass(frozen=True)
class _Later:
    """What came after an outlook, one entry a step; None where it is not known."""

    outlooks: tuple[Outlook | None, ...]


class Dashboard:
    """Draws outlooks of one robot.

    Args:
        contract: of the robot.
        decoder: of the model; None shows what was sensed alone.
        steps: imagined steps to show, counted from 1.
    """

    def __init__(self, contract: Contract, decoder: FrameDecoder | None, steps: Sequence[int]) -> None:
        self._contract, self._decoder, self._steps = contract, decoder, tuple(steps)
        self._camera = first_camera(contract.interface)
        self._microphone = next(iter(contract.interface.of(MicrophoneStream)), None)
        self._grids = contract.interface.of(TaxelStream)
        first = {stream.kind: stream for stream in reversed(contract.interface.streams)}
        self._shown = [first[kind] for kind in _CELLS if kind in first]
        self._decoded: dict[int, Decoded] = {}

    def draw(self, outlooks: Sequence[Outlook], index: int, live: bool = False) -> Frame:
        """The outlook ``index`` of a sequence in order of time; those after it say what really came.

        Args:
            live: more of them are to come.

        Returns:
            (height, width, 3) uint8 RGB; without parts that the robot has no senses for. Its size is the same for all
            outlooks of a robot, but for those with a goal image, which are a frame wider.
        """
        now = outlooks[index]
        decoded = self.decoded(now)
        later = _later(outlooks, index, len(now.seconds), self._contract.tick_ns)
        come_s = (outlooks[-1].now_ns - now.now_ns) * 1e-9 if live else math.inf
        rows = []
        if self._camera is not None:
            rows.append(self._frames(now, decoded, later, come_s, (self._camera.height, self._camera.width)))
        width = rows[0].shape[1] if rows else 2 * MARGIN + _INDENT + 5 * _CELL + 4 * 8
        if self._microphone is not None:
            rows.append(self._sound(outlooks, index, decoded, later, width))
        if self._grids:
            rows.append(self._force(outlooks, index, later, width))
        rows += [self._cells(stream, now, decoded, later, width) for stream in self._shown]
        return np.concatenate(rows) if rows else empty_panel(_ROW, width)

    def decoded(self, outlook: Outlook) -> Decoded | None:
        """All imagined steps as senses; kept for a while, so that each is decoded once."""
        if self._decoder is None or outlook.states is None or not len(outlook.states):
            return None
        key = id(outlook.states)
        if key not in self._decoded:
            while len(self._decoded) >= _CACHED:
                self._decoded.pop(next(iter(self._decoded)))
            self._decoded[key] = self._decoder.decoded(outlook.states, outlook.frame)
        return self._decoded[key]

    def _frames(
        self, now: Outlook, decoded: Decoded | None, later: _Later, come_s: float, shape: tuple[int, int]
    ) -> Frame:
        """The strip; as large without frames as with all of them."""
        blank, count = np.zeros((*shape, 3), np.uint8), len(self._steps)
        whole = draw_strip(Strip(blank, (1.0,) * count, (blank,) * count, (None,) * count), _CELL)
        if now.frame is None:
            whole[:] = BACKGROUND
            text(whole, "no picture at this moment", (MARGIN, 40), SOFT, 0.56)
            return whole
        strip = draw_strip(replace(self._strip(now, decoded, later), come_s=come_s), _CELL)
        if strip.shape[1] >= whole.shape[1]:
            return strip
        whole[:] = BACKGROUND
        whole[:, : strip.shape[1]] = strip
        return whole

    def _strip(self, now: Outlook, decoded: Decoded | None, later: _Later) -> Strip:
        assert now.frame is not None
        frames = () if decoded is None or decoded.frames is None else decoded.frames
        steps = [step for step in self._steps if step <= len(frames)]
        real = tuple(None if (each := later.outlooks[step - 1]) is None else each.frame for step in steps)
        seconds = tuple(float(now.seconds[step - 1]) for step in steps)
        imagined = tuple(frames[step - 1] for step in steps)
        return Strip(now.frame, seconds, imagined, real, now.goal_image, now.badge)

    def _sound(
        self, outlooks: Sequence[Outlook], index: int, decoded: Decoded | None, later: _Later, width: int
    ) -> Frame:
        assert self._microphone is not None
        name, steps = self._microphone.name, len(outlooks[index].seconds)
        past = outlooks[max(0, index - _HEARD_TICKS + 1) : index + 1]
        heard = np.full((_HEARD_TICKS, BANDS), np.nan)
        heard[-len(past) :] = [self._mel(each) for each in past]
        ahead = np.full((steps, BANDS), np.nan)
        if decoded is not None and name in decoded.senses:
            ahead = np.asarray(decoded.senses[name], np.float64).reshape(steps, -1)[:, :BANDS]
        came = np.stack([self._mel(each) for each in later.outlooks]) if steps else ahead
        canvas = empty_panel(TITLE + 2 * _ROW + 22, width)
        write_title(canvas, "Sound", "brighter is louder, high tones on top", _INDENT)
        left, tick_px = _time_axis(width, steps)
        for row, (caption, levels) in enumerate((("imagined", ahead), ("real", came))):
            top = TITLE + row * (_ROW + 4)
            text(canvas, caption, (MARGIN, top + _ROW // 2 + 4), WHITE, 0.5)
            paste(canvas, band_picture(heard), left, top, tick_px * _HEARD_TICKS, _ROW)
            if steps:
                paste(canvas, band_picture(levels), left + tick_px * _HEARD_TICKS + 3, top, tick_px * steps, _ROW)
        self._say_times(canvas, steps, f"heard, last {_HEARD_TICKS * self._contract.tick_s:.0f} s")
        return canvas

    def _say_times(self, canvas: Frame, steps: int, past: str) -> None:
        """Under a row over time, in its last line: what is left of now, and how far it goes on."""
        (left, tick_px), bottom = _time_axis(canvas.shape[1], steps), canvas.shape[0] - 4
        now = left + tick_px * _HEARD_TICKS
        text(canvas, past, (left, bottom), SOFT, 0.44)
        text(canvas, "now", (now - 14, bottom), WHITE, 0.44)
        if steps:
            text(canvas, f"the next {steps * self._contract.tick_s:.1f} s", (now + 40, bottom), SOFT, 0.44)

    def _mel(self, outlook: Outlook | None) -> NDArray[np.float64]:
        assert self._microphone is not None
        pcm = None if outlook is None else outlook.senses.get(self._microphone.name)
        return np.full(BANDS, np.nan) if pcm is None else log_mel(pcm, self._microphone.sample_rate_hz)[:BANDS]

    def _cells(self, stream: Stream, now: Outlook, decoded: Decoded | None, later: _Later, width: int) -> Frame:
        """A row of what is imagined of a stream of rows and columns, and one of what is sensed."""
        name, (rows, cols), kind = stream.name, stream.shape[:2], _CELLS[stream.kind]
        wide, high = _CELL, min(kind.most_px, round(_CELL * rows / cols))
        canvas = empty_panel(TITLE + 2 * (high + 8) + 4, width)
        write_title(canvas, kind.title, kind.note(stream), _INDENT)
        left = MARGIN + _INDENT
        for row, caption in enumerate(("imagined", "real")):
            text(canvas, caption, (MARGIN, TITLE + row * (high + 8) + high // 2 + 5), WHITE, 0.5)

        def cell(values: NDArray[Any] | None, x: int, y: int, colour: tuple[int, ...]) -> None:
            _cell(canvas, None if values is None else kind.paint(values, stream), x, y, (wide, high), colour)

        cell(now.senses.get(name), left, TITLE + high + 8, WHITE)
        imagined = None if decoded is None else decoded.senses.get(name)
        colours = (255 * ramp(max(1, len(now.seconds)))[:, :3]).astype(int)
        for column, step in enumerate((s for s in self._steps if s <= len(now.seconds)), start=1):
            x, colour = left + column * (wide + 8), tuple(colours[step - 1].tolist())
            if imagined is not None:
                cell(imagined[step - 1], x, TITLE, colour)
            came = later.outlooks[step - 1]
            cell(None if came is None else came.senses.get(name), x, TITLE + high + 8, colour)
        return canvas

    def _force(self, outlooks: Sequence[Outlook], index: int, later: _Later, width: int) -> Frame:
        """On the time axis of sound: what was felt, what is imagined, and as a line what then came."""
        now = outlooks[index]
        imagined = np.zeros(0) if now.contact is None else np.nan_to_num(now.contact).clip(0.0)
        steps = len(now.seconds)
        felt = [self._total(each) for each in outlooks[max(0, index - _HEARD_TICKS + 1) : index + 1]]
        came = [self._total(each) for each in later.outlooks]
        canvas = empty_panel(TITLE + _ROW + 8, width)
        write_title(canvas, "Contact force", "N; grey: felt, coloured: imagined, white line: felt then", _INDENT)
        (left, tick_px), top, high = _time_axis(width, steps), TITLE + 4, _ROW - 14
        begin = left + tick_px * _HEARD_TICKS
        full = max(5.0, float(imagined.max(initial=0.0)), float(np.nanmax([*felt, *came, 0.0])))
        canvas[top : top + high, left : begin - 3] = EMPTY
        canvas[top : top + high, begin + 3 : begin + tick_px * steps] = EMPTY
        text(canvas, f"{full:.0f}", (MARGIN + 96, top + 10), SOFT, 0.44)
        text(canvas, "0", (MARGIN + 96, top + high), SOFT, 0.44)
        bars = [
            (begin + 3 + tick_px * i, force, 255 * tint[:3])
            for i, (force, tint) in enumerate(zip(imagined, ramp(max(1, steps))))
        ]
        bars += [(begin - 3 - tick_px * (i + 1), force, _FELT) for i, force in enumerate(felt[::-1])]
        for x, force, colour in bars:
            if np.isfinite(force):
                canvas[top + high - max(1, round(high * force / full)) : top + high, x + 1 : x + tick_px - 1] = colour
        points = [
            (begin + 3 + tick_px * i + tick_px // 2, round(top + high - 1 - high * force / full))
            for i, force in enumerate(came)
            if np.isfinite(force)
        ]
        for start, end in pairwise(points):
            cv2.line(canvas, start, end, WHITE, 2, cv2.LINE_AA)
        self._say_times(canvas, steps, f"felt, last {_HEARD_TICKS * self._contract.tick_s:.0f} s")
        return canvas

    def _total(self, outlook: Outlook | None) -> float:
        """On all taxels of an outlook, N; NaN if not known."""
        senses = {} if outlook is None else outlook.senses
        known = [senses[each.name] for each in self._grids if senses.get(each.name) is not None]
        if not known:
            return float("nan")
        return sum(total_force(forces) for forces in known)


def _time_axis(width: int, steps: int) -> tuple[int, int]:
    """Where rows over time begin, and how wide a tick is, px."""
    return MARGIN + _INDENT, (width - 2 * MARGIN - _INDENT) // (_HEARD_TICKS + max(1, steps))


def _later(outlooks: Sequence[Outlook], index: int, steps: int, tick_ns: int) -> _Later:
    """The outlooks at the times of the steps, at most half a tick away."""
    found: list[Outlook | None] = []
    at = index
    for step in range(1, steps + 1):
        due_ns = outlooks[index].now_ns + step * tick_ns
        while at + 1 < len(outlooks) and outlooks[at + 1].now_ns <= due_ns + tick_ns // 2:
            at += 1
        found.append(outlooks[at] if abs(outlooks[at].now_ns - due_ns) <= tick_ns // 2 else None)
    return _Later(tuple(found))


def _cell(canvas: Frame, picture: Frame | None, x: int, y: int, size: tuple[int, int], colour: tuple[int, ...]) -> None:
    if picture is None:
        canvas[y : y + size[1], x : x + size[0]] = EMPTY
        text(canvas, "not known", (x + 8, y + size[1] // 2 + 4), SOFT, 0.44)
        return
    paste(canvas, picture, x, y, size[0], size[1])
    cv2.rectangle(canvas, (x - 1, y - 1), (x + size[0], y + size[1]), [int(each) for each in colour], 1)


@dataclass(frozen=True)
class _CellKind:
    """How a kind with rows and columns is drawn: its name, a note and a picture, at most so high in px."""

    title: str
    note: Callable[[Any], str]
    paint: Callable[[NDArray[Any], Any], Frame]
    most_px: int


_CELLS = {
    "taxels": _CellKind(
        "Touch",
        lambda pad: f"force on each of {pad.rows} x {pad.cols} taxels, brightest from {FULL_N:.1f} N",
        lambda forces, _: force_picture(forces),
        _ROW,
    ),
    "depth": _CellKind(
        "Depth",
        lambda eye: f"red: {eye.min_m:g} m, blue: {eye.max_m:g} m, white: not measured",
        lambda metres, eye: depth_picture(metres, eye.min_m, eye.max_m),
        2 * _ROW,
    ),
}
