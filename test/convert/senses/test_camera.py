"""Camera messages become RGB of the interface's size, or one clear error."""

import zlib
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.senses.camera import ENCODINGS, CameraConverter
from world_model_ros.core.errors import UserError

STAMP_NS = 1_700_000_000_123_456_789


def scene(height: int = 32, width: int = 48) -> np.ndarray:
    """A smooth RGB image whose three channels differ, so a swapped channel or axis shows."""
    rows, cols = np.mgrid[0:height, 0:width]
    return np.stack([255 * rows / height, 255 * cols / width, 128 + 0 * rows], axis=2).astype(np.uint8)


def message(data: bytes, encoding: str, height: int, width: int, step: int, big: int = 0) -> SimpleNamespace:
    stamp = SimpleNamespace(sec=STAMP_NS // 10**9, nanosec=STAMP_NS % 10**9)
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id="eye"),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=big,
        step=step,
        data=data,
    )


def bayer(rgb: np.ndarray, pattern: str) -> np.ndarray:
    mosaic = np.zeros(rgb.shape[:2], np.uint8)
    for i, colour in enumerate(pattern):
        row, col = divmod(i, 2)
        mosaic[row::2, col::2] = rgb[row::2, col::2, "rgb".index(colour)]
    return mosaic


def yuv422(rgb: np.ndarray, luma_first: bool) -> np.ndarray:
    """Two bytes a pixel, colour shared by two pixels (BT.601, studio range)."""
    r, g, b = (rgb[..., i].astype(float) for i in range(3))
    y = 16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256
    u = 128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256
    v = 128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256
    colour = np.where(np.arange(rgb.shape[1]) % 2 == 0, u, v)
    pair = (y, colour) if luma_first else (colour, y)
    return np.stack(pair, axis=2).round().astype(np.uint8)


def encode(rgb: np.ndarray, encoding: str) -> np.ndarray:
    if encoding.startswith("bayer"):
        mosaic = bayer(rgb, encoding[6:10])
        return mosaic.astype(np.uint16) * 257 if encoding.endswith("16") else mosaic
    if encoding in ("yuv422", "uyvy", "yuv422_yuy2", "yuyv"):
        return yuv422(rgb, luma_first=encoding in ("yuv422_yuy2", "yuyv"))
    alpha = np.full((*rgb.shape[:2], 1), 7, np.uint8)
    pixels = {
        "rgb": rgb,
        "bgr": rgb[..., ::-1],
        "rgba": np.concatenate([rgb, alpha], axis=2),
        "bgra": np.concatenate([rgb[..., ::-1], alpha], axis=2),
        "mono": rgb[..., :1],
    }[encoding.rstrip("0123456789")]
    return pixels.astype(np.uint16) * 257 if encoding.endswith("16") else pixels


@pytest.mark.parametrize("encoding", [each for each in ENCODINGS if not each.startswith("nv")])
@pytest.mark.parametrize("padding", [0, 6])
def test_every_encoding_gives_the_same_rgb_with_and_without_row_padding(encoding: str, padding: int) -> None:
    rgb = scene()
    pixels = np.ascontiguousarray(encode(rgb, encoding))
    rows = pixels.reshape(len(rgb), -1).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    stamp_ns, result = CameraConverter("front", (32, 48), (32, 48))(
        message(padded.tobytes(), encoding, 32, 48, padded.shape[1])
    )
    expected = np.repeat(rgb[..., :1], 3, axis=2) if encoding.startswith("mono") else rgb
    inner = (slice(2, -2), slice(2, -2))  # demosaicing guesses at the border
    tolerance = 12 if encoding.startswith(("bayer", "yuv", "uyvy", "yuyv")) else 0
    assert stamp_ns == STAMP_NS
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous
    assert np.abs(result[inner].astype(int) - expected[inner]).max() <= tolerance


@pytest.mark.parametrize("encoding", ["mono16", "rgb16"])
def test_sixteen_bit_images_of_both_byte_orders_agree(encoding: str) -> None:
    pixels = encode(scene(), encoding)
    convert = CameraConverter("front", (32, 48))
    little, big = (
        convert(message(pixels.astype(f"{order}u2").tobytes(), encoding, 32, 48, pixels[0].nbytes, order == ">"))[1]
        for order in "<>"
    )
    assert np.array_equal(little, big)


