"""Measures the timing of one topic's messages: rate, age, gaps and silences, and implausible stamps."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.streams import MOST_AHEAD_NS

_MIN_MESSAGES = 3  # messages, for a rate
_MIN_GAPS = 3  # of fewer none can be told to be unusual
_USUAL_GAP = 0.9  # quantile
_SHORT_GAP = 0.1  # quantile
_USUAL_AGE = 0.99  # quantile
_LONGER = 10  # times the usual gap is a silence
_KEPT = 20_000  # numbers; of more, two of three are forgotten, and so on
_MOST_GAPS = 1000  # that are remembered, those with the oldest messages


class Gap(NamedTuple):
    """The time between two messages, ns.

    Args:
        held_ns: age of the newest message when the next one came. long_ns: its length by stamps, or by arrivals where
            there are none. silent_ns: by arrivals. end_ns: when the next one arrived. samples: in that one.
    """

    held_ns: int
    long_ns: int
    silent_ns: int
    end_ns: int
    samples: int


@dataclass
class Sample:
    """Keeps an evenly spread sample of very many numbers."""

    _kept: array[float] = field(default_factory=lambda: array("d"))
    _every: int = 1
    _count: int = 0

    def add(self, number: float) -> None:
        """Add the next number."""
        if self._count % self._every == 0:
            self._kept.append(number)
            if len(self._kept) > _KEPT:
                self._kept, self._every = self._kept[::3], 3 * self._every
        self._count += 1

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The kept samples, (N,)."""
        return np.array(self._kept, np.float64)


@dataclass
class MessageTimes:
    """Collects arrival, stamp and samples of one topic's messages.

    A silence is a gap (between stamps, or between arrivals where there are none) of over ten times the 90 % quantile of
    all gaps: a sensor that was off, or time between two episodes. It says nothing of rate and age. Of fewer than three
    gaps those of over ``long_ns`` are silences.

    Args:
        long_ns: a stamp further behind is wrong.

    Attributes:
        count: of messages. zeros: stamps that are 0. back: stamps that are not newer than one before them.
        ahead: stamps further ahead of their arrival than is taken; ahead_s: the furthest of them.
        old: stamps further behind than ``long_ns``. worst_s: the highest age of the others.
        first_ns, last_ns: when the first message arrived, and the last.
    """

    long_ns: int = 60_000_000_000
    count: int = 0
    zeros: int = 0
    back: int = 0
    ahead: int = 0
    ahead_s: float = 0.0
    old: int = 0
    worst_s: float = -np.inf
    _samples: int = 0
    first_ns: int = 0
    last_ns: int = 0
    _newest_ns: int = -1
    _ages: Sample = field(default_factory=Sample)
    _held: Sample = field(default_factory=Sample)
    _lengths: Sample = field(default_factory=Sample)  # of the same gaps
    _longest: list[Gap] = field(default_factory=list)  # a heap

    def add(self, now_ns: int, stamp_ns: int, samples: int = 1) -> None:
        """A message that arrived at ``now_ns`` with so many samples in it."""
        if self.count:
            self._gap(now_ns, stamp_ns, samples)
        else:
            self.first_ns = now_ns
        self.last_ns = now_ns
        self.count += 1
        if stamp_ns == 0:
            self.zeros += 1
            return
        age_s = (now_ns - stamp_ns) * 1e-9
        self._ages.add(age_s)
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

    def _gap(self, now_ns: int, stamp_ns: int, samples: int) -> None:
        """The time since the last message; what was held up comes late, but is stamped as the rest."""
        silent_ns = now_ns - self.last_ns
        long_ns, held_ns = silent_ns, silent_ns
        if self._newest_ns >= 0:
            held_ns = now_ns - self._newest_ns
            if -MOST_AHEAD_NS <= now_ns - stamp_ns <= self.long_ns:
                long_ns = max(0, stamp_ns - self._newest_ns)
        self._samples += samples
        self._lengths.add(long_ns * 1e-9)
        self._held.add(held_ns * 1e-9)
        gap = Gap(held_ns, long_ns, silent_ns, now_ns, samples)
        if len(self._longest) < _MOST_GAPS:
            heappush(self._longest, gap)
        else:
            heappushpop(self._longest, gap)

    @property
    def silence_s(self) -> float:
        """Longest gap, s, that is not a silence."""
        lengths = self._lengths.numbers
        usual_s = float(np.quantile(lengths, _USUAL_GAP, method="lower")) if len(lengths) >= _MIN_GAPS else 0.0
        return _LONGER * usual_s if usual_s > 0 else self.long_ns * 1e-9

    @property
    def rate_hz(self) -> float | None:
        """Samples a second, by arrival, but for silences; None if there are too few messages."""
        silences = [gap for gap in self._longest if gap.long_ns * 1e-9 > self.silence_s]
        span_s = (self.last_ns - self.first_ns - sum(gap.silent_ns for gap in silences)) * 1e-9
        samples = self._samples - sum(gap.samples for gap in silences)
        return samples / span_s if self.count >= _MIN_MESSAGES and span_s > 0 and samples else None

    @property
    def quickest_hz(self) -> float | None:
        """Samples a second in the shortest tenth of the gaps; None if there are too few, or none of a length."""
        lengths = self._lengths.numbers
        short_s = float(np.quantile(lengths, _SHORT_GAP)) if len(lengths) >= _MIN_GAPS else 0.0
        return self._samples / self.count / short_s if short_s > 0 else None

    @property
    def ages_s(self) -> NDArray[np.float64]:
        """Arrival minus stamp, s; of many messages, of evenly spread ones."""
        return self._ages.numbers

    @property
    def held_s(self) -> float:
        """The 99 % quantile of the age that the newest message has when the next one comes, but for silences, s."""
        held = self._held.numbers[self._lengths.numbers <= self.silence_s]
        return float(np.quantile(held, _USUAL_AGE)) if len(held) else -np.inf

    def gaps(self, least_s: float, since_ns: int | None = None, until_ns: int | None = None) -> list[Gap]:
        """Those after which the newest message was older than ``least_s``, of the longest 1000, in order; one for those
        that overlap.

        Args:
            since_ns, until_ns: when listening began and ended: a silence then counts too, None: it is not known.
        """
        ends = []
        if self.count and since_ns is not None:
            ends.append(self._silent(since_ns, self.first_ns))
        if self.count and until_ns is not None:
            ends.append(self._silent(self.last_ns, until_ns))
        silences = [gap for gap in ends if gap.long_ns * 1e-9 > self.silence_s]
        found: list[Gap] = []
        for gap in sorted((*self._longest, *silences), key=lambda gap: gap.end_ns):
            if gap.held_ns * 1e-9 <= least_s:
                continue
            if found and gap.end_ns - gap.held_ns <= found[-1].end_ns:  # held up together
                before = found.pop()
                begin_ns = min(before.end_ns - before.held_ns, gap.end_ns - gap.held_ns)
                gap = gap._replace(held_ns=gap.end_ns - begin_ns, long_ns=max(before.long_ns, gap.long_ns))
            found.append(gap)
        return found

    @staticmethod
    def _silent(since_ns: int, until_ns: int) -> Gap:
        silent_ns = until_ns - since_ns
        return Gap(silent_ns, silent_ns, silent_ns, until_ns, 0)
