"""When messages came and what their stamps say, in a few numbers however many there are."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.streams import MOST_AHEAD_NS

_ENOUGH = 3  # messages, for a rate
_KEPT = 20_000  # ages; of more, two of three are forgotten, and so on


@dataclass
class MessageTimes:
    """Collects arrival, stamp and samples of one topic's messages.

    Attributes:
        count: of messages. zeros: stamps that are 0. back: stamps that are not newer than one before them.
        ahead: stamps further ahead of their arrival than is taken; ahead_s: the furthest of them.
        worst_s: the highest age. held_s: the age that a newest message had reached when the next one came, at most.
    """

    count: int = 0
    zeros: int = 0
    back: int = 0
    ahead: int = 0
    ahead_s: float = 0.0
    worst_s: float = -np.inf
    held_s: float = -np.inf
    _samples: int = 0
    _first_ns: int = 0
    _last_ns: int = 0
    _newest_ns: int = -1
    _ages: array[float] = field(default_factory=lambda: array("d"))
    _every: int = 1

    def add(self, now_ns: int, stamp_ns: int, samples: int = 1) -> None:
        """A message that arrived at ``now_ns`` with so many samples in it."""
        if self.count:
            self._samples += samples
            if self._newest_ns >= 0:
                self.held_s = max(self.held_s, (now_ns - self._newest_ns) * 1e-9)
        else:
            self._first_ns = now_ns
        self._last_ns = now_ns
        age_s = (now_ns - stamp_ns) * 1e-9
        if self.count % self._every == 0:
            self._ages.append(age_s)
            if len(self._ages) > _KEPT:
                self._ages, self._every = self._ages[::3], 3 * self._every
        self.count += 1
        self.zeros += stamp_ns == 0
        if stamp_ns - now_ns > MOST_AHEAD_NS:
            self.ahead += 1
            self.ahead_s = max(self.ahead_s, -age_s)
            return
        self.worst_s = max(self.worst_s, age_s)
        self.back += stamp_ns <= self._newest_ns
        self._newest_ns = max(self._newest_ns, stamp_ns)

    @property
    def rate_hz(self) -> float | None:
        """Samples a second, by arrival; None if there are too few messages."""
        span_s = (self._last_ns - self._first_ns) * 1e-9
        return self._samples / span_s if self.count >= _ENOUGH and span_s > 0 else None

    @property
    def ages_s(self) -> NDArray[np.float64]:
        """Arrival minus stamp, s; of many messages, of evenly spread ones."""
        return np.array(self._ages, np.float64)
