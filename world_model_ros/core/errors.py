"""The package's exceptions: UserError (bad input: field, value, what is legal), and subclasses for absent data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath

_ITEM = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s,'"\[\]]+)""")
_LIST = re.compile(rf"\[{_ITEM.pattern}(?:, {_ITEM.pattern})*\]")
_QUOTED = re.compile(r"'([^']+?)(?: \([^']*\))?'")  # a topic has its type in brackets
_MOST, _FIRST = 30, 6  # names that a list is shown with, and those that are left of a longer one
_LIMIT = 200  # letters of a value that are shown
_WORD = 80  # longer is no name that was mistyped


class UserError(Exception):
    """Bad input from a person, a file or a topic, said in one line whatever it holds.

    A long list is cut short in that line, and a name that is nearly right is answered with the right one.

    Args:
        field: what was wrong, as the user would name it (``interface.streams[0].shape``).
        value: the value that was found.
        legal: what would have been accepted, in words.
    """

    def __init__(self, field: str, value: object, legal: str) -> None:
        super().__init__(field, value, legal)
        self.field = field
        self.value = value
        self.legal = legal

    def __str__(self) -> str:
        return _line(
            f"{self.field}: got {_short(self.value)}; expected {in_short(self.legal)}{_closest(self.value, self.legal)}"
        )

    def told(self) -> dict[str, object]:
        """The same for machines: ``field``, ``got``, as it is where JSON can hold it, and ``expected``."""
        plain = self.value is None or isinstance(self.value, bool | int | str)
        got = self.value if plain and len(str(self.value)) <= _LIMIT else _short(self.value)
        return {"field": self.field, "got": got, "expected": _line(in_short(self.legal))}


class MissingError(UserError):
    """A part of a robot's description is not there, without which it can still be watched."""


class OtherMessage(UserError):
    """A message that has nothing new of what was asked for, which is no fault: its topic has several publishers, or
    several things in it."""


class AbsentError(OtherMessage):
    """What was asked for is not there, or not any more; said to a person, though a thing may be out of sight."""


def in_short(text: str) -> str:
    """Text of an error with each long list shortened to its first names and their number."""
    return _LIST.sub(lambda found: f"[{some_of(_ITEM.findall(found[0]))}]", text)


def some_of(items: Sequence[object], text: Callable[[object], str] = str) -> str:
    """Names one after the other; of many the first ones, and how many there are."""
    if len(items) <= _MOST:
        return ", ".join(map(text, items))
    return f"{', '.join(map(text, items[:_FIRST]))}, ... {len(items)} in all"


def _closest(value: object, legal: str) -> str:
    """Which of the names that would have been accepted may have been meant."""
    from difflib import get_close_matches  # takes longer than all else here, and errors are seldom

    names = _QUOTED.findall(legal)
    if not isinstance(value, str | PurePath) or len(names) < 2 or len(str(value)) > _WORD:
        return ""
    close = [] if str(value) in names else get_close_matches(str(value), names, 1)
    return f"; the closest is {close[0]!r}" if close else ""


def _short(value: object) -> str:
    try:
        if isinstance(value, list | tuple) and len(value) > _MOST:
            text = f"[{some_of(value, repr)}]"
        else:
            text = repr(str(value) if isinstance(value, PurePath) else value)
    except Exception:  # a number of more digits than Python writes, or an object of a user that says nothing of itself
        text = f"{type(value).__name__} that cannot be shown"
    return text if len(text) <= _LIMIT else text[: _LIMIT - 3] + "..."


def _line(text: str) -> str:
    """In one line that a terminal can show: other libraries quote whole files, bytes that are no text included."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