def test_an_image_is_made_smaller_by_the_mean_of_its_pixels(make: MessageMaker) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    for encoding in ("rgb8", "bgr8"):
        pixels = encode(rgb, encoding)
        _, result = CameraConverter("front", (16, 24), (32, 48))(make.image(pixels, encoding, STAMP_NS, "eye"))
        expected = rgb.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3))
        assert np.abs(result - expected).max() <= 0.5


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (100, 130)])
def test_a_much_larger_picture_is_still_the_mean_over_areas(size: tuple[int, int], make: MessageMaker) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 5)
    _, result = CameraConverter("front", (64, 64), size)(make.image(picture, "rgb8", STAMP_NS, "eye"))
    exact = cv2.resize(picture.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(result - exact).max() <= 4.0  # grey levels
    assert abs(float((result - exact).mean())) < 0.6


def test_an_image_of_the_right_size_and_encoding_is_not_copied(make: MessageMaker) -> None:
    image = make.image(scene(), "rgb8", STAMP_NS, "eye")
    _, result = CameraConverter("front", (32, 48))(image)
    assert np.shares_memory(result, np.frombuffer(image.data, np.uint8))


@pytest.mark.parametrize(
    ("suffix", "quality"), [(".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]), (".png", [cv2.IMWRITE_PNG_COMPRESSION, 3])]
)
def test_compressed_images_become_rgb(suffix: str, quality: list[int]) -> None:
    data = cv2.imencode(suffix, scene()[..., ::-1], quality)[1].tobytes()
    converter = CameraConverter("front", (32, 48), (32, 48))
    _, result = converter.compressed(compressed(data))
    assert np.abs(result.astype(int) - scene()).max() <= (0 if suffix == ".png" else 8)
    with pytest.raises(UserError, match="front"):
        converter.compressed(compressed(data[: len(data) // 2]))
    with pytest.raises(UserError, match="32, 48"):
        CameraConverter("front", (32, 48), (64, 96)).compressed(compressed(data))


def compressed(data: bytes) -> SimpleNamespace:
    return SimpleNamespace(header=message(b"", "", 0, 0, 0).header, format="jpeg", data=data)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"encoding": "16UC1"}, "encoding"),
        ({"height": 31, "width": 48}, r"\(height, width\)"),
        ({"height": 0}, r"\(height, width\)"),
        ({"data": bytes(10)}, "length of data"),
        ({"step": 100}, "step"),
        ({"data": b""}, "length of data"),
    ],
)
def test_bad_images_name_the_stream_and_the_field(change: dict[str, Any], field: str) -> None:
    broken = message(scene().tobytes(), "rgb8", 32, 48, 144)
    vars(broken).update(change)
    with pytest.raises(UserError, match=f"front: .*{field}"):
        CameraConverter("front", (16, 24), (32, 48))(broken)


def test_an_odd_width_that_cannot_hold_pairs_of_pixels_is_refused() -> None:
    with pytest.raises(UserError, match=r"front: image .*47.*a size that uyvy can have"):
        CameraConverter("front", (16, 24))(message(bytes(32 * 94), "uyvy", 32, 47, 94))


@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
@pytest.mark.parametrize("padding", [0, 16])
def test_colours_below_the_brightness_are_read(encoding: str, padding: int) -> None:
    rgb = scene()
    planar = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    y, (u, v) = planar[:32], planar[32:].reshape(2, -1)
    colours = np.stack((u, v) if encoding == "nv12" else (v, u), axis=1).reshape(16, 48)
    rows = np.pad(np.concatenate([y, colours]), ((0, 0), (0, padding)))
    _, result = CameraConverter("front", (32, 48), (32, 48))(message(rows.tobytes(), encoding, 32, 48, 48 + padding))
    assert np.abs(result.astype(int) - rgb).max() <= 12
    for short in (rows.tobytes()[:-1], rows[:32].tobytes()):
        with pytest.raises(UserError, match="length of data"):
            CameraConverter("front", (32, 48))(message(short, encoding, 32, 48, 48 + padding))
    with pytest.raises(UserError, match="even numbers"):
        CameraConverter("front", (32, 48))(message(bytes(9999), encoding, 31, 48, 48))


def test_rows_without_a_step_have_no_padding_and_what_follows_them_does_not_matter() -> None:
    plain = CameraConverter("front", (32, 48))(message(scene().tobytes(), "rgb8", 32, 48, 144))[1]
    for data, step in ((scene().tobytes(), 0), (scene().tobytes() + bytes(5000), 144)):
        assert np.array_equal(CameraConverter("front", (32, 48))(message(data, "rgb8", 32, 48, step))[1], plain)
    assert np.array_equal(CameraConverter("front", (32, 48))(message(scene().tobytes(), "RGB8", 32, 48, 144))[1], plain)


@pytest.mark.parametrize(
    ("encoding", "why"),
    [("16UC1", "is depth"), ("32FC1", "is depth"), ("8UC3", "does not say what its channels"), ("jpeg", "is not read")],
)
def test_an_encoding_that_is_not_read_says_why(encoding: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        CameraConverter("front", (16, 24))(message(bytes(9216), encoding, 32, 48, 192))


def file(suffix: str, pixels: np.ndarray) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("behind", [bytes(40), bytes(5000), b"\xa5" * 700, bytes(range(256)) * 3])
def test_what_stands_behind_the_end_of_a_file_does_not_matter(suffix: str, behind: bytes) -> None:
    data = file(suffix, scene()[..., ::-1])
    converter = CameraConverter("front", (32, 48))
    assert np.array_equal(converter.compressed(compressed(data + behind))[1], converter.compressed(compressed(data))[1])


def test_a_progressive_jpeg_with_a_thumbnail_is_cut_off_where_it_is() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (96, 128, 3), np.uint8)
    data = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 3])[1].tobytes()
    thumbnail = file(".jpg", scene())
    head = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    with_thumbnail = data[:2] + head + data[2:]
    assert CameraConverter("front", (32, 48)).compressed(compressed(with_thumbnail + bytes(300)))[1].any()
    for share in (0.6, 0.8, 0.95):
        with pytest.raises(UserError):
            CameraConverter("front", (32, 48)).compressed(
                compressed(with_thumbnail[: round(share * len(with_thumbnail))] + bytes(300))
            )


