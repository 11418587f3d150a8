"""Estimates whether another piece of work fits before a deadline, by how long such work took lately."""

from __future__ import annotations

from time import perf_counter

_SPARE = 1.3  # a piece may take so much longer than the slowest of late
_FORGETS = 0.98  # of the slowest, with each piece
_FORGETS_WAITING = 0.9  # and when there is no time for one: a piece that was held up once must not be the last


class SpareTime:
    """Says whether another piece of work fits, by how long the slowest of late took.

    Args:
        slowest_s: what the first one is expected to take.
    """

    def __init__(self, slowest_s: float = 0.0) -> None:
        self.slowest_s = slowest_s

    def fits(self, deadline_s: float) -> bool:
        """Whether a piece that begins now ends before the deadline (``perf_counter``)."""
        if perf_counter() + _SPARE * self.slowest_s < deadline_s:
            return True
        self.slowest_s *= _FORGETS_WAITING
        return False

    def took(self, span_s: float) -> None:
        """Learn what a piece took."""
        self.slowest_s = max(span_s, _FORGETS * self.slowest_s)
