"""Measures how long each stage of a tick takes."""

from __future__ import annotations

from time import perf_counter


class Stopwatch:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, stage: str) -> None:
        now = perf_counter()
        self.laps[stage] = (now - self._last) * 1e3
        self._last = now
