"""Finds a calibration board in the images of a bag, and selects views that differ, with joint positions at each."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
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
_GAP_NS = 250_000_000  # between joint states around a picture
_AROUND_NS, _STILL = 100_000_000, 0.004  # rad or m: a picture of a robot in motion is not of the moment of its joints


@dataclass
class BagViews:
    """What a bag shows of a board.

    Attributes:
        size: (width, height) of the pictures.
        views: corners in each.
        positions: (J,) joints at each of them; None where they were not known, or moved.
        looked: pictures that were looked at. seen: of these, with the board. moving: views whose joints moved.
        notes: what could not be read, a line each.
    """

    size: tuple[int, int]
    views: list[Corners] = field(default_factory=list)
    positions: list[Float | None] = field(default_factory=list)
    looked: int = 0
    seen: int = 0
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
    found, topics = looking.found, dict[str, list[str]]()
    for name in looking.read:  # joint streams of two arms may share a topic
        topics.setdefault(absolute(contract.source(name).topic), []).append(name)
    with BagReader(bag) as reader:
        reader.assume(source_types(contract))
        there = reader.topics()
        for topic, names in topics.items():
            if topic not in there:
                found.notes.append(f"{', '.join(names)}: {reader.unreadable.get(topic, 'not in the bag')}")
        for topic, _, bag_ns, raw in reader.raw_messages(set(topics) & set(there)):
            for name in topics[topic]:
                looking.hear(name, partial(reader.decode, topic, raw), bag_ns)
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
        self._track, self._last_ns = _Track(contract), -(10**18)
        self._seen: list[tuple[int, Corners]] = []

    def hear(self, name: str, decode: Callable[[], Any], bag_ns: int) -> None:
        """A message of a stream; one that cannot be read is counted."""
        try:
            stamp_ns, value = self.read[name](decode())
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
        if corners is not None:
            self.found.seen += 1
            self._seen.append((at_ns, corners))

    def place(self) -> None:
        """Choose views that differ, those of a robot at rest first, and say where the joints were at each."""
        placed = [(corners, *self._track.at(stamp_ns)) for stamp_ns, corners in self._seen]
        for at_rest in (True, False):
            for corners, position, still in placed:
                if (position is not None and still) != at_rest or len(self.found.views) >= MOST_VIEWS:
                    continue
                if _is_new(corners, self.found.views, self.found.size[0]):
                    self.found.views.append(corners)
                    self.found.positions.append(position if at_rest else None)
                    self.found.moving += position is not None and not at_rest


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
        samples = self._samples.setdefault(name, [])
        insort(samples, (stamp_ns, np.asarray(value, np.float64)[:, 0]), key=lambda each: each[0])

    def at(self, stamp_ns: int) -> tuple[Float | None, bool]:
        """Positions (J,) at a time, and whether they stood still around it; None where some are not known."""
        there = self._positions(stamp_ns)
        around = [self._positions(stamp_ns + step_ns) for step_ns in (-_AROUND_NS, _AROUND_NS)]
        known = [each for each in around if each is not None]
        if there is None or not known:
            return there, False
        return there, all(bool(np.abs(each - there).max() <= _STILL) for each in known)

    def _positions(self, stamp_ns: int) -> Float | None:
        names = self._contract.joint_names
        found = np.full(len(names), np.nan)
        for name, samples in self._samples.items():
            stream = self._contract.stream(name)
            assert isinstance(stream, JointStream)
            index = bisect_left(samples, stamp_ns, key=lambda each: each[0])
            if not 0 < index < len(samples) or samples[index][0] - samples[index - 1][0] > _GAP_NS:
                continue
            (before_ns, before), (after_ns, after) = samples[index - 1], samples[index]
            share = (stamp_ns - before_ns) / max(after_ns - before_ns, 1)
            found[[names.index(joint) for joint in stream.joints]] = before + share * (after - before)
        return None if np.isnan(found).any() else found
