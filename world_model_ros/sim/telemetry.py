"""Makes the messages of a contract's streams and labels from a simulated robot, each when it is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import MicrophoneStream, PoseStream, Sense, ValueStream
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.errors import UserError
from world_model_ros.sim.sim_robot import SimRobot

LABEL_RATE_HZ = 50.0


@dataclass(frozen=True)
class Sample:
    """A message to be published: its topic and type, and the stamp in its header in ns."""

    topic: str
    type: str
    message: Any
    stamp_ns: int


def beats(rate_hz: float, now_ns: int, before_ns: int) -> bool:
    """Whether a beat of a rate, counted from time 0, lies in (before, now]."""
    period_ns = round(1e9 / rate_hz)  # whole numbers: a float of today's time in ns is off by more than a beat's edge
    return now_ns // period_ns > before_ns // period_ns


class Telemetry:
    """Reads a `SimRobot` at the rates of the contract.

    Args:
        contract: its streams and labels; streams must have the types that the simulator makes.
        make: message maker of rclpy or rosbags.
        unplugged: names of streams that stay silent.

    Raises:
        UserError: a stream of another message type, or an unknown name in ``unplugged``.
    """

    def __init__(self, contract: Contract, make: MessageMaker, unplugged: tuple[str, ...] = ()) -> None:
        self._contract = contract
        self._make = make
        names = [stream.name for stream in contract.interface.streams]
        for name in unplugged:
            if name not in names:
                raise UserError("unplug", name, f"streams of the contract: {names}")
        for stream in contract.interface.streams:
            kinds = {kind: made for kind, (made, _) in (*_READERS.items(), *_PICTURES.items())}
            if stream.kind not in kinds:
                raise UserError(f"kind of {stream.name}", stream.kind, f"one of {list(kinds)}, to be simulated")
            found, made = contract.source(stream.name).type, kinds[stream.kind]
            if found != made:
                raise UserError(f"type of {stream.name}", found, f"{made}, which the simulator makes")
            if isinstance(stream, ValueStream) and _about(contract, stream) not in _fixtures(contract):
                legal = (
                    f"a fixture of deployment.simulation, of {_fixtures(contract)}, or a label of one, to be simulated"
                )
                raise UserError("interface.streams: name", stream.name, legal)
            if isinstance(stream, PoseStream) and _tracked(contract, stream) is None:
                legal = "a label of an object, object_0 or another, or an object's own name, to be simulated"
                raise UserError("interface.streams: name", stream.name, legal)
            if isinstance(stream, PoseStream) and stream.frame != contract.interface.base_frame:
                legal = f"{contract.interface.base_frame!r}, to be simulated"
                raise UserError(f"interface.streams: {stream.name}: frame", stream.frame, legal)
        plugged = [stream for stream in contract.interface.streams if stream.name not in unplugged]
        self.cameras = [stream for stream in plugged if stream.is_picture]
        self._shown = {each.name: _PICTURES[each.kind][1] for each in self.cameras}
        self._readers = [
            (each, contract.source(each.name), _READERS[each.kind][1]) for each in plugged if not each.is_picture
        ]
        sources = {source.name: source for source in contract.deployment.labels}
        self._labels = [
            (sources[label.name], index)
            for label in contract.interface.labels
            if (index := _object_index(label.target)) is not None
        ]
        articulated = [target.name for target in contract.interface.targets if target.kind == "articulated"]
        self._values = [
            (sources[label.name], label.target) for label in contract.interface.labels if label.target in articulated
        ]
        for _, name in self._values:
            if name not in _fixtures(contract):
                legal = f"a fixture of deployment.simulation, of {_fixtures(contract)}, to be simulated"
                raise UserError("interface.labels: target", name, legal)

    def read(self, robot: SimRobot, before_ns: int) -> list[Sample]:
        """Everything but images and labels that became due since ``before_ns``, with the robot's time as stamp."""
        samples = []
        for stream, source, read in self._readers:
            if stream.has_samples or beats(stream.samples_hz, robot.now_ns, before_ns):
                for message, stamp_ns in read(self._make, robot, stream, source.frame):
                    samples.append(Sample(source.topic, source.type, message, stamp_ns))
        return samples

    def labels(self, robot: SimRobot, before_ns: int) -> list[Sample]:
        """True poses of the objects, in the base frame, and values of fixtures, as far as they are due."""
        if not beats(LABEL_RATE_HZ, robot.now_ns, before_ns):
            return []
        frame, now_ns = self._contract.interface.base_frame, robot.now_ns
        poses = [
            Sample(source.topic, source.type, self._make.pose(robot.object_pose(index), now_ns, frame), now_ns)
            for source, index in self._labels
            if robot.is_there(index)
        ]
        return poses + [
            Sample(source.topic, source.type, self._make.float32(robot.value(name)), now_ns)
            for source, name in self._values
        ]

    def image(self, robot: SimRobot, camera: Sense) -> Sample:
        """What a camera sees now; the stamp is the time of exposure."""
        return self.picture(camera.name, robot.image(camera.name), robot.now_ns)

    def picture(self, camera: str, pixels: NDArray[Any], stamp_ns: int) -> Sample:
        """An image (height, width, ...) that a camera took at a time."""
        source = self._contract.source(camera)
        frame = source.frame or f"{camera}_optical_frame"
        return Sample(source.topic, source.type, self._shown[camera](self._make, pixels, stamp_ns, frame), stamp_ns)


