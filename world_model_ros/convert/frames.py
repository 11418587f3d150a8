"""A tf2-like tree of frames: buffers transforms, and interpolates the pose of one frame in another at a time."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from math import acos, sin
from typing import Any, NamedTuple

import numpy as np

from world_model_ros.convert.poses import seven_numbers
from world_model_ros.convert.stamps import frame_of, time_ns
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import AbsentError, OtherMessage, UserError
from world_model_ros.core.streams import MOST_AHEAD_NS

_KEPT_NS = 10_000_000_000  # of the past of a link, as in tf2
_STRAIGHT = 0.9995  # cosine from which a turn between two quaternions is as good as straight
_NAMED = 30  # frames in an error


@dataclass
class _Link:
    """The way from a frame's parent to it: transforms by stamp, and the stamp of the one that came last."""

    parent: str
    static: bool
    past: list[tuple[int, Any]] = field(default_factory=list)
    newest_ns: int = 0

    def take(self, stamp_ns: int, transform: Any) -> None:
        """A transform, which may come a little late. What was much later than it was of a wrong clock."""
        while self.past and self.past[-1][0] - stamp_ns > MOST_AHEAD_NS:
            self.past.pop()
        insort(self.past, (stamp_ns, transform), key=_stamp)
        self.newest_ns = stamp_ns
        if stamp_ns - self.past[0][0] > 2 * _KEPT_NS:
            self.past = [each for each in self.past if stamp_ns - each[0] <= _KEPT_NS]


class Way(NamedTuple):
    """Frames between one and another.

    Args:
        up, down: from each of both to below the nearest frame that both hang on.
        stamp_ns: the newest time that every transform between them covers.
        oldest: the link that ends then, in words.
    """

    up: tuple[str, ...]
    down: tuple[str, ...]
    stamp_ns: int
    oldest: str


