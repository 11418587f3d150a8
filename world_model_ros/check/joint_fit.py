"""Checks a stream of joint states, which may come in parts and from several publishers, against the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from world_model_ros.check.alternating_positions import TwoCourses
from world_model_ros.check.stream_fit import Finding, StreamFit
from world_model_ros.contract.senses import JointStream

_MOST_PARTS = 100  # lists of joint names that are remembered


@dataclass
class JointFit(StreamFit):
    """Checks a joint-state stream against the contract.

    Attributes:
        span: the least and the largest position by joint, of all that messages have.
    """

    stream: JointStream
    oldest_s: ClassVar[float] = 1.0
    span: dict[str, tuple[float, float]] = field(default_factory=dict)
    _parts: set[tuple[str, ...]] = field(default_factory=set)  # joints of messages that lack some of ours
    _courses: TwoCourses = field(default_factory=TwoCourses)

    def judge(self, message: Any) -> int | None:
        for joint, position in zip(message.name, message.position):
            if np.isfinite(position):
                low, high = self.span.get(joint, (np.inf, -np.inf))
                self.span[joint] = (min(low, position), max(high, position))
        read = self._read
        samples = super().judge(message)
        if self._read == read and len(self._parts) < _MOST_PARTS:
            self._parts.add(tuple(message.name))
        return samples

    def look(self, message: Any, stamp: int, value: NDArray[Any]) -> None:
        self._courses.add(stamp, value[:, 0])

    def findings(self) -> list[Finding]:
        if self.messages or not self.others:
            return super().findings()
        names = sorted({name for part in self._parts for name in part})
        found = f"none of {self.others} messages has a joint of {list(self.stream.joints)}; they have {names}"
        change = f"deployment.streams: {self.stream.name}: topic, or interface.streams: {self.stream.name}: joints"
        return [Finding("content", found, change, "wrong")]

    def contents(self) -> list[Finding]:
        in_parts = self._in_parts() if self._refused else None
        return super().contents() if in_parts is None else [in_parts]

    @property
    def shared(self) -> bool:
        return super().shared or self._comes_in_parts

    @property
    def several_senders(self) -> bool:
        return super().several_senders or self._comes_in_parts

    @property
    def _comes_in_parts(self) -> bool:
        return bool(self._refused and self._in_parts())

    def signs(self) -> list[str]:
        two = self._courses.two
        return [f"positions jump between two courses, {self._courses.jumps} times"] if two else []

    def _in_parts(self) -> Finding | None:
        """Joints that all come, but never together."""
        ours = [tuple(name for name in self.stream.joints if name in part) for part in self._parts]
        parts = sorted({part for part in ours if part}, key=lambda part: self.stream.joints.index(part[0]))
        if len(parts) < 2 or {name for part in parts for name in part} != set(self.stream.joints):
            return None
        listed = " and ".join(f"[{', '.join(part)}]" for part in parts)
        count = sum(self._refused.values())
        found = f"{count} of {self.messages} refused: the joints come in messages of their own: {listed}"
        change = f"interface.streams: {self.stream.name}: one stream of kind joints for each of {listed}"
        return Finding("content", found, f"{change}; in deployment.streams all of this topic", "wrong")
