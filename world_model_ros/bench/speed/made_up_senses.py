"""Synthetic sensor data of a contract for speed benchmarks: random observations, and ROS messages with new stamps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import DepthStream, JointStream, Stream
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Observation
from world_model_ros.kinematics.arm import ArmKinematics, tool_down
from world_model_ros.kinematics.motion import motion_for

CAMERA_SIZE = (480, 640)  # height, width of the camera's messages
_SOUND_S = 0.02  # of an audio message
_HOLES = 0.1  # share of a depth image
_TRIES = 50


def with_camera_size(contract: Contract, size: tuple[int, int] = CAMERA_SIZE) -> Contract:
    """The contract with all cameras' messages of one size (height, width); models fit it as before."""
    data = yaml.safe_load(contract.text)
    cameras = {stream.name for stream in contract.interface.streams if stream.is_picture}
    for source in data["deployment"]["streams"]:
        if source["name"] in cameras:
            source["source_shape"] = list(size)
    if contract.deployment.urdf is not None:
        data["deployment"]["urdf"] = str(contract.urdf_path)
    return contract_from_text(yaml.safe_dump(data, sort_keys=False), contract.name, contract.folder)


def rest(contract: Contract) -> Float:
    """Joint positions (J,) to be at: fingertips in the middle of their workspaces, as far from the ends of the joints'
    ranges as some tries find; without fingertips the middle of the ranges."""
    if not contract.joint_names:
        return np.zeros(0)
    limits = contract.limits()
    middle: Float = 0.5 * (limits.lower + limits.upper)
    arm = motion_for(contract)
    if not isinstance(arm, ArmKinematics):
        return middle
    places = np.array([hand.box.mean(0) for hand in contract.interface.hands])
    random = np.random.default_rng(0)
    starts = (contract.rest, *(random.uniform(limits.lower, limits.upper) for _ in range(_TRIES)))
    tried = [arm.solve(start, places, tool_down()) for start in starts]
    found = [each for each in tried if each is not None]
    room = [float(np.minimum(each - limits.lower, limits.upper - each).min()) for each in found]
    return found[int(np.argmax(room))] if found else middle


def observation(contract: Contract, now_ns: int, seed: int = 0) -> Observation:
    """All streams fresh: noise, and the joints at `rest`."""
    random = np.random.default_rng([seed, now_ns])
    at = dict(zip(contract.joint_names, rest(contract)))
    values = {each.name: _VALUES.get(each.kind, _noise)(each, at, random) for each in contract.interface.streams}
    return Observation(
        now_ns,
        MappingProxyType(values),
        MappingProxyType(dict.fromkeys(values, now_ns)),
        MappingProxyType(dict.fromkeys(values, True)),
    )


def _noise(stream: Stream, at: Mapping[str, float], random: np.random.Generator) -> NDArray[Any]:
    return 0.01 * random.standard_normal(stream.shape).astype(np.float32)


def _joints(stream: JointStream, at: Mapping[str, float], random: np.random.Generator) -> NDArray[Any]:
    value = _noise(stream, at, random)
    value[:, 0] += np.array([at.get(name, 0.0) for name in stream.joints], np.float32)
    return value


def _depth(stream: DepthStream, at: Mapping[str, float], random: np.random.Generator) -> NDArray[Any]:
    metres = random.uniform(stream.min_m, stream.max_m, stream.shape).astype(np.float32)
    return np.where(random.random(stream.shape) < _HOLES, np.float32(np.nan), metres)


def _pose(stream: Stream, at: Mapping[str, float], random: np.random.Generator) -> NDArray[Any]:
    value = _noise(stream, at, random)
    value[3:] = (0.0, 0.0, 0.0, 1.0)
    return value


_VALUES: dict[str, Callable[[Any, Mapping[str, float], np.random.Generator], NDArray[Any]]] = {
    "camera": lambda stream, _, random: random.integers(0, 255, stream.shape, np.uint8),
    "depth": _depth,
    "joints": _joints,
    "pose": _pose,
}


class Senses:
    """Messages of every stream of a contract, made once and stamped anew.

    Args:
        contract: its cameras' messages have the size of ``source_shape``.
        class_of: as for `MessageMaker`.

    Raises:
        UserError: a stream's message type is not among those made here.
    """

    def __init__(self, contract: Contract, class_of: Callable[[str], Any]) -> None:
        self._make = MessageMaker(class_of)
        self._random = np.random.default_rng(0)
        self._at = dict(zip(contract.joint_names, rest(contract)))
        self.rates_hz: dict[str, float] = {}
        self._messages: dict[str, Any] = {}
        for stream in contract.interface.streams:
            source = contract.source(stream.name)
            make = _MESSAGES.get((stream.kind, source.type))
            if make is None:
                legal = [found for kind, found in _MESSAGES if kind == stream.kind]
                raise UserError(f"type of {stream.name}", source.type, f"one of {legal}")
            self._messages[stream.name] = make(self, stream, source)
            self.rates_hz[stream.name] = 1.0 / _SOUND_S if stream.has_samples else stream.samples_hz

    def message(self, name: str, stamp_ns: int) -> Any:
        """The message of a stream, with this stamp."""
        message = self._messages[name]
        if hasattr(message, "header"):
            message.header.stamp = self._make.time(stamp_ns)
        return message


_IMAGE = "sensor_msgs/msg/Image"
_MESSAGES: dict[tuple[str, str], Callable[[Senses, Any, StreamSource], Any]] = {
    ("camera", _IMAGE): lambda of, stream, source: of._make.image(
        of._random.integers(0, 255, (*(source.source_shape or stream.shape[:2]), 3), np.uint8), "rgb8", 0
    ),
    ("depth", _IMAGE): lambda of, stream, source: of._make.image(
        of._random.uniform(0.0, stream.max_m, source.source_shape or stream.shape[:2]).astype(np.float32), "32FC1", 0
    ),
    ("microphone", _IMAGE): lambda of, stream, _: of._make.sound(
        0.01 * of._random.standard_normal((round(_SOUND_S * stream.sample_rate_hz), stream.channels)), 0
    ),
    ("taxels", _IMAGE): lambda of, stream, _: of._make.tensor(
        (0.01 * of._random.standard_normal(stream.shape)).astype(np.float32), 0
    ),
    ("wrench", "geometry_msgs/msg/WrenchStamped"): lambda of, stream, _: of._make.wrench(np.zeros(6), 0, stream.frame),
    ("pose", "geometry_msgs/msg/PoseStamped"): lambda of, stream, _: of._make.pose(
        [0, 0, 0, 0, 0, 0, 1], 0, stream.frame
    ),
    ("value", "std_msgs/msg/Float32"): lambda of, *_: of._make.float32(0.0),
    ("value", "std_msgs/msg/Float64"): lambda of, *_: of._make.make("std_msgs/msg/Float64", data=0.0),
    ("joints", "sensor_msgs/msg/JointState"): lambda of, stream, _: of._make.joint_state(
        stream.joints, [of._at.get(name, 0.0) for name in stream.joints], np.zeros(len(stream.joints)), stamp_ns=0
    ),
}


def write_contract(contract: Contract, folder: Path) -> Path:
    """The contract as a file, for other processes."""
    path = folder / f"{contract.name}.yaml"
    path.write_text(contract.text, encoding="utf-8")
    return path
