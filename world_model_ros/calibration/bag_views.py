"""Pictures of a bag in which a board is seen, and where the joints were then."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from world_model_ros.bags.align.routes import source_types
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.calibration.board import Board, Corners
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import CameraStream, JointStream
from world_model_ros.contract.topics import absolute
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import OtherMessage, UserError

MOST_VIEWS = 80
_EVERY_NS = 200_000_000  # a picture is looked at
_MOVED = 0.02  # of the picture's width, that corners have to move for another view
_GAP_NS = 100_000_000  # between joint states around a picture
_STILL = 0.02  # rad/s or m/s: a picture of a robot in motion and its joint states are not of one moment


@dataclass
class BagViews:
    """What a bag shows of a board.

    Attributes:
        size: (width, height) of the pictures. views: corners in each. positions: (J,) joints at each of them; None
            where they were not known, or moved.
        looked: pictures that were looked at. moving: views whose joints moved. notes: what could not be read, a line
            each.
    """

    size: tuple[int, int]
    views: list[Corners] = field(default_factory=list)
    positions: list[Float | None] = field(default_factory=list)
    looked: int = 0
    moving: int = 0
    notes: list[str] = field(default_factory=list)


def bag_views(
    bag: Path, contract: Contract, camera: str, board: Board, tell: Callable[[int], object] = lambda looked: None
) -> BagViews:
    """Find the board in the pictures of a camera.

    Args:
        camera: stream of the contract.
        tell: is called with how many pictures were looked at.

    Raises:
        UserError: no such stream, no such bag, or no picture of that camera in it.
    """
    looking = _Looking(contract, camera, board, tell)
    found, topics = looking.found, {absolute(contract.source(name).topic): name for name in looking.read}
    with BagReader(bag) as reader:
        reader.assume(source_types(contract))
        there = reader.topics()
        for topic, name in topics.items():
            if topic not in there:
                found.notes.append(f"{name}: {reader.unreadable.get(topic, 'not in the bag')}")
        for topic, _, bag_ns, raw in reader.raw_messages(set(topics) & set(there)):
            looking.hear(topics[topic], reader.decode(topic, raw), bag_ns)
    found.notes += [f"{words} ({count})" for words, count in looking.refused.items()]
    if not looking.pictures:
        raise UserError("bag", str(bag), "; ".join(["one with pictures of that camera", *found.notes]))
    looking.place()
    return found


class _Looking:
    """Takes the messages of a bag in their order.

    Attributes:
        read: converters by the streams that are needed. found: so far. pictures: that came. refused: what could not be
            read, in words.
    """

    def __init__(self, contract: Contract, camera: str, board: Board, tell: Callable[[int], object]) -> None:
        stream, source = _camera(contract, camera), contract.source(camera)
        assert source.source_shape is not None  # of a camera
        height, width = source.source_shape
        whole = stream.model_copy(update={"height": height, "width": width})
        self._contract, self._camera, self._board, self._tell = contract, camera, board, tell
        self.read = {camera: converter_for(whole, source)}
        for each in contract.interface.of(JointStream):
            self.read[each.name] = converter_for(each, contract.source(each.name))
        self.found = BagViews((width, height))
        self.refused: Counter[str] = Counter()
        self.pictures = 0
        self._track, self._stamps, self._last_ns = _Track(contract), list[int](), -(10**18)

    def hear(self, name: str, message: Any, bag_ns: int) -> None:
        """A message of a stream."""
        try:
            stamp_ns, value = self.read[name](message)
        except OtherMessage:
            return
        except UserError as error:
            self.refused[f"{name}: messages left out, as: {error}"] += 1
            return
        at_ns = (stamp_ns or bag_ns) - self._contract.latency_ns(name)
        if name != self._camera:
            self._track.add(name, at_ns, value)
            return
        self.pictures += 1
        if 0 <= at_ns - self._last_ns < _EVERY_NS:
            return
        self._last_ns = at_ns
        self.found.looked += 1
        self._tell(self.found.looked)
        corners = self._board.find(value)
        views = self.found.views
        if corners is not None and len(views) < MOST_VIEWS and _is_new(corners, views, self.found.size[0]):
            views.append(corners)
            self._stamps.append(at_ns)

    def place(self) -> None:
        """Say where the joints were at each view."""
        for stamp_ns in self._stamps:
            position, still = self._track.at(stamp_ns)
            self.found.positions.append(position if still else None)
            self.found.moving += position is not None and not still


def _camera(contract: Contract, name: str) -> CameraStream:
    legal = [each.name for each in contract.interface.of(CameraStream)]
    if name not in legal:
        raise UserError("camera", name, f"one of {legal}")
    stream = contract.stream(name)
    assert isinstance(stream, CameraStream)
    return stream


def _is_new(corners: Corners, views: list[Corners], width: int) -> bool:
    """Whether the board is seen elsewhere than in any view before."""
    for view in views:
        if len(view.pixels) == len(corners.pixels):
            away = np.linalg.norm(view.pixels - corners.pixels, axis=1).mean()
        else:
            away = np.linalg.norm(view.pixels.mean(0) - corners.pixels.mean(0))
        if away < _MOVED * width:
            return False
    return True


class _Track:
    """Positions of joints over time, of one stream or several."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._samples: dict[str, list[tuple[int, Any]]] = {}

    def add(self, name: str, stamp_ns: int, value: Any) -> None:
        self._samples.setdefault(name, []).append((stamp_ns, np.asarray(value, np.float64)[:, 0]))

    def at(self, stamp_ns: int) -> tuple[Float | None, bool]:
        """Positions (J,) at a time, and whether they stand still; None where some are not known."""
        names = self._contract.joint_names
        found, still = np.full(len(names), np.nan), True
        for name, samples in self._samples.items():
            stream = self._contract.stream(name)
            assert isinstance(stream, JointStream)
            samples.sort(key=lambda each: each[0])
            index = bisect_left(samples, stamp_ns, key=lambda each: each[0])
            if not 0 < index < len(samples) or samples[index][0] - samples[index - 1][0] > _GAP_NS:
                continue
            (before_ns, before), (after_ns, after) = samples[index - 1], samples[index]
            span_s = max((after_ns - before_ns) * 1e-9, 1e-6)
            share = (stamp_ns - before_ns) * 1e-9 / span_s
            still = still and bool(np.abs(after - before).max() <= _STILL * span_s + 1e-4)
            found[[names.index(joint) for joint in stream.joints]] = before + share * (after - before)
        return (None if np.isnan(found).any() else found), still
