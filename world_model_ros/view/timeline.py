"""Pairs imaginations with camera frames that came later, and finds the imagination during which most moved."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.bags.seen_motion import Motion, pushed_by, seen_motion
from world_model_ros.core.arrays import Frame
from world_model_ros.core.errors import UserError
from world_model_ros.view.pictures.strip import Badge

_REMEMBERED_S = 3.0


def parse_steps(text: str, horizon: int) -> tuple[int, ...]:
    """Which imagined states to look at, counted from 1: ``3,6,9,12``; nothing takes the quarters of the horizon.

    Raises:
        UserError: not increasing whole numbers from 1 to ``horizon``.
    """
    if not text.strip():
        return tuple(sorted({max(1, round(horizon * quarter / 4)) for quarter in (1, 2, 3, 4)}))
    try:
        steps = tuple(int(part) for part in text.split(","))
    except ValueError:
        steps = ()
    if not steps or steps != tuple(sorted(set(steps))) or not 1 <= steps[0] <= steps[-1] <= horizon:
        raise UserError("steps", text, f"increasing whole numbers from 1 to {horizon}, separated by commas")
    return steps


@dataclass(frozen=True, eq=False)
class Imagination:
    """One future as the brain imagined it.

    Args:
        reference_ns: stamp of the camera frame it starts from, ns.
        states: (H, S), entry i is i + 1 ticks later.
        badge: what the robot was doing then.
        goal: the picture that was to come true, if there was one.
    """

    reference_ns: int
    states: NDArray[np.float32]
    badge: Badge = field(default_factory=Badge)
    goal: Frame | None = None

    @property
    def moving(self) -> bool:
        """Whether the robot was let move as imagined; unknown counts as yes."""
        return self.badge.gate in (None, "tracking")


class Timeline:
    """Camera frames, imaginations and places of targets by stamp, all for a few seconds. Callbacks store, a drawing
    thread reads.

    Args:
        tick_ns: time between two imagined states.
        steps: which states are looked at, counted from 1, increasing.
    """

    def __init__(self, tick_ns: int, steps: tuple[int, ...]) -> None:
        self.steps = steps
        self._tick_ns = tick_ns
        self._horizon_ns = steps[-1] * tick_ns
        self._kept_ns = max(round(_REMEMBERED_S * 1e9), 2 * self._horizon_ns)
        self._frames: deque[tuple[int, Frame]] = deque()
        self._imagined: deque[Imagination] = deque()
        self._places: dict[str, deque[tuple[int, ArrayLike]]] = {}
        self._compared_ns = -1
        self._lock = threading.Lock()

    def saw(self, stamp_ns: int, frame: Frame) -> None:
        """Store a camera frame (H, W, 3) uint8 RGB. A stamp far back means the clock was set back: all is forgotten."""
        with self._lock:
            if self._frames and stamp_ns <= self._frames[-1][0]:
                if self._frames[-1][0] - stamp_ns < self._kept_ns:
                    return
                self._frames.clear()
                self._imagined.clear()
                self._places.clear()
                self._compared_ns = -1
            self._frames.append((stamp_ns, frame))
            while self._frames[0][0] < stamp_ns - self._kept_ns:
                self._frames.popleft()
            while self._imagined and self._imagined[0].reference_ns < stamp_ns - self._kept_ns:
                self._imagined.popleft()

    def imagined(self, imagination: Imagination) -> None:
        """Store an imagination; one out of order or of a frame already imagined from is dropped."""
        with self._lock:
            if not self._imagined or self._imagined[-1].reference_ns < imagination.reference_ns:
                self._imagined.append(imagination)

    def placed(self, name: str, stamp_ns: int, place: ArrayLike) -> None:
        """Store where a target is that is none of the robot's own, (D,) in its unit."""
        with self._lock:
            way = self._places.setdefault(name, deque())
            way.append((stamp_ns, place))
            while way[0][0] < stamp_ns - self._kept_ns:
                way.popleft()

    def newest(self) -> Imagination | None:
        """The last imagination whose reference frame is here."""
        with self._lock:
            return next((each for each in reversed(self._imagined) if self._at(each.reference_ns) is not None), None)

    def now(self, imagination: Imagination) -> Frame | None:
        """The frame an imagination starts from; None if it never came or was forgotten."""
        with self._lock:
            return self._at(imagination.reference_ns)

    def real(self, imagination: Imagination) -> tuple[Frame | None, ...]:
        """What the camera saw at the steps; None where it has not come yet, or was lost."""
        with self._lock:
            return self._real(imagination)

    def over(self, imagination: Imagination) -> bool:
        """Whether the last step lies in the past."""
        with self._lock:
            return self._over(imagination)

    def newest_ns(self) -> int:
        """Stamp of the newest frame, ns; -1 of none."""
        with self._lock:
            return self._frames[-1][0] if self._frames else -1

    def _real(self, imagination: Imagination) -> tuple[Frame | None, ...]:
        return tuple(self._at(imagination.reference_ns + step * self._tick_ns) for step in self.steps)

    def _over(self, imagination: Imagination) -> bool:
        return bool(self._frames) and self._frames[-1][0] >= imagination.reference_ns + self._horizon_ns

    def most_moving(self) -> tuple[Motion, Imagination] | None:
        """Of the imaginations that came to their end since the last call, the one during which most really happened.

        As `Motion` says: those with two real frames or more go before, and what pushes something before motion in the
        air. None if none came to its end with a real frame.
        """
        with self._lock:
            fresh = [each for each in self._imagined if each.reference_ns > self._compared_ns and self._over(each)]
            filmed = [(each, self._at(each.reference_ns), self._real(each), self._pushed(each)) for each in fresh]
            if fresh:
                self._compared_ns = fresh[-1].reference_ns
        best: tuple[Motion, Imagination] | None = None
        for each, now, real, pushed in filmed:
            motion = None if now is None else seen_motion(now, real, each.moving, pushed)
            if motion is not None and (best is None or motion > best[0]):
                best = (motion, each)
        return best

    def _pushed(self, imagination: Imagination) -> int:
        """How far a target went in the horizon."""
        begin_ns = imagination.reference_ns
        end_ns = begin_ns + self._horizon_ns
        return pushed_by(
            [place for at_ns, place in way if begin_ns <= at_ns <= end_ns] for way in self._places.values()
        )

    def _at(self, stamp_ns: int) -> Frame | None:
        """The frame nearest to a time, at most half a tick away, once no nearer one can come."""
        if not self._frames or self._frames[-1][0] < stamp_ns:
            return None
        stamp, frame = min(self._frames, key=lambda each: abs(each[0] - stamp_ns))
        return frame if abs(stamp - stamp_ns) <= self._tick_ns // 2 else None
