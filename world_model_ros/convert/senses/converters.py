"""Picks the converter (message -> stamp, array) of a contract's stream, by the stream's kind and message type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from world_model_ros.contract.schema import Source, StreamSource
from world_model_ros.contract.senses import CameraStream, DepthStream, MicrophoneStream, PoseStream, Stream
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.convert.senses.depth import DepthConverter
from world_model_ros.convert.senses.detections import DetectionConverter
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.senses.microphone import MicrophoneConverter
from world_model_ros.convert.senses.pose import PoseConverter
from world_model_ros.convert.senses.taxels import TaxelConverter
from world_model_ros.convert.senses.transforms import TransformConverter
from world_model_ros.convert.senses.value import ValueConverter
from world_model_ros.convert.senses.wrench import WrenchConverter
from world_model_ros.core.errors import UserError

Converter = Callable[[Any], tuple[int, NDArray[Any]]]


def _camera(stream: CameraStream, source: StreamSource) -> CameraConverter:
    return CameraConverter(stream.name, (stream.height, stream.width), source.source_shape)


def _depth(stream: DepthStream, source: StreamSource) -> DepthConverter:
    return DepthConverter(stream.name, (stream.height, stream.width), (stream.min_m, stream.max_m), source.source_shape)


def _microphone(stream: MicrophoneStream, source: StreamSource) -> MicrophoneConverter:
    return MicrophoneConverter(stream.name, stream.channels, stream.sample_rate_hz)


_POSES: dict[str, Callable[[Source, str, str, float], Converter]] = {
    "geometry_msgs/msg/PoseStamped": lambda _, name, frame, __: PoseConverter(name, frame),
    "geometry_msgs/msg/PoseArray": lambda source, name, frame, _: PoseConverter(name, frame, source.index),
    "tf2_msgs/msg/TFMessage": lambda source, name, frame, max_age_s: TransformConverter(
        name, frame, str(source.tf_frame), max_age_s
    ),
    "vision_msgs/msg/Detection3DArray": lambda source, name, frame, _: DetectionConverter(
        name, frame, str(source.detection)
    ),
}


def _pose(stream: PoseStream, source: StreamSource) -> Converter:
    return _POSES[source.type](source, stream.name, stream.frame, source.max_age_s)


_TABLE: dict[tuple[str, str], Callable[[Any, StreamSource], Converter]] = {
    ("camera", "sensor_msgs/msg/Image"): _camera,
    ("camera", "sensor_msgs/msg/CompressedImage"): lambda stream, source: _camera(stream, source).compressed,
    ("depth", "sensor_msgs/msg/Image"): _depth,
    ("depth", "sensor_msgs/msg/CompressedImage"): lambda stream, source: _depth(stream, source).compressed,
    ("microphone", "sensor_msgs/msg/Image"): _microphone,
    ("microphone", "audio_common_msgs/msg/AudioDataStamped"): lambda stream, source: (
        _microphone(stream, source).data_stamped
    ),
    ("microphone", "audio_common_msgs/msg/AudioStamped"): lambda stream, source: _microphone(stream, source).stamped,
    ("taxels", "sensor_msgs/msg/Image"): lambda stream, _: TaxelConverter(stream.name, stream.rows, stream.cols),
    ("wrench", "geometry_msgs/msg/WrenchStamped"): lambda stream, _: WrenchConverter(stream.name, stream.frame),
    **dict.fromkeys([("pose", kind) for kind in _POSES], _pose),
    ("value", "std_msgs/msg/Float32"): lambda stream, _: ValueConverter(stream.name),
    ("value", "std_msgs/msg/Float64"): lambda stream, _: ValueConverter(stream.name),
    ("joints", "sensor_msgs/msg/JointState"): lambda stream, _: JointConverter(
        stream.name, stream.joints, stream.fields
    ),
}


def converter_for(stream: Stream, source: StreamSource) -> Converter:
    """The function ``message -> (stamp_ns, array)`` of a stream; the array has the shape the interface says.

    The stamp is 0 for types without a header, see `has_header`.

    The function raises `UserError` for a message that does not fit, `OtherMessage` for one that has nothing of the
    stream, and nothing else. That of transforms remembers them: use one object a run.

    Raises:
        UserError: the message type of ``source`` is not one this kind of stream can be read from.
    """
    make = _TABLE.get((stream.kind, source.type))
    if make is None:
        legal = f"one of {legal_types(stream.kind)}"
        if source.type.endswith("/AudioData"):
            legal += "; AudioData has no header, so it does not say when it was heard"
        raise UserError(f"deployment.streams: {stream.name}: type", source.type, legal)
    return make(stream, source)


def pose_converter(source: Source, name: str, frame: str, max_age_s: float) -> Converter | None:
    """Converter of poses in ``frame``, as `converter_for`; None where a message of the source is no pose."""
    make = _POSES.get(source.type)
    return None if make is None else make(source, name, frame, max_age_s)


def legal_types(kind: str) -> list[str]:
    """Message types a kind of stream can be read from."""
    return [message_type for each, message_type in _TABLE if each == kind]
