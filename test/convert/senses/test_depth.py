"""Depth as other people's drivers send it: millimetres, metres, PNG, compressedDepth of both encodings, RVL."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import DepthStream
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.senses.converters import converter_for, legal_types
from world_model_ros.convert.senses.depth import DepthConverter
from world_model_ros.core.errors import UserError

STAMP_NS = 1_700_000_000_123_456_789
IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


def scene(height: int = 24, width: int = 32) -> np.ndarray:
    """mm: a slope with a box before it, and a hole."""
    mm = np.tile(np.linspace(900, 2100, width), (height, 1)).round().astype(np.uint16)
    mm[6:14, 8:20] = 600
    mm[16:20, 4:10] = 0
    return mm


def seen(mm: np.ndarray) -> np.ndarray:
    return np.where(mm > 0, mm * 1e-3, np.nan)[..., None]


def converter(size: tuple[int, int] = (24, 32), source: tuple[int, int] | None = None) -> DepthConverter:
    return DepthConverter("wrist", size, (0.1, 5.0), source)


def image(data: bytes, encoding: str, height: int, width: int, step: int, big: bool = False) -> Any:
    stamp = SimpleNamespace(sec=STAMP_NS // 10**9, nanosec=STAMP_NS % 10**9)
    header = SimpleNamespace(stamp=stamp, frame_id="wrist_depth_optical_frame")
    return SimpleNamespace(
        header=header, height=height, width=width, encoding=encoding, is_bigendian=int(big), step=step, data=data
    )


def packed(data: bytes, described: str) -> Any:
    header = SimpleNamespace(stamp=SimpleNamespace(sec=7, nanosec=0), frame_id="")
    return SimpleNamespace(header=header, format=described, data=np.frombuffer(data, np.uint8))


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def head(a: float = 0.0, b: float = 0.0) -> bytes:
    """ConfigHeader of compressed_depth_image_transport."""
    return struct.pack("<iff", 0, a, b)


def inverse(metres: np.ndarray, z0: float = 100.0, most: float = 10.0) -> tuple[bytes, np.ndarray]:
    """As `codec.cpp` of compressed_depth_image_transport quantises floats."""
    a = z0 * (z0 + 1.0)
    b = 1.0 - a / most
    with np.errstate(invalid="ignore", divide="ignore"):
        code = np.where(metres < most, a / metres + b, 0)
    return head(a, b), np.nan_to_num(code).astype(np.uint16)


def rvl(mm: np.ndarray) -> bytes:
    """Transcribed from the paper, a pixel at a time."""
    words, word, count = [], 0, 0

    def put(value: int) -> None:
        nonlocal word, count
        while True:
            nibble, value = value & 7, value >> 3
            word, count = (word << 4) | nibble | (8 if value else 0), count + 1
            if count == 8:
                words.append(word)
                word, count = 0, 0
            if not value:
                return

    flat, at, before = mm.reshape(-1).astype(int).tolist(), 0, 0
    while at < len(flat):
        start = at
        while at < len(flat) and flat[at] == 0:
            at += 1
        put(at - start)
        end = at
        while end < len(flat) and flat[end] != 0:
            end += 1
        put(end - at)
        for value in flat[at:end]:
            delta, before = value - before, value
            put((delta << 1) ^ (delta >> 31))
        at = end
    if count:
        words.append(word << 4 * (8 - count))
    return struct.pack(f"<II{len(words)}I", mm.shape[1], mm.shape[0], *words)


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_raw_images_of_both_byte_orders_and_with_padded_rows(encoding: str, big: bool, padding: int) -> None:
    mm = scene()
    values = mm if encoding == "16UC1" else np.where(mm > 0, mm * np.float32(1e-3), np.nan).astype(np.float32)
    order = values.dtype.newbyteorder(">" if big else "<")
    rows = np.ascontiguousarray(values.astype(order)).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    message = image(padded.tobytes(), encoding, *mm.shape, padded.shape[1], big)
    stamp_ns, depth = converter()(message)
    assert stamp_ns == STAMP_NS
    assert depth.dtype == np.float32
    assert depth.shape == (24, 32, 1)
    np.testing.assert_allclose(depth, seen(mm), rtol=1e-6)


def test_what_was_not_measured_is_missing_however_the_driver_says_it(make: MessageMaker) -> None:
    metres = np.full((4, 6), 1.5, np.float32)
    metres[0] = [np.nan, np.inf, -np.inf, 0.0, -1.0, 6.0]  # the last one is beyond max_m
    metres[1, 0] = 0.05  # before min_m
    _, depth = converter((4, 6))(make.image(metres, "32FC1", STAMP_NS))
    assert np.isnan(depth[0]).all()
    assert np.isnan(depth[1, 0])
    assert (depth[2:] == 1.5).all()
    _, depth = converter((4, 6))(make.image(np.zeros((4, 6), np.uint16), "16UC1", STAMP_NS))
    assert np.isnan(depth).all()


def test_smaller_images_hold_means_of_what_was_measured_and_never_of_holes(make: MessageMaker) -> None:
    mm = np.full((4, 4), 1000, np.uint16)
    mm[0, :2] = 0
    mm[2:, 2:] = 0
    mm[2, 0] = 2000
    _, depth = converter((2, 2), (4, 4))(make.image(mm, "16UC1", STAMP_NS))
    np.testing.assert_allclose(depth[..., 0], [[1.0, 1.0], [1.25, np.nan]], rtol=1e-6)


@pytest.mark.parametrize("size", [(9, 13), (24, 32), (60, 50)])
def test_no_size_makes_a_distance_that_nothing_has(make: MessageMaker, size: tuple[int, int]) -> None:
    """With a hole beside a wall at 2 m, a mean with the hole's zeros would be nearer than the wall."""
    mm = np.full((24, 32), 2000, np.uint16)
    mm[:, 11:17] = 0
    _, depth = converter(size)(make.image(mm, "16UC1", STAMP_NS))
    assert depth.shape == (*size, 1)
    there = depth[np.isfinite(depth)]
    np.testing.assert_allclose(there, 2.0, rtol=1e-6)
    assert 0 < len(there) < depth.size


