"""Advice on what to change in contract or robot where a message does not have the shape of its stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from world_model_ros.contract.senses import Stream
from world_model_ros.convert.encodings.picture_files import read_picture
from world_model_ros.convert.senses.camera import ENCODINGS, no_colours
from world_model_ros.convert.senses.depth import ENCODINGS as DEPTH_ENCODINGS
from world_model_ros.convert.senses.depth import depth_size
from world_model_ros.convert.senses.microphone import packed_kind
from world_model_ros.convert.stamps import frame_of
from world_model_ros.core.errors import UserError

_NO_NUMBER = "the driver: {} that are not finite are no measurement; it has to leave such messages out"


def shape_advice(stream: Stream, message: Any) -> str | None:
    """The key of the contract to change and its value, or what the robot must do; None if nothing is known."""
    return _TABLE[stream.kind](stream, message)


def _camera(stream: Any, message: Any) -> str | None:
    if not hasattr(message, "encoding"):  # compressed: only whole files say their size
        try:
            height, width = read_picture(np.frombuffer(message.data, np.uint8), str(message.format), "").shape[:2]
        except UserError:
            return "the driver: publish colours as JPEG or PNG files"
    elif message.encoding.lower() not in ENCODINGS:
        return f"the driver: publish a colour encoding, {no_colours(message.encoding)}; one of {list(ENCODINGS)}"
    else:
        height, width = int(message.height), int(message.width)
    return f"deployment.streams: {stream.name}: source_shape: [{height}, {width}]" if height and width else None


def _depth(stream: Any, message: Any) -> str | None:
    if hasattr(message, "encoding") and message.encoding.upper() not in DEPTH_ENCODINGS:
        if message.encoding.lower() in ENCODINGS:
            return f"interface.streams: {stream.name}: kind: camera, as {message.encoding} is colours; or another topic"
        return f"the driver: publish depth, {' or '.join(DEPTH_ENCODINGS)}"
    size = depth_size(message)
    return None if size is None else f"deployment.streams: {stream.name}: source_shape: {list(size)}"


def _microphone(stream: Any, message: Any) -> str | None:
    where = f"interface.streams: {stream.name}"
    if hasattr(message, "encoding"):
        if message.encoding != "16SC1":
            return "the driver: publish 16 bit samples as 16SC1, height = samples, width = channels"
        return f"{where}: channels: {int(message.width)}"
    info = getattr(message.audio, "info", None)
    if info is None and packed_kind(bytes(message.audio.data)) is not None:
        return "the driver: publish plain samples, audio_capture with format:=wave"
    return None if info is None else f"{where}: channels: {int(info.channels)}, sample_rate_hz: {int(info.rate)}"


def _taxels(stream: Any, message: Any) -> str | None:
    if message.encoding != "32FC3":
        return "the driver: publish forces x y z in N as 32FC3, height = rows, width = cols"
    if (int(message.height), int(message.width)) == (stream.rows, stream.cols):
        return _NO_NUMBER.format("forces")
    return f"interface.streams: {stream.name}: rows: {int(message.height)}, cols: {int(message.width)}"


def _wrench(stream: Any, message: Any) -> str | None:
    frame, wrench = frame_of(message), message.wrench
    felt = [getattr(part, axis) for part in (wrench.force, wrench.torque) for axis in "xyz"]
    if not np.isfinite(felt).all():
        return _NO_NUMBER.format("forces and torques")
    return f"interface.streams: {stream.name}: frame: {frame}" if frame not in ("", stream.frame) else None


def _pose(stream: Any, message: Any) -> str | None:
    frame = frame_of(message)
    if frame != stream.frame:
        return f"interface.streams: {stream.name}: frame: {frame}" if frame else f"the driver: frame_id {stream.frame}"
    poses = getattr(message, "poses", None)
    if poses is not None and not poses:
        return "the driver: it has to leave messages without poses out"
    return "the driver: finite numbers, and a quaternion of length 1"


def _joints(stream: Any, message: Any) -> str | None:
    names = list(message.name)
    missing = [name for name in stream.joints if name not in names]
    if missing:
        return f"interface.joints and streams: {stream.name}: joints: {missing} are not sent; the robot has {names}"
    places = [names.index(name) for name in stream.joints]
    columns = {field: np.asarray(getattr(message, field), np.float64) for field in stream.fields}
    wrong = [field for field, column in columns.items() if len(column) not in (0, len(names))]
    if wrong:
        return f"the driver: as many numbers in {' and '.join(wrong)} as there are names, or none"
    empty = [field for field, column in columns.items() if not len(column)]
    if "position" in empty:
        return "the driver: positions; no other field stands for them"
    unmeasured = [field for field in columns if field not in empty and not np.isfinite(columns[field][places]).all()]
    if "position" in unmeasured:
        return _NO_NUMBER.format("positions")
    fields = [field for field in stream.fields if field not in (*empty, *unmeasured)]
    if len(fields) == len(stream.fields):
        return None
    out = " and ".join(field for field in stream.fields if field not in fields)
    why = f"the driver sends {'none' if empty else 'nan, which is not measured'}"
    return f"leave {out} out, {why}: interface.streams: {stream.name}: fields: [{', '.join(fields)}]"


_TABLE: dict[str, Callable[[Any, Any], str | None]] = {
    "camera": _camera,
    "depth": _depth,
    "microphone": _microphone,
    "taxels": _taxels,
    "wrench": _wrench,
    "pose": _pose,
    "value": lambda *_: _NO_NUMBER.format("values"),
    "joints": _joints,
}