Read = Callable[[MessageMaker, SimRobot, Any, "str | None"], Iterable[tuple[Any, int]]]
Shown = Callable[[MessageMaker, NDArray[Any], int, str], Any]


def _sound(make: MessageMaker, robot: SimRobot, stream: MicrophoneStream, _: str | None) -> Iterator[tuple[Any, int]]:
    for stamp_ns, block in robot.audio_blocks(stream.name):
        yield make.tensor(block[:, None], stamp_ns, stream.name), stamp_ns


def _object_index(target: str) -> int | None:
    """Which object of the scene a target is; None if it is none."""
    number = target.removeprefix("object_")
    return int(number) if number.isdigit() else None


def _about(contract: Contract, stream: Sense) -> str:
    """The target that a stream is about: that of the label with its name, or that of its own name."""
    labels = {label.name: label.target for label in contract.interface.labels}
    return labels.get(stream.name, stream.name)


def _tracked(contract: Contract, stream: PoseStream) -> int | None:
    """Which object of the scene a stream of poses is about; None if it is none."""
    return _object_index(_about(contract, stream))


def _fixtures(contract: Contract) -> list[str]:
    return [fixture.name for fixture in contract.simulation.fixtures]


def _pose(make: MessageMaker, robot: SimRobot, stream: PoseStream, _: str | None) -> Iterator[tuple[Any, int]]:
    index = _tracked(robot.contract, stream)
    if index is not None and robot.is_there(index):
        yield make.pose(robot.object_pose(index), robot.now_ns, robot.contract.interface.base_frame), robot.now_ns


_IMAGE = "sensor_msgs/msg/Image"
# By kind: the type of messages, and who reads them off the robot, or puts pixels into them.
_READERS: dict[str, tuple[str, Read]] = {
    "microphone": (_IMAGE, _sound),
    "taxels": (
        _IMAGE,
        lambda make, robot, stream, frame: [
            (make.tensor(robot.taxels(stream.name), robot.now_ns, frame or stream.name), robot.now_ns)
        ],
    ),
    "wrench": (
        "geometry_msgs/msg/WrenchStamped",
        lambda make, robot, stream, _: [
            (make.wrench(robot.wrench(stream.name), robot.now_ns, stream.frame), robot.now_ns)
        ],
    ),
    "pose": ("geometry_msgs/msg/PoseStamped", _pose),
    "value": (
        "std_msgs/msg/Float32",
        lambda make, robot, stream, _: [(make.float32(robot.value(_about(robot.contract, stream))), robot.now_ns)],
    ),
    "joints": (
        "sensor_msgs/msg/JointState",
        lambda make, robot, *_: [
            (make.joint_state(robot.contract.joint_names, *robot.joint_state(), stamp_ns=robot.now_ns), robot.now_ns)
        ],
    ),
}
_PICTURES: dict[str, tuple[str, Shown]] = {
    "camera": (_IMAGE, lambda make, pixels, stamp_ns, frame: make.image(pixels, "rgb8", stamp_ns, frame)),
    "depth": (_IMAGE, lambda make, pixels, stamp_ns, frame: make.image(pixels, "16UC1", stamp_ns, frame)),
}