class FrameTree:
    """Transforms that came, and where one frame is in another.

    Args:
        where: what stands in front of errors.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._links: dict[str, _Link] = {}

    def forget(self) -> None:
        """Forget everything; called when the clock jumps back."""
        self._links.clear()

    def take(self, message: Any, static: bool = False) -> None:
        """A tf2_msgs/TFMessage, of frames that never move in their parents if it is ``static``."""
        for each in message.transforms:
            parent, child = frame_of(each), str(each.child_frame_id).removeprefix("/")
            link = self._links.get(child)
            if link is None or (link.parent, link.static) != (parent, static):
                link = self._links[child] = _Link(parent, static)
            if static:
                link.past = [(0, each.transform)]
            else:
                link.take(time_ns(each.header.stamp), each.transform)

    def way(self, base: str, frame: str) -> Way:
        """How a frame hangs together with another.

        Raises:
            AbsentError: nothing leads from one to the other, or nothing that moves.
            UserError: a frame hangs on itself.
        """
        up, down = self._between(base, frame)
        moving = [each for each in (*up, *down) if not self._links[each].static]
        if not moving:
            legal = f"a frame that /tf moves in {base!r}; this one is static, and needs no sense"
            raise AbsentError(f"{self._where}: tf_frame", frame, legal)
        oldest = min(moving, key=lambda each: self._links[each].newest_ns)
        link = self._links[oldest]
        return Way(tuple(up), tuple(down), link.newest_ns, f"{link.parent} to {oldest}")

    def place(self, base: str, frame: str, stamp_ns: int) -> Float:
        """Pose (7,) of a frame in another at a time.

        Raises:
            OtherMessage: transforms between them do not reach so far, or not back to it.
            UserError: nothing leads from one to the other, or a transform is none.
        """
        up, down = self._between(base, frame)
        for each in (*up, *down):
            link = self._links[each]
            if not link.static and link.past[-1][0] < stamp_ns:
                raise OtherMessage(f"{self._where}: transform of {each}", "none so new yet", "one of the same time")
        there, here = self._along(tuple(up), stamp_ns), self._along(tuple(down), stamp_ns)
        return _compose(_inverse(here), there)

    def pose(self, way: Way) -> Float:
        """Pose (7,) of a frame in another, at the newest time that every transform between them covers.

        Between two transforms of a link it goes straight and turns evenly.

        Raises:
            OtherMessage: a link begins later than another one ends, so far.
            UserError: a transform is none; it is forgotten.
        """
        there, here = self._along(way.up, way.stamp_ns), self._along(way.down, way.stamp_ns)
        return _compose(_inverse(here), there)

    def _between(self, base: str, frame: str) -> tuple[list[str], list[str]]:
        """Frames from ``frame``, and from ``base``, up to below the nearest one that both hang on."""
        up, down = self._line(frame), self._line(base)
        common = next((each for each in up if each in down), None)
        if common is None:
            known = {*self._links, *(link.parent for link in self._links.values())}
            reached = sorted(each for each in known if self._root(each) == down[-1])
            if base not in known:
                legal = f"a frame of the transforms, such as {sorted(known)[:_NAMED]}"
                raise AbsentError(f"{self._where}: frame", base, legal)
            legal = f"a frame that transforms lead to from {base!r}: {reached[:_NAMED]}"
            raise AbsentError(f"{self._where}: tf_frame", frame, legal)
        return up[: up.index(common)], down[: down.index(common)]

    def _line(self, frame: str) -> list[str]:
        """A frame and all that it hangs on; raises `UserError` for one that hangs on itself."""
        line = [frame]
        while (link := self._links.get(line[-1])) is not None:
            if link.parent in line:
                loop = [*line[line.index(link.parent) :], link.parent]
                raise UserError(
                    f"{self._where}: transforms", " on ".join(loop), "a tree, in which no frame is over itself"
                )
            line.append(link.parent)
        return line

    def _root(self, frame: str) -> str | None:
        """What a frame hangs on in the end; None if it hangs on itself."""
        try:
            return self._line(frame)[-1]
        except UserError:
            return None

    def _along(self, frames: tuple[str, ...], now_ns: int) -> Float:
        """Pose of the first frame in what the last one hangs on."""
        pose = np.array([0.0, 0, 0, 0, 0, 0, 1])
        for each in frames:
            pose = _compose(self._at(each, now_ns), pose)
        return pose

    def _at(self, frame: str, now_ns: int) -> Float:
        """Pose of a frame in its parent."""
        past = self._links[frame].past
        if self._links[frame].static:
            return self._read(frame, 0)
        later = bisect_left(past, now_ns, key=_stamp)
        if later == 0 and past[0][0] > now_ns:
            raise OtherMessage(f"{self._where}: transform of {frame}", "a beginning", "one that reaches farther back")
        end = self._read(frame, later)
        if past[later][0] == now_ns:
            return end
        begin = self._read(frame, later - 1)
        (begin_ns, _), (end_ns, _) = past[later - 1 : later + 1]
        return _partway(begin, end, (now_ns - begin_ns) / (end_ns - begin_ns))

    def _read(self, frame: str, index: int) -> Float:
        link = self._links[frame]
        transform = link.past[index][1]
        try:
            return seven_numbers(transform.translation, transform.rotation, f"{self._where}: transform of {frame}")
        except UserError:
            del link.past[index]
            if link.past:
                link.newest_ns = min(link.newest_ns, link.past[-1][0])
            else:
                del self._links[frame]
            raise


def _stamp(timed: tuple[int, Any]) -> int:
    return timed[0]


def _compose(outer: Float, inner: Float) -> Float:
    """Pose of what is at ``inner`` in a frame that is at ``outer``."""
    return np.concatenate([outer[:3] + _rotated(outer[3:], inner[:3]), _product(outer[3:], inner[3:])])


def _inverse(pose: Float) -> Float:
    turn = pose[3:] * np.array([-1.0, -1, -1, 1])
    return np.concatenate([-_rotated(turn, pose[:3]), turn])


def _product(a: Float, b: Float) -> Float:
    vector = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.array([*vector, a[3] * b[3] - a[:3] @ b[:3]])


def _rotated(turn: Float, vector: Float) -> Float:
    twice = 2.0 * np.cross(turn[:3], vector)
    return np.asarray(vector + turn[3] * twice + np.cross(turn[:3], twice))


def _partway(begin: Float, end: Float, share: float) -> Float:
    """Between two poses; quaternions by spherical interpolation (Shoemake, 1985)."""
    near = end[3:] if begin[3:] @ end[3:] >= 0.0 else -end[3:]
    cosine = float(begin[3:] @ near)
    weights = (1.0 - share, share)
    if cosine < _STRAIGHT:
        angle = acos(cosine)
        weights = (sin((1.0 - share) * angle) / sin(angle), sin(share * angle) / sin(angle))
    turn = weights[0] * begin[3:] + weights[1] * near
    return np.concatenate([begin[:3] + share * (end[:3] - begin[:3]), turn / np.linalg.norm(turn)])
