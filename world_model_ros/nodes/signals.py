"""Handles SIGINT and SIGTERM by setting a flag that asks the process to end, instead of raising KeyboardInterrupt.

Python's own handler raises KeyboardInterrupt anywhere: in an import, or inside the middleware, where it becomes another
error. While the interpreter ends, Python gives signals back to the system, and the next one kills the process.
"""

from __future__ import annotations

import signal
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)
_came = [False]  # no Event: its lock is held for a moment, and a second signal in that moment would wait for ever


def listen() -> None:
    """Take both signals as the wish to end; call it as early as can be."""
    for number in _ENDING:
        signal.signal(number, _note)


def ignore() -> None:
    """Let nothing interrupt the end: to be called when all that is left is to leave the process."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def interrupted() -> bool:
    """Whether it is time to end."""
    return _came[0]


def stop() -> None:
    """Ask for the end, from any thread."""
    _came[0] = True


def forget() -> None:
    """As if the end had not been asked for."""
    _came[0] = False


def _note(number: int, frame: FrameType | None) -> None:
    _came[0] = True
