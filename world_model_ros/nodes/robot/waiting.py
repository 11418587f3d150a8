"""Waits for slow work in a bounded time, and says every few seconds what is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from world_model_ros.core.errors import UserError

SAY_EVERY_S = 10.0

Result = TypeVar("Result")


class SaysWhatItWaitsFor:
    """Prints a line each ``every_s`` of a wait.

    Args:
        say: prints a line.
    """

    def __init__(self, say: Callable[[str], object], every_s: float = SAY_EVERY_S) -> None:
        self._say, self._every_s = say, every_s
        self._start = self._said = time.monotonic()

    def look(self, what: str) -> float:
        """Say it if it is time to; how long the wait has lasted, s."""
        now = time.monotonic()
        if now - self._said >= self._every_s:
            self._said = now
            self._say(f"  waiting for {what}, for {now - self._start:.0f} s")
        return now - self._start


def waited(
    what: str,
    work: Callable[[], Result],
    most_s: float,
    say: Callable[[str], object],
    every_s: float = SAY_EVERY_S,
) -> Result:
    """Do work in a thread of its own, so that others of this process go on, and give its result.

    Args:
        what: the work gives, in words. most_s: how long it may take. say: prints a line.

    Raises:
        UserError: it took longer; the work itself goes on unheard. Whatever ``work`` raises.
    """
    outcome: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name=what, daemon=True)
    thread.start()
    teller = SaysWhatItWaitsFor(say, every_s)
    while thread.is_alive():
        thread.join(min(0.2, every_s))
        if teller.look(what) > most_s and thread.is_alive():
            raise UserError(what, f"nothing in {most_s:g} s", "a machine that is less busy")
    if failed:
        raise failed[0]
    result: Result = outcome[0]
    return result
