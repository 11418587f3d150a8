"""Views the pixels of a sensor_msgs/Image as an array, whatever the padding of its rows and its byte order."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from world_model_ros.core.errors import UserError


def image_rows(message: Any, dtype: DTypeLike, channels: int, where: str, planes: float = 1.0) -> NDArray[Any]:
    """The pixels of a sensor_msgs/Image as a view (height, width, channels); row padding is stepped over.

    A ``step`` of 0 stands for rows without padding, as some drivers mean it.

    Args:
        message: sensor_msgs/Image of rclpy or rosbags.
        dtype: element type; its byte order follows ``is_bigendian``.
        channels: elements a pixel.
        where: what stands in front of errors.
        planes: rows of data a row of the picture; the view has so many times its height.

    Raises:
        UserError: if the rows are shorter than the width needs, or the data shorter than the rows.
    """
    kind = _in_order(np.dtype(dtype), bool(message.is_bigendian))
    height, width, step = int(message.height), int(message.width), int(message.step)
    pixel = channels * kind.itemsize
    if planes != 1.0:
        if height % 2 or width % 2:
            raise UserError(f"{where}: image (height, width)", (height, width), "even numbers, for this encoding")
        height = round(height * planes)
    step = step or width * pixel
    if step < width * pixel:
        raise UserError(f"{where}: step", step, f"at least {width * pixel} for {width} columns of {pixel} bytes")
    if len(message.data) < step * height:
        raise UserError(
            f"{where}: length of data", len(message.data), f"{step * height} ({height} rows of {step} bytes)"
        )
    rows: NDArray[Any] = np.ndarray(
        (height, width, channels), kind, buffer=message.data, strides=(step, pixel, kind.itemsize)
    )
    return rows


@lru_cache(maxsize=32)
def _in_order(dtype: np.dtype[Any], big: bool) -> np.dtype[Any]:
    ordered: np.dtype[Any] = dtype.newbyteorder(">" if big else "<")
    return ordered
