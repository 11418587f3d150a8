"""Drops the brain's real-time priority when reports show that it leaves other processes too little processor time."""

from __future__ import annotations

from collections.abc import Callable

from world_model_ros.nodes.brain.driver_watch import Drivers
from world_model_ros.nodes.real_time import go_with_the_rest, real_time_priority

_MAX_CORE_SHARE = 0.75  # of the cores, for ticks at real-time priority
_PATIENCE = 2  # reports in a row: one can be a start of something else


class Precedence:
    """Gives the priority back where ticks would leave others too little, or drivers are starved.

    Args:
        warn: takes a line for the log.

    Attributes:
        given_back: why the priority was given back; None as long as it was not.
    """

    def __init__(self, warn: Callable[[str], object]) -> None:
        self._warn = warn
        self._starved = 0
        self.given_back: str | None = None

    @property
    def priority(self) -> int:
        """Of SCHED_FIFO; 0 for none."""
        return real_time_priority()

    def judge(self, drivers: Drivers, tick_ms: float, rate_hz: float) -> None:
        """Look at the last report. ``tick_ms``: what a tick takes (median)."""
        self._starved = self._starved + 1 if drivers.starved else 0
        reason = None
        if self._starved >= _PATIENCE:
            reason = drivers.words()
        elif tick_ms * 1e-3 * rate_hz > _MAX_CORE_SHARE * drivers.cores.all:
            reason = f"ticks of {tick_ms:.0f} ms at {rate_hz:g} Hz leave others little of {drivers.cores.all} cores"
        if reason is not None and go_with_the_rest():
            self.given_back = reason
            self._warn(f"real-time priority is given back: {reason}")
