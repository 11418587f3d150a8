"""Estimates how far a bag's images, touch, poses and values lag behind the robot's motion, by cross-correlation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from world_model_ros.bags.align.routes import source_types
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream, PoseStream, ValueStream
from world_model_ros.contract.topics import absolute
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.core.arrays import Array, Float
from world_model_ros.core.errors import OtherMessage, UserError

_GRID_S = 0.005
_SMOOTH_S = 0.06
_SEARCH_S = (-0.2, 0.5)
_LEAST_S = 15.0
_LEAST_MESSAGES = 100
_SURE = 0.5  # correlation from which a lag means something
_APART_S, _MARGIN = 0.15, 0.1  # and so much above that of any lag so far away: a steady beat fits at many


def _whole(value: Array) -> Array:
    return value


_PART: dict[str, Callable[[Array], Array]] = {"joints": lambda value: value[:, 0], "pose": lambda value: value[:3]}


@dataclass(frozen=True)
class Lag:
    """How a stream follows the robot.

    Args:
        stream: its name.
        seconds: how much later its stamps are than those of the same motion of ``behind``; negative is earlier.
        correlation: of its changes with the speed of that, at that lag.
        elsewhere: the best correlation at a lag that is far from it.
        messages: that were read.
        behind: stream of the joints, or of the hand's pose where there are none.
    """

    stream: str
    seconds: float
    correlation: float
    elsewhere: float
    messages: int
    behind: str

    @property
    def sure(self) -> bool:
        """Whether the lag means something."""
        return self.correlation >= _SURE and self.correlation >= self.elsewhere + _MARGIN


def stream_lags(bag: Path, contract: Contract, say: Callable[[str], object] | None = None) -> list[Lag]:
    """Lags of the streams that change when the robot moves: pictures, touch, poses and single numbers.

    The speed of all joints, or of the hand where a robot has none, is correlated with how fast the stream's values
    change (mean absolute difference of messages that follow each other), both on a grid of 5 ms, from 0.2 s early to
    0.5 s late (cross-correlation for the delay of two signals: Knapp and Carter, 1976).

    Args:
        say: is given what could not be looked at, a line each.

    Raises:
        UserError: no such bag, less than 15 s, or neither joints nor a hand that move in it.
    """
    moving = _moving(contract)
    watched = [
        each.name
        for each in contract.interface.streams
        if each.name != moving and (each.is_picture or each.is_touch or isinstance(each, (PoseStream, ValueStream)))
    ]
    found, notes = _samples(bag, contract, moving, watched)
    if say is not None:
        for line in notes:
            say(line)
    times_s, speed = _changes(found.pop(moving))
    if len(times_s) < _LEAST_MESSAGES or times_s[-1] - times_s[0] < _LEAST_S:
        what = "joint states" if contract.joint_names else f"poses of {moving}"
        raise UserError("bag", str(bag), "; ".join([f"one with at least {_LEAST_S:g} s of {what}", *notes]))
    if not speed.std() > 1e-6:
        raise UserError("bag", str(bag), "one in which the robot starts and stops")
    lags = []
    for name, samples in found.items():
        if len(samples) >= _LEAST_MESSAGES:
            lags.append(Lag(name, *_lag(times_s, speed, *_changes(samples)), len(samples), moving))
    return lags


def _moving(contract: Contract) -> str:
    """The stream that tells when the robot moves: of the joints, or else the first pose that is no object's."""
    things = {target.name for target in contract.interface.targets if target.kind == "object"}
    hands = [each.name for each in contract.interface.of(PoseStream) if each.name not in things]
    found = [each.name for each in contract.interface.of(JointStream)] or hands
    if not found:
        legal = "one with joints, or with the pose of a hand, whose motion tells how late the other senses are"
        raise UserError("robot", contract.name, legal)
    return found[0]


def _samples(
    bag: Path, contract: Contract, moving: str, watched: Sequence[str]
) -> tuple[dict[str, list[tuple[int, Any]]], list[str]]:
    """Stamps in ns and values of some streams, of joints and poses their positions; and what cannot be read, a line
    each. What has no stamp counts from when it was recorded."""
    names = [moving, *watched]
    found: dict[str, list[tuple[int, Any]]] = {name: [] for name in names}
    notes: list[str] = []
    refused: dict[str, Counter[str]] = {}
    by_topic: dict[str, list[str]] = {}
    convert = {name: converter_for(contract.stream(name), contract.source(name)) for name in names}
    with BagReader(bag) as reader:
        reader.assume(source_types(contract))
        there = reader.topics()
        for name in names:
            source = contract.source(name)
            topic = there.get(absolute(source.topic))
            if topic is None:
                notes.append(f"{name}: {reader.unreadable.get(absolute(source.topic), 'not in the bag')}")
            elif topic.type != source.type:
                notes.append(f"{name}: {topic.name} is {topic.type}, the contract says {source.type}")
            else:
                by_topic.setdefault(topic.name, []).append(name)
        for topic_name, _, bag_ns, raw in reader.raw_messages(set(by_topic)):
            for name in by_topic[topic_name]:
                try:
                    stamp_ns, value = convert[name](reader.decode(topic_name, raw))
                except OtherMessage:
                    continue
                except UserError as error:
                    refused.setdefault(name, Counter())[str(error)] += 1
                    continue
                found[name].append((stamp_ns or bag_ns, _PART.get(contract.stream(name).kind, _whole)(value)))
        notes += [
            f"{name}: {sum(why.values())} messages left out, the first one for: {next(iter(why))}"
            for name, why in refused.items()
        ]
        return found, [*notes, *reader.damage]


def _changes(samples: list[tuple[int, Any]]) -> tuple[Float, Float]:
    """Times in s between messages that follow each other, and how fast the values changed there."""
    ordered = sorted(samples, key=lambda sample: sample[0])
    times_s = np.array([stamp for stamp, _ in ordered], np.int64) * 1e-9
    values = [np.asarray(value, np.float32) for _, value in ordered]
    apart = np.diff(times_s)
    # Depth is NaN where nothing was measured; there nothing changed.
    change = np.array([float(np.abs(np.nan_to_num(b - a)).mean()) for a, b in pairwise(values)])
    kept = apart > 0
    return (times_s[:-1] + 0.5 * apart)[kept], change[kept] / apart[kept]


def _lag(joint_s: Float, speed: Float, other_s: Float, change: Float) -> tuple[float, float, float]:
    """The delay of the second signal behind the first, s, the correlation at it, and the best one far from it."""
    begin, end = max(joint_s[0], other_s[0]) - _SEARCH_S[0], min(joint_s[-1], other_s[-1]) - _SEARCH_S[1]
    grid, delays = np.arange(begin, end, _GRID_S), np.arange(*_SEARCH_S, _GRID_S)
    if len(grid) * _GRID_S < _LEAST_S / 2:
        return 0.0, 0.0, 0.0
    width = round(_SMOOTH_S / _GRID_S)
    box = np.ones(width) / width
    moved = np.convolve(np.interp(grid, joint_s, speed), box, "same")
    seen = [np.convolve(np.interp(grid + delay, other_s, change), box, "same") for delay in delays]
    fits = np.array([np.corrcoef(moved, each)[0, 1] if each.std() > 0 else 0.0 for each in seen])
    best = int(fits.argmax())
    far = fits[np.abs(delays - delays[best]) > _APART_S]
    return float(delays[best]), float(fits[best]), float(far.max())
