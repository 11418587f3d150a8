"""Which converter turns a stream's message type into the array that the contract promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import CameraStream, DepthStream, MicrophoneStream, Stream
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.convert.senses.depth import DepthConverter
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.senses.microphone import MicrophoneConverter
from world_model_ros.convert.senses.pose import PoseConverter
from world_model_ros.convert.senses.taxels import TaxelConverter
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
    ("pose", "geometry_msgs/msg/PoseStamped"): lambda stream, _: PoseConverter(stream.name, stream.frame),
    ("pose", "geometry_msgs/msg/PoseArray"): lambda stream, source: PoseConverter(
        stream.name, stream.frame, source.index
    ),
    ("value", "std_msgs/msg/Float32"): lambda stream, _: ValueConverter(stream.name),
    ("value", "std_msgs/msg/Float64"): lambda stream, _: ValueConverter(stream.name),
    ("joints", "sensor_msgs/msg/JointState"): lambda stream, _: JointConverter(
        stream.name, stream.joints, stream.fields
    ),
}


def converter_for(stream: Stream, source: StreamSource) -> Converter:
    """The function ``message -> (stamp_ns, array)`` of a stream; the array has the shape the interface says.

    The stamp is 0 for types without a header, see `has_header`.

    The function raises `UserError` for a message that does not fit; nothing else.

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


def legal_types(kind: str) -> list[str]:
    """Message types a kind of stream can be read from."""
    return [message_type for each, message_type in _TABLE if each == kind]
