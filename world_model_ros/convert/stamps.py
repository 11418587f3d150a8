"""Stamps of messages as integer ns, pixels of images as views, and refusal of numbers that are not finite."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from world_model_ros.contract.schema import TRANSFORMS
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import MOST_AHEAD_NS

_LARGEST = float(np.finfo(np.float32).max)
_SURELY_FINITE = 1e37  # of a sum of squares


def stamp_ns(message: Any) -> int:
    """``header.stamp`` of a message, ns."""
    return time_ns(message.header.stamp)


def has_header(message_type: str) -> bool:
    """Whether messages of a type begin with a header, which says when they are of."""
    return is_stamped(message_type) and message_type != TRANSFORMS


def is_stamped(message_type: str) -> bool:
    """Whether messages of a type say when they are of; others are of when they arrive."""
    return not message_type.startswith("std_msgs/msg/") or message_type == "std_msgs/msg/Header"


def frame_of(message: Any) -> str:
    """``header.frame_id`` of a message as tf2 takes it: without the slash that names had before it."""
    return str(message.header.frame_id).removeprefix("/")


def time_ns(time: Any) -> int:
    """A builtin_interfaces Time or Duration, ns."""
    return int(time.sec) * 1_000_000_000 + int(time.nanosec)


def stamp_ahead(where: str, ahead_ns: int) -> UserError:
    """Of a message whose stamp is so far ahead of its arrival that it cannot be right."""
    return UserError(f"{where}: stamp", f"{ahead_ns * 1e-9:.3f} s ahead", f"at most {MOST_AHEAD_NS * 1e-9} s ahead")


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


def finite(values: NDArray[Any], where: str, names: tuple[str, ...] | None = None) -> None:
    """Raise `UserError` if a value is NaN, infinite, or would be in single precision, which models and data sets have.

    ``names`` are the names of the first axis.
    """
    if np.vdot(values, values) < _SURELY_FINITE:  # a third of the time of looking at each, and rarely wrong
        return
    good = np.abs(values) <= _LARGEST
    if good.all():
        return
    index = tuple(int(i) for i in np.argwhere(~good)[0])
    spot = f"[{names[index[0]]}]" if names else str(list(index))
    raise UserError(f"{where}{spot}", float(values[index]), "a finite number")
