"""Collects the times of one topic's messages: their rate, their ages, and stamps that cannot be right."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.streams import MOST_AHEAD_NS

_MIN_MESSAGES = 3  # messages, for a rate
_KEPT = 20_000  # ages; of more, two of three are forgotten, and so on


@dataclass
class MessageTimes:
    """Collects arrival, stamp and samples of one topic's messages.

    Args:
        long_ns: a silence of more is a pause, in which the robot was off, and a stamp further behind is wrong.

    Attributes:
        count: of messages. zeros: stamps that are 0. back: stamps that are not newer than one before them.
        ahead: stamps further ahead of their arrival than is taken; ahead_s: the furthest of them.
        old: stamps further behind than ``long_ns``. worst_s: the highest age of the others.
        held_s: the age that a newest message had reached when the next one came, at most, but for pauses.
    """

    long_ns: int = 60_000_000_000
    count: int = 0
    zeros: int = 0
    back: int = 0
    ahead: int = 0
    ahead_s: float = 0.0
    old: int = 0
    worst_s: float = -np.inf
    held_s: float = -np.inf
    _samples: int = 0
    _first_ns: int = 0
    _last_ns: int = 0
    _newest_ns: int = -1
    _ages: array[float] = field(default_factory=lambda: array("d"))
    _every: int = 1
    _told: int = 0
    _paused_ns: int = 0

    def add(self, now_ns: int, stamp_ns: int, samples: int = 1) -> None:
        """A message that arrived at ``now_ns`` with so many samples in it."""
        if self.count:
            self._samples += samples
            silent_ns = now_ns - self._last_ns
            self._paused_ns += silent_ns if silent_ns > self.long_ns else 0
            if self._newest_ns >= 0 and silent_ns <= self.long_ns:
                self.held_s = max(self.held_s, (now_ns - self._newest_ns) * 1e-9)
        else:
            self._first_ns = now_ns
        self._last_ns = now_ns
        self.count += 1
        if stamp_ns == 0:
            self.zeros += 1
            return
        age_s = (now_ns - stamp_ns) * 1e-9
        self._keep(age_s)
        if stamp_ns - now_ns > MOST_AHEAD_NS:
            self.ahead += 1
            self.ahead_s = max(self.ahead_s, -age_s)
            return
        self.back += stamp_ns <= self._newest_ns
        if now_ns - stamp_ns > self.long_ns:
            self.old += 1
        else:
            self.worst_s = max(self.worst_s, age_s)
            self._newest_ns = max(self._newest_ns, stamp_ns)

    def _keep(self, age_s: float) -> None:
        if self._told % self._every == 0:
            self._ages.append(age_s)
            if len(self._ages) > _KEPT:
                self._ages, self._every = self._ages[::3], 3 * self._every
        self._told += 1

    @property
    def rate_hz(self) -> float | None:
        """Samples a second, by arrival; None if there are too few messages."""
        span_s = (self._last_ns - self._first_ns - self._paused_ns) * 1e-9
        return self._samples / span_s if self.count >= _MIN_MESSAGES and span_s > 0 else None

    @property
    def ages_s(self) -> NDArray[np.float64]:
        """Arrival minus stamp, s; of many messages, of evenly spread ones."""
        return np.array(self._ages, np.float64)
