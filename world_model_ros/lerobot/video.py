"""Reads and writes the videos of LeRobot data sets frame by frame, with PyAV."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from world_model_ros.core.arrays import Frame
from world_model_ros.core.errors import UserError

# LeRobot's own settings: short groups of pictures, so that any frame is found quickly.
_OPTIONS = {"h264": ("libx264", {"g": "2", "crf": "18"}), "av1": ("libsvtav1", {"g": "2", "crf": "24"})}
CODECS = tuple(_OPTIONS)


def read_frames(path: Path, start_s: float, count: int, fps: float) -> Iterator[Frame]:
    """``count`` frames (H, W, 3) uint8 RGB from ``start_s`` on, in any codec that PyAV decodes (AV1, H.264).

    Raises:
        UserError: the file cannot be read, or has fewer frames.
    """
    found = 0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if start_s > 0 and stream.time_base:
                container.seek(max(0, int((start_s - 0.5 / fps) / stream.time_base)), stream=stream, backward=True)
            for frame in container.decode(stream):
                if frame.time is None or frame.time < start_s - 0.5 / fps:
                    continue
                if found == count:
                    return
                found += 1
                yield frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, OSError, IndexError) as error:
        raise UserError("video", str(path), f"a video that can be decoded ({error})") from error
    if found < count:
        raise UserError("video", str(path), f"{count} frames from {start_s:.3f} s on; there are {found}")


class VideoWriter:
    """A video being written; a context manager. The size of the first frame is that of all (even numbers of pixels).

    Args:
        codec: h264 or av1.
    """

    def __init__(self, path: Path, fps: int, codec: str) -> None:
        if codec not in _OPTIONS:
            raise UserError("codec", codec, f"one of {CODECS}")
        path.parent.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("SVT_LOG", "1")  # errors; else AV1's encoder tells its settings for each video
        self._container = av.open(str(path), "w")
        self._fps, self._codec = fps, codec
        self._stream: Any = None
        self.frames = 0

    def add(self, frame: Frame) -> None:
        """Append a frame (H, W, 3) uint8 RGB."""
        if self._stream is None:
            if frame.shape[0] % 2 or frame.shape[1] % 2:
                raise UserError("video", f"pictures of {frame.shape[:2]}", f"even numbers of pixels, for {self._codec}")
            name, options = _OPTIONS[self._codec]
            self._stream = self._container.add_stream(name, self._fps, options=options)
            self._stream.height, self._stream.width = frame.shape[:2]
            self._stream.pix_fmt = "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base = self.frames, Fraction(1, self._fps)
        with _scheduled_as_before():
            self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def close(self) -> None:
        if self._stream is not None:
            with _scheduled_as_before():
                self._container.mux(self._stream.encode())
        self._container.close()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _scheduled_as_before() -> Iterator[None]:
    """SVT-AV1 gives the thread that calls it the highest real-time priority, where that is allowed, and leaves it so;
    every process that is started afterwards would inherit it."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if (os.sched_getscheduler(0), os.sched_getparam(0)) != before:
            os.sched_setscheduler(0, *before)
