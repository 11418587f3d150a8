"""Cuts a bag into rows at a fixed rate for LeRobot, each with the newest joints, commands and images; skips pauses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.align.commanded_reference import ReferenceSource, possible_commands, reference_sources
from world_model_ros.bags.align.routes import source_types
from world_model_ros.bags.align.ticks import LONGEST_GAP_NS
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import CameraStream, JointStream
from world_model_ros.contract.topics import absolute
from world_model_ros.convert.commanded_joints import together
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.convert.senses.joint_parts import JointParts
from world_model_ros.convert.senses.joints import OtherJoints
from world_model_ros.core.arrays import Frame
from world_model_ros.core.errors import UserError

Read = Callable[[Any], Any]
_STILL_NS = 1_000_000_000  # a picture that stands for longer is said to


@dataclass(frozen=True)
class ExportedFrame:
    """One row: its number since the recording began or went on after a pause, joints (J,), commanded joints (J,) or
    None, and a picture a camera."""

    index: int
    state: NDArray[np.float64]
    action: NDArray[np.float64] | None
    pictures: Mapping[str, Frame]


class BagFrames:
    """The frames of a bag, from when all is there until its last message; iterate over it once.

    Over a pause of more than a minute, or when the clock was set, there are none; they begin anew once all is there.
    A camera or a command topic of which no message can be read is left out, the rest goes on.

    Args:
        bag: open. fps: frames a second.

    Attributes:
        notes: what of the bag is not in the frames, a line each; complete after the last frame.

    Raises:
        UserError: the topic of a joint stream is not in the bag.
    """

    def __init__(self, bag: BagReader, contract: Contract, fps: int) -> None:
        bag.assume(source_types(contract))
        self._bag, self._contract, self._fps = bag, contract, fps
        self._left_out = [f"{topic}: {why}" for topic, why in bag.unreadable.items()]
        self._refused: dict[str, Counter[str]] = {}
        self._parts = JointParts(contract.joint_names, contract.joint_ages_s(), ageless=True)
        self._joints: dict[str, list[JointStream]] = {}
        for stream in contract.interface.of(JointStream):
            topic = bag.require(contract.source(stream.name).topic, contract.source(stream.name).type)
            self._joints.setdefault(topic.name, []).append(stream)
        pictures = [each for each in contract.interface.streams if each.is_picture]
        self._left_out += [
            f"{each.name}: pictures of kind {each.kind} are left out; videos of a data set have 8 bit colours"
            for each in pictures
            if not isinstance(each, CameraStream)
        ]
        self._cameras = self._readable_cameras()
        self._told = self._readable_commands()
        if not self._told:
            there = possible_commands(bag, contract)
            words = f"; the contract does not know {', '.join(there)}" if there else ""
            self._left_out.append(f"no action: nothing that can be read says what the robot was commanded{words}")
        self._commanded: dict[str, NDArray[np.float64]] = {}
        self._pictures: dict[str, Frame] = {}
        self._paused = False
        self._shown_ns: dict[str, int] = {}  # since when a camera's picture stands
        self._still_ns: dict[str, int] = {}  # the longest that one stood

    @property
    def notes(self) -> list[str]:
        refused = [
            f"{topic}: {sum(reasons.values())} messages left out, the first one for: {next(iter(reasons))}"
            for topic, reasons in self._refused.items()
        ]
        still = [
            f"{name}: one picture stands for up to {longest * 1e-9:.1f} s, in which no other one came"
            for name, longest in self._still_ns.items()
            if longest > _STILL_NS
        ]
        return [*self._left_out, *self._without_frames(), *still, *refused, *self._bag.damage]

    def _without_frames(self) -> Iterator[str]:
        """Why the bag ends without them."""
        lacking = list(self._parts.unheard)
        lacking += [name for name, _ in self._cameras.values() if name not in self._pictures]
        if self._told and not lacking and self._action() is None:
            lacking = ["commands"]
        if lacking:
            yield f"no frames {'after the last pause' if self._paused else 'at all'}: nothing came of {lacking}"

    def __iter__(self) -> Iterator[ExportedFrame]:
        topics = {*self._joints, *self._cameras, *(each.topic for each in self._told)}
        period_ns = 10**9 / self._fps
        next_ns: float | None = None
        begin_ns, count, last_ns = 0, 0, 0
        for topic, _, bag_ns, raw in self._bag.raw_messages(self._bag.among(topics)):
            if next_ns is not None and bag_ns - last_ns > LONGEST_GAP_NS:
                yield self._frame(count)
                self._pause(count + 1, (bag_ns - last_ns) * 1e-9)
                next_ns, count = None, 0
            last_ns = bag_ns
            for name, since_ns in self._shown_ns.items():
                self._still_ns[name] = max(self._still_ns.get(name, 0), bag_ns - since_ns)
            # Half a period late, so that what is in step with the frames is in its own frame, whatever the rounding.
            while next_ns is not None and next_ns + 0.5 * period_ns < bag_ns:
                yield self._frame(count)
                count += 1
                next_ns = begin_ns + count * period_ns
            try:
                self._take(topic, bag_ns, self._bag.decode(topic, raw))
            except UserError as error:
                self._refuse(topic, error)
            if next_ns is None and self._complete():
                next_ns = begin_ns = bag_ns
        if next_ns is not None:
            yield self._frame(count)

    def _pause(self, count: int, seconds: float) -> None:
        """What was there before a pause, of which ``count`` frames were made, is not there after it."""
        self._paused = True
        self._shown_ns.clear()
        self._parts.forget()
        self._commanded.clear()
        self._pictures.clear()
        self._left_out.append(f"a pause of {seconds:.1f} s after {count} frames; what follows is an episode of its own")

    def _take(self, topic: str, bag_ns: int, message: Any) -> None:
        """The newest of a topic."""
        for stream in self._joints.get(topic, ()):
            try:
                self._parts.take(message, stream.name, stream.joints, velocities=False)
            except OtherJoints:
                continue
        if topic in self._cameras:
            name, read = self._cameras[topic]
            self._pictures[name] = read(message)[1]
            self._shown_ns[name] = bag_ns
        for told in self._told:
            if told.topic == topic:
                try:
                    self._commanded[told.name] = told.now(message, bag_ns)
                except OtherJoints:
                    continue

    def _complete(self) -> bool:
        pictures = {name for name, _ in self._cameras.values()}
        return (
            not self._parts.unheard
            and pictures <= self._pictures.keys()
            and (not self._told or self._action() is not None)
        )

    def _action(self) -> NDArray[np.float64] | None:
        whole = self._parts.whole()
        return together(list(self._commanded.values()), None if whole is None else whole[1])

    def _frame(self, index: int) -> ExportedFrame:
        whole = self._parts.whole()
        assert whole is not None
        return ExportedFrame(index, whole[1], self._action() if self._told else None, dict(self._pictures))

    def _refuse(self, topic: str, error: UserError) -> None:
        self._refused.setdefault(topic, Counter())[str(error)] += 1

    def _readable_cameras(self) -> dict[str, tuple[str, Read]]:
        """By topic, those of which a message can be read."""
        found: dict[str, tuple[str, Read]] = {}
        for stream in self._contract.interface.of(CameraStream):
            source = self._contract.source(stream.name)
            topic, read = absolute(source.topic), _picture_reader(stream, source)
            there = self._bag.topics().get(topic)
            if there is None or not there.count:
                self._left_out.append(f"{stream.name}: not in the bag ({topic})")
            elif there.type != source.type:
                self._left_out.append(f"{stream.name}: {topic} is {there.type}, the contract says {source.type}")
            elif self._any(topic, read):
                found[topic] = (stream.name, read)
        return found

    def _readable_commands(self) -> list[ReferenceSource]:
        """Those of which a message can be read."""

        def reader(told: ReferenceSource) -> Read:
            return lambda message: told.now(message, 0)

        sources = reference_sources(self._bag, self._contract)
        return [each for each in sources if self._any(each.topic, reader(each))]

    def _any(self, topic: str, read: Read) -> bool:
        """Whether a message of a topic can be read; if none can, all are counted as refused."""
        refused: Counter[str] = Counter()
        others = 0
        for _, _, _, raw in self._bag.raw_messages(self._bag.among([topic])):
            try:
                read(self._bag.decode(topic, raw))
            except OtherJoints:
                others += 1
                continue
            except UserError as error:
                refused[str(error)] += 1
                continue
            return True
        if refused:
            self._refused[topic] = refused
        if others:
            self._left_out.append(f"{topic}: {others} messages of joints that the contract does not have")
        return False


def _picture_reader(stream: CameraStream, source: StreamSource) -> Read:
    """In the size that the camera has, not the model."""
    camera = CameraConverter(stream.name, source.source_shape or (stream.height, stream.width), source.source_shape)
    return camera.compressed if source.type == "sensor_msgs/msg/CompressedImage" else camera
