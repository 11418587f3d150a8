"""Decodes the JPEG, PNG or WebP picture in a CompressedImage; refuses truncated files, depth images and video."""

from __future__ import annotations

import cv2
import numpy as np

from world_model_ros.core.arrays import Bytes
from world_model_ros.core.errors import UserError

_DEPTH = ("16uc1", "32fc1", "compresseddepth")  # of format strings, as image_transport's plugins write them
_VIDEO = ("h264", "h.264", "avc", "h265", "hevc", "av1", "vp8", "vp9", "mpeg4", "theora")
_TAIL = 64  # bytes; most files end there, the others have something behind them


def read_picture(data: Bytes, described: str, where: str) -> Bytes:
    """The pixels (H, W, 3) uint8 BGR of a JPEG, PNG or WebP file; bytes behind its end do not matter.

    Args:
        data: the file.
        described: ``format`` of the message; it only decides what the file does not.
        where: what stands in front of errors.

    Raises:
        UserError: it is no picture, cut off, depth, or a piece of a video.
    """
    legal = "a whole JPEG, PNG or WebP file of colours"
    words = described.lower()
    if any(word in words for word in _DEPTH):
        raise UserError(f"{where}: format", described, f"{legal}; this is depth")
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if len(data) else None
    except cv2.error:  # it says to be larger than OpenCV makes pictures
        pixels = None
    if pixels is None:
        video = next((f"; {word} is a video, and its pictures are not read" for word in _VIDEO if word in words), "")
        raise UserError(f"{where}: data", f"{len(data)} bytes, format {described!r}", legal + video)
    if is_cut_off(data):
        raise UserError(f"{where}: data", f"{len(data)} bytes", "a file that is not cut off")
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, np.uint8)
    grey = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
    if pixels.dtype != np.uint16 or (grey and not words.startswith("mono16")):
        raise UserError(f"{where}: data", f"{pixels.dtype} without colours", f"{legal}; this is depth")
    return np.asarray(pixels >> 8, np.uint8)


def is_cut_off(data: Bytes) -> bool:
    """Whether the end of a JPEG, PNG or WebP file is missing; OpenCV fills what is lost with grey without a word."""
    if data[:2].tobytes() == b"\xff\xd8":
        return b"\xff\xd9" not in data[-_TAIL:].tobytes() and not _jpeg_ends(data.tobytes())
    if data[:4].tobytes() == b"\x89PNG":
        return b"IEND" not in data[-_TAIL:].tobytes() and b"IEND\xaeB`\x82" not in data.tobytes()
    if data[:4].tobytes() == b"RIFF":
        return len(data) < 8 + int.from_bytes(data[4:8].tobytes(), "little")
    return False


def _jpeg_ends(data: bytes) -> bool:
    """Whether a JPEG has its end somewhere, which is not that of a thumbnail in its head."""
    at = 2
    while 0 <= at < len(data) - 1:
        if data[at] != 0xFF:
            return False  # no marker where one must be
        marker = data[at + 1]
        if marker == 0xD9:
            return True
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # without content
            at += 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            at = _after_scan(data, at)
    return False


def _after_scan(data: bytes, at: int) -> int:
    """The marker that ends a scan's data; -1 if there is none. In it, 0xFF is followed by 0 or a restart marker."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return -1
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
