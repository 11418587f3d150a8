"""Counts for one stream of a bag: messages, refused messages, gaps, and the mean delay from stamp to recording."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StreamCount:
    """Counts of one stream.

    Args:
        max_age_ns: silence of more than this is a gap, because the stream is stale then.

    Attributes:
        messages: in the bag. dropped: refused by the converter, or older than one before them.
        gaps: how often it was silent. longest_gap_s: by stamps.
        why: what was wrong with the first message that could not be read.
        others: messages on its topic that have nothing of it, as of other joints or frames.
        absent: why the newest one of them has not, where that is worth to be said.
        offset_s: sum of bag time minus stamp; the clocks or the way to the recorder.
        ahead_s: the same of messages that were refused because their stamp is too far ahead.
    """

    max_age_ns: int
    messages: int = 0
    dropped: int = 0
    gaps: int = 0
    longest_gap_s: float = 0.0
    others: int = 0
    offset_s: float = 0.0
    ahead_s: float = 0.0
    why: str = ""
    absent: str = ""
    _last_ns: int | None = None
    _ahead: int = 0

    def add(self, stamp_ns: int, bag_ns: int, kept: bool) -> None:
        """A message that was ``kept`` or, being out of order, not."""
        self.messages += 1
        self.dropped += not kept
        self.offset_s += (bag_ns - stamp_ns) * 1e-9
        if not kept:
            return
        if self._last_ns is not None and stamp_ns - self._last_ns > self.max_age_ns:
            self.gaps += 1
            self.longest_gap_s = max(self.longest_gap_s, (stamp_ns - self._last_ns) * 1e-9)
        self._last_ns = stamp_ns

    def refuse(self, why: object, arrived: bool) -> None:
        """A message that cannot be read; ``arrived`` if `add` has counted it already."""
        self.why = self.why or str(why)
        self.messages += not arrived
        self.dropped += 1

    def ahead(self, stamp_ns: int, bag_ns: int, why: object) -> None:
        """A message whose stamp is so far ahead of its arrival that it is refused."""
        self.refuse(why, arrived=False)
        self._ahead += 1
        self.ahead_s += (bag_ns - stamp_ns) * 1e-9

    def mean_offset_s(self) -> float:
        """How much later than their stamp messages are in the bag, on average; those refused count if all were."""
        taken = self.messages - self._ahead
        return self.offset_s / taken if taken else self.ahead_s / max(1, self._ahead)
