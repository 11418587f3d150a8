"""Errors: a user's mistake, a message with nothing of interest in it, and something that is not there."""

from __future__ import annotations

from pathlib import PurePath


class UserError(Exception):
    """Bad input from a person, a file or a topic, said in one line whatever it holds.

    Args:
        field: what was wrong, as the user would name it (``interface.streams[0].shape``).
        value: the value that was found.
        legal: what would have been accepted, in words.
    """

    def __init__(self, field: str, value: object, legal: str) -> None:
        self.field = field
        self.value = value
        self.legal = legal
        super().__init__(_line(f"{field}: got {_short(value)}; expected {legal}"))

    def __reduce__(self) -> tuple[type[UserError], tuple[str, object, str]]:
        """As it was made, so that it can come back from another process."""
        return UserError, (self.field, self.value, self.legal)


class OtherMessage(UserError):
    """A message that has nothing new of what was asked for, which is no fault: its topic has several publishers, or
    several things in it."""


class AbsentError(OtherMessage):
    """What was asked for is not there, or not any more; said to a person, though a thing may be out of sight."""


def _short(value: object, limit: int = 200) -> str:
    try:
        text = repr(str(value) if isinstance(value, PurePath) else value)
    except ValueError:  # a number of more digits than Python writes
        text = f"{type(value).__name__} that is too long to show"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _line(text: str) -> str:
    """In one line that a terminal can show: other libraries quote whole files, bytes that are no text included."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
