"""Measures how many CPU cores given processes, and the rest of the machine, use on average, from Linux's ``/proc``."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

_BUSY = slice(0, 3)  # user, nice, system of /proc/stat; those of interrupts are fields 5 and 6


class CpuMeter:
    """Cores that processes took, on average between the first and the last look.

    Args:
        settle_s: looks before so many seconds are passed over.
    """

    def __init__(self, settle_s: float) -> None:
        self._from_s = time.monotonic() + settle_s
        self._first: tuple[float, dict[str, float], float] | None = None
        self._last: tuple[float, dict[str, float], float] | None = None

    def look(self, pids: Mapping[str, int]) -> None:
        """Look at processes by name."""
        now = time.monotonic()
        if now < self._from_s:
            return
        seen = (now, {name: _process_s(pid) for name, pid in pids.items()}, _machine_s())
        self._first, self._last = self._first or seen, seen

    def cores(self) -> dict[str, float]:
        """Cores by process, and ``others``: what the rest of the machine did."""
        if self._first is None or self._last is None or self._last[0] <= self._first[0]:
            return {}
        (begin, before, machine_before), (end, after, machine) = self._first, self._last
        span_s = end - begin
        found = {name: (each - before[name]) / span_s for name, each in after.items() if name in before}
        found["others"] = max(0.0, (machine - machine_before) / span_s - sum(found.values()))
        return {name: round(each, 3) for name, each in found.items()}


def _process_s(pid: int) -> float:
    """CPU time of a process with all its threads, and of its children that are there, s."""
    return _own_s(pid) + sum(_process_s(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended
            found += [int(child) for child in file.read_text(encoding="ascii").split()]
    return found


def _own_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _machine_s() -> float:
    """CPU time of everything on all cores, s."""
    fields = [int(each) for each in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]]
    return (sum(fields[_BUSY]) + sum(fields[5:7])) / os.sysconf("SC_CLK_TCK")
