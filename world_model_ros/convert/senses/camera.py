"""Camera messages, raw or compressed -> (height, width, 3) uint8 RGB at the size of the contract's interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.encodings.image_rows import image_rows
from world_model_ros.convert.encodings.picture_files import read_picture
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import Frame
from world_model_ros.core.errors import UserError


@dataclass(frozen=True)
class _Encoding:
    """How the bytes of an encoding become RGB.

    ``pixelwise`` colours can be converted after the image was made smaller; the others mix neighbours, so before.
    ``planes``: rows of data a row of the picture.
    """

    channels: int
    code: int | None
    dtype: type[np.generic] = np.uint8
    pixelwise: bool = True
    planes: float = 1.0


# sensor_msgs/image_encodings. Not here: depth (16UC1, 32FC1) and nUCn, which do not say what their channels are.
_ENCODINGS = {
    "rgb8": _Encoding(3, None),
    "bgr8": _Encoding(3, cv2.COLOR_BGR2RGB),
    "rgba8": _Encoding(4, cv2.COLOR_RGBA2RGB),
    "bgra8": _Encoding(4, cv2.COLOR_BGRA2RGB),
    "mono8": _Encoding(1, cv2.COLOR_GRAY2RGB),
    "rgb16": _Encoding(3, None, np.uint16),
    "bgr16": _Encoding(3, cv2.COLOR_BGR2RGB, np.uint16),
    "mono16": _Encoding(1, cv2.COLOR_GRAY2RGB, np.uint16),
    # OpenCV names a Bayer pattern by its second row, ROS by its first.
    "bayer_rggb8": _Encoding(1, cv2.COLOR_BayerBG2RGB, pixelwise=False),
    "bayer_bggr8": _Encoding(1, cv2.COLOR_BayerRG2RGB, pixelwise=False),
    "bayer_gbrg8": _Encoding(1, cv2.COLOR_BayerGR2RGB, pixelwise=False),
    "bayer_grbg8": _Encoding(1, cv2.COLOR_BayerGB2RGB, pixelwise=False),
    "bayer_rggb16": _Encoding(1, cv2.COLOR_BayerBG2RGB, np.uint16, pixelwise=False),
    "bayer_bggr16": _Encoding(1, cv2.COLOR_BayerRG2RGB, np.uint16, pixelwise=False),
    "bayer_gbrg16": _Encoding(1, cv2.COLOR_BayerGR2RGB, np.uint16, pixelwise=False),
    "bayer_grbg16": _Encoding(1, cv2.COLOR_BayerGB2RGB, np.uint16, pixelwise=False),
    "yuv422": _Encoding(2, cv2.COLOR_YUV2RGB_UYVY, pixelwise=False),
    "uyvy": _Encoding(2, cv2.COLOR_YUV2RGB_UYVY, pixelwise=False),
    "yuv422_yuy2": _Encoding(2, cv2.COLOR_YUV2RGB_YUYV, pixelwise=False),
    "yuyv": _Encoding(2, cv2.COLOR_YUV2RGB_YUYV, pixelwise=False),
    # Brightness, and below it the colours of two by two pixels.
    "nv12": _Encoding(1, cv2.COLOR_YUV2RGB_NV12, pixelwise=False, planes=1.5),
    "nv21": _Encoding(1, cv2.COLOR_YUV2RGB_NV21, pixelwise=False, planes=1.5),
}
ENCODINGS = tuple(_ENCODINGS)


@dataclass(frozen=True)
class CameraConverter:
    """sensor_msgs/Image -> (stamp, RGB).

    Args:
        name: stream name, for errors.
        size: (height, width) of the result.
        source_shape: (height, width) the message must have; None takes any.
    """

    name: str
    size: tuple[int, int]
    source_shape: tuple[int, int] | None = None

    def __call__(self, message: Any) -> tuple[int, Frame]:
        """Raises `UserError` for another encoding or size, and for truncated data."""
        encoding = _ENCODINGS.get(message.encoding.lower())
        if encoding is None:
            legal = f"one of {list(_ENCODINGS)}"
            raise UserError(f"{self.name}: encoding", message.encoding, f"{legal}; {no_colours(message.encoding)}")
        check_shape(self.name, (int(message.height), int(message.width)), self.source_shape)
        pixels = image_rows(message, encoding.dtype, encoding.channels, self.name, encoding.planes)
        if encoding.dtype is np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        if encoding.pixelwise:
            pixels = self._resize(pixels)
        if encoding.code is not None:
            try:
                pixels = cv2.cvtColor(pixels, encoding.code)
            except cv2.error as error:  # an odd width cannot hold pairs of pixels
                size = (int(message.height), int(message.width))
                legal = f"a size that {message.encoding} can have"
                raise UserError(f"{self.name}: image (height, width)", size, legal) from error
        return stamp_ns(message), np.ascontiguousarray(self._resize(pixels))

    def compressed(self, message: Any) -> tuple[int, Frame]:
        """sensor_msgs/CompressedImage (JPEG, PNG, WebP) -> (stamp, RGB); the file decides, not ``format``."""
        pixels = read_picture(np.frombuffer(message.data, np.uint8), str(message.format), self.name)
        check_shape(self.name, pixels.shape[:2], self.source_shape)
        return stamp_ns(message), cv2.cvtColor(self._resize(pixels), cv2.COLOR_BGR2RGB)

    def _resize(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Mean over areas. Halved as often as that goes, which OpenCV does many times faster than odd fractions:
        1080p to 64 x 64 in 0.5 ms rather than 6, and no grey level is more than 3 apart where a picture is smooth."""
        height, width = self.size
        while min(pixels.shape[0] // height, pixels.shape[1] // width) >= 2 and not (
            pixels.shape[0] % 2 or pixels.shape[1] % 2
        ):
            half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
            pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
        if pixels.shape[:2] != self.size:
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        return pixels


def check_shape(where: str, found: tuple[int, ...], asked: tuple[int, int] | None) -> None:
    """Raise `UserError` if an image (height, width) is not as large as asked, or has no pixels."""
    if min(found) <= 0 or (asked is not None and tuple(found) != asked):
        legal = asked or "a positive size"
        raise UserError(f"{where}: image (height, width)", tuple(found), f"{legal}, as deployment.streams says")


def no_colours(encoding: str) -> str:
    """Why an encoding that is not read has no colours for us."""
    if encoding.lower() in ("16uc1", "32fc1"):
        return f"{encoding} is depth, which a stream of kind depth reads"
    if "UC" in encoding or "SC" in encoding or "FC" in encoding:
        return f"{encoding} does not say what its channels are"
    return f"{encoding!r} is not read"