@pytest.mark.parametrize(
    ("data", "described"),
    [
        (file(".png", scene()[..., 0].astype(np.uint16) * 10), "png"),
        (file(".png", scene()[..., 0].astype(np.uint16) * 10), "16UC1; png compressed "),
        (file(".tiff", scene()[..., 0].astype(np.uint16)), ""),
        (file(".jpg", scene()[..., 0]), "16UC1; jpeg compressed"),
        (bytes(12) + file(".png", scene()[..., 0].astype(np.uint16)), "16UC1; compressedDepth png"),
        (b"\x76\x2f\x31\x01", "32FC1; compressedDepth"),
    ],
)
def test_depth_in_a_file_is_never_a_dark_picture(data: bytes, described: str) -> None:
    sent = compressed(data)
    sent.format = described
    with pytest.raises(UserError, match="this is depth"):
        CameraConverter("front", (32, 48)).compressed(sent)


def test_sixteen_bits_of_colours_or_of_stated_grey_are_a_picture() -> None:
    converter = CameraConverter("front", (32, 48))
    colours = compressed(file(".png", scene()[..., ::-1].astype(np.uint16) * 257))
    assert np.array_equal(converter.compressed(colours)[1], scene())
    grey = compressed(file(".png", scene()[..., 0].astype(np.uint16) * 257))
    grey.format = "mono16; png compressed"
    assert np.array_equal(converter.compressed(grey)[1][..., 0], scene()[..., 0])


@pytest.mark.parametrize("described", ["h264", "H.265/HEVC", "vp9"])
def test_pieces_of_a_video_are_named(described: str) -> None:
    sent = compressed(b"\0\0\0\1\x67\x42\0\x1f" + bytes(300))
    sent.format = described
    with pytest.raises(UserError, match="is a video"):
        CameraConverter("front", (32, 48)).compressed(sent)


def enormous(suffix: str) -> bytes:
    """A small file that says to hold more than 2^30 pixels."""
    data = bytearray(cv2.imencode(suffix, np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    if suffix == ".jpg":
        place = data.index(b"\xff\xc0") + 5
        data[place : place + 4] = (60_000).to_bytes(2, "big") * 2
    else:
        data[16:24] = (40_000).to_bytes(4, "big") * 2
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_file_that_says_to_be_enormous_is_one_bad_picture(suffix: str) -> None:
    """OpenCV raises an error of its own over it, which ended whatever was reading."""
    message = SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=0)),
        format=suffix.lstrip("."),
        data=np.frombuffer(enormous(suffix), np.uint8),
    )
    with pytest.raises(UserError, match=r"front: data: got .* expected a whole JPEG, PNG or WebP file"):
        CameraConverter("front", (16, 16)).compressed(message)


def test_an_unknown_encoding_lists_the_legal_ones() -> None:
    with pytest.raises(UserError, match=r"'rgb8'.*'bayer_rggb8'"):
        CameraConverter("front", (16, 24))(message(b"", "jpeg", 32, 48, 144))


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from([*ENCODINGS, "16UC1", ""]),
    st.integers(-1, 12),
    st.integers(-1, 12),
    st.integers(0, 60),
    st.integers(0, 1),
)
def test_any_image_is_converted_or_refused_but_never_crashes(
    data: bytes, encoding: str, height: int, width: int, step: int, big: int
) -> None:
    convert = CameraConverter("front", (4, 6))
    try:
        _, result = convert(message(data, encoding, height, width, step, big))
    except UserError:
        pass
    else:
        assert result.shape == (4, 6, 3)
    with pytest.raises(UserError):
        convert.compressed(compressed(data))
