"""Finds the values in a contract that a program guessed and a person has to confirm: comments with ``fill in:``."""

from __future__ import annotations

import re
from dataclasses import dataclass

MARK = "fill in:"
_FOUND = re.compile(rf"#\s*{MARK}\s*(.*)$")


@dataclass(frozen=True)
class Mark:
    """A guess that is not confirmed yet.

    Args:
        line: in the file, from 1.
        text: what stands there; empty for a line that is all comment.
        words: what to put in.
    """

    line: int
    text: str
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}  <- {self.words}" if self.text else f"line {self.line}: {self.words}"


def marks(text: str) -> list[Mark]:
    """The marks of a contract, in order. Who has put in the truth deletes the comment."""
    found = ((number, line, _FOUND.search(line)) for number, line in enumerate(text.splitlines(), 1))
    return [Mark(number, line[: match.start()].strip(), match[1].strip()) for number, line, match in found if match]