@pytest.mark.parametrize(
    "described", ["16UC1; png compressed ", "16UC1; compressedDepth png", "16UC1; compressedDepth"]
)
def test_png_of_both_plugins(described: str) -> None:
    data = png(scene())
    message = packed(head() + data if "Depth" in described else data, described)
    np.testing.assert_allclose(converter(source=(24, 32)).compressed(message)[1], seen(scene()), rtol=1e-6)


def test_rvl_is_read_to_the_pixel() -> None:
    random = np.random.default_rng(0)
    for mm in (scene(), random.integers(0, 3, (7, 9)).astype(np.uint16) * 700, np.full((5, 5), 4999, np.uint16)):
        message = packed(head() + rvl(mm), "16UC1; compressedDepth rvl")
        np.testing.assert_allclose(converter(mm.shape).compressed(message)[1], seen(mm), rtol=1e-6)


def test_quantised_inverse_depth_comes_back_as_metres() -> None:
    metres = np.where(scene() > 0, scene() * 1e-3, np.nan)
    config, code = inverse(metres)
    for described, body in (("png", png(code)), ("rvl", rvl(code))):
        message = packed(config + body, f"32FC1; compressedDepth {described}")
        depth = converter().compressed(message)[1][..., 0]
        assert np.array_equal(np.isnan(depth), np.isnan(metres))
        np.testing.assert_allclose(depth, metres, rtol=1e-3)


@pytest.mark.parametrize(
    ("data", "described", "words"),
    [
        (png(scene().astype(np.uint8)), "16UC1; png compressed ", "uint8"),
        (cv2.imencode(".jpg", scene().astype(np.uint8))[1].tobytes(), "mono8; jpeg compressed", "uint8"),
        (png(np.zeros((4, 4, 3), np.uint16)), "bgr16; png compressed", "16UC1"),
        (b"", "16UC1; png compressed ", "0 bytes"),
        (png(scene())[:-40], "16UC1; png compressed ", "data"),
        (head(), "16UC1; compressedDepth png", "12 bytes"),
        (head() + b"nothing", "16UC1; compressedDepth png", "16UC1"),
        (head() + rvl(scene())[:-30], "16UC1; compressedDepth rvl", "not cut off"),
        (head() + rvl(scene())[:6], "16UC1; compressedDepth rvl", "RVL"),
        (head() + b"\xff" * 64, "16UC1; compressedDepth rvl", "RVL"),
        (head(0.0, 1.0) + png(scene()), "32FC1; compressedDepth png", "depthParam"),
    ],
)
def test_what_is_no_depth_is_refused_and_named(data: bytes, described: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        converter().compressed(packed(data, described))
    assert str(refused.value).startswith("wrist: ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": "rgb8"}, "16UC1"),
        ({"encoding": "mono16"}, "16UC1"),
        ({"height": 12}, "image"),
        ({"step": 20}, "step"),
        ({"data": bytes(10)}, "length of data"),
    ],
)
def test_raw_images_that_do_not_fit_are_refused(change: dict[str, Any], words: str) -> None:
    message = image(scene().tobytes(), "16UC1", 24, 32, 64)
    for key, value in change.items():
        setattr(message, key, value)
    with pytest.raises(UserError, match=words):
        converter(source=(24, 32))(message)


def test_the_contract_chooses_the_converter(make: MessageMaker) -> None:
    stream = DepthStream(kind="depth", name="wrist", height=12, width=16, rate_hz=30.0, min_m=0.2, max_m=1.0)
    assert stream.shape == (12, 16, 1)
    source = StreamSource(name="wrist", topic="depth", type=IMAGE, max_age_s=0.2, source_shape=(24, 32))
    _, depth = converter_for(stream, source)(make.image(scene(), "16UC1", STAMP_NS))
    assert depth.shape == stream.shape
    assert np.nanmax(depth) <= 1.0
    assert legal_types("depth") == [IMAGE, COMPRESSED]
    with pytest.raises(UserError, match="CompressedImage"):
        converter_for(stream, source.model_copy(update={"type": "sensor_msgs/msg/PointCloud2"}))
