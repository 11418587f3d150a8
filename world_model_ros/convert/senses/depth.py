"""Depth images -> (height, width, 1) float32, m along the view axis; NaN where nothing was measured (REP 118)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.encodings.image_rows import image_rows
from world_model_ros.convert.encodings.picture_files import is_cut_off
from world_model_ros.convert.encodings.rvl import decompressed
from world_model_ros.convert.senses.camera import check_shape
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import Floats
from world_model_ros.core.errors import UserError

ENCODINGS: dict[str, np.dtype[Any]] = {"16UC1": np.dtype(np.uint16), "32FC1": np.dtype(np.float32)}  # mm, and m
_MM = np.float32(1e-3)
_HEAD = struct.Struct("<iff")  # of compressed_depth_image_transport: format, and the parameters of inverse depth
_LEGAL = "16UC1 (mm) or 32FC1 (m) as PNG, or of compressedDepth as PNG or RVL"


@dataclass(frozen=True)
class DepthConverter:
    """sensor_msgs/Image -> (stamp, depth).

    Args:
        name: stream name, for errors.
        size: (height, width) of the result.
        range_m: what is nearer or farther was not measured.
        source_shape: (height, width) the message must have; None takes any.
    """

    name: str
    size: tuple[int, int]
    range_m: tuple[float, float]
    source_shape: tuple[int, int] | None = None

    def __call__(self, message: Any) -> tuple[int, Floats]:
        """Raises `UserError` for another encoding or size, and for truncated data."""
        dtype = ENCODINGS.get(message.encoding.upper())
        if dtype is None:
            raise UserError(f"{self.name}: encoding", message.encoding, "16UC1 (mm) or 32FC1 (m), which are depth")
        return stamp_ns(message), self._observed(image_rows(message, dtype, 1, self.name)[..., 0])

    def compressed(self, message: Any) -> tuple[int, Floats]:
        """sensor_msgs/CompressedImage of image_transport's compressed and compressedDepth -> (stamp, depth).

        Raises `UserError` as above, and for what is no depth or of another compression.
        """
        return stamp_ns(message), self._observed(unpacked(message, self.name))

    def _observed(self, pixels: NDArray[Any]) -> Floats:
        """Pixels (height, width) as metres of the size of the result: means of what was measured in each area."""
        check_shape(self.name, pixels.shape, self.source_shape)
        metres = pixels * _MM if pixels.dtype.kind == "u" else np.array(pixels, np.float32)
        with np.errstate(invalid="ignore"):
            there = (metres >= self.range_m[0]) & (metres <= self.range_m[1])
        metres[~there] = 0.0
        if pixels.shape == self.size:
            seen, share = metres, there.astype(np.float32)
        else:
            # Enlarged, INTER_AREA would mix neighbours.
            small = pixels.shape[0] < self.size[0] or pixels.shape[1] < self.size[1]
            way, size = cv2.INTER_NEAREST if small else cv2.INTER_AREA, self.size[::-1]
            seen = cv2.resize(metres, size, interpolation=way)
            share = cv2.resize(there.astype(np.float32), size, interpolation=way)
        found = np.full(self.size, np.nan, np.float32)
        np.divide(seen, share, out=found, where=share > 0)
        return found[..., None]


def depth_size(message: Any) -> tuple[int, int] | None:
    """(height, width) of an Image or CompressedImage of depth; None if it cannot be read."""
    if hasattr(message, "encoding"):
        return (int(message.height), int(message.width)) if message.height and message.width else None
    try:
        height, width = unpacked(message, "").shape
    except UserError:
        return None
    return height, width


def unpacked(message: Any, where: str) -> NDArray[Any]:
    """Pixels (height, width) of a CompressedImage: uint16 in mm, or float32 in m."""
    data, words = np.frombuffer(message.data, np.uint8), str(message.format).lower()
    if "compresseddepth" not in words:
        return _picture(data, message.format, where)
    if data[:4].tobytes() == b"\x89PNG":  # some publishers leave the head out
        data = np.concatenate([np.zeros(_HEAD.size, np.uint8), data])
    if len(data) <= _HEAD.size:
        raise UserError(f"{where}: data", f"{len(data)} bytes", f"a head of {_HEAD.size} bytes and an image")
    _, a, b = _HEAD.unpack(data[: _HEAD.size].tobytes())
    body = data[_HEAD.size :]
    pixels = decompressed(body, where) if "rvl" in words else _picture(body, message.format, where)
    if not words.startswith("32fc1"):
        return pixels
    if pixels.dtype != np.uint16 or not (np.isfinite([a, b]).all() and a > 0):
        raise UserError(f"{where}: depthParam", (a, b), "the parameters of inverse depth in 16 bit, the first over 0")
    with np.errstate(divide="ignore"):
        metres = np.float32(a) / (pixels.astype(np.float32) - np.float32(b))
    return np.asarray(np.where(pixels > 0, metres, np.float32(np.nan)))


def _picture(data: NDArray[np.uint8], described: str, where: str) -> NDArray[Any]:
    """Pixels (height, width) uint16 or float32 of a file."""
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    except cv2.error:  # it says to be larger than OpenCV makes pictures
        pixels = None
    if pixels is None or pixels.ndim != 2 or pixels.dtype not in ENCODINGS.values():
        found = f"{len(data)} bytes" if pixels is None else f"{pixels.dtype} {pixels.shape}"
        raise UserError(f"{where}: data", f"{found}, format {described!r}", _LEGAL)
    if is_cut_off(data):
        raise UserError(f"{where}: data", f"{len(data)} bytes", "a file that is not cut off")
    return np.asarray(pixels)
