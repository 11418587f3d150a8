"""What was checked of a robot, what was measured, and whether it is as the contract says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OK, NOTE, WRONG, NOT_DONE = "ok", "note", "WRONG", "not done"


@dataclass(frozen=True)
class Check:
    """One check of one subject.

    Args:
        subject: a joint, a stream of joint states, or ``gate``.
        what: ``moves``, ``direction``, ``right joint``, ``units``, ``speed``, ``lag``, ``gate/stop``, ``silence``,
            ``gripper``, ``motion``; ``live``, ``rate``, ``age``, ``stamps``, ``content``, ``position``, ``limits``.
        level: `OK`, `NOTE`, `WRONG` or `NOT_DONE`.
        words: what was found, and what it means where that is wrong.
        figures: what was measured, and what was expected; units are in the names.
    """

    subject: str
    what: str
    level: str
    words: str
    figures: Mapping[str, float] = field(default_factory=dict)


def worst(checks: list[Check]) -> str:
    """The level of all of them together."""
    levels = {each.level for each in checks}
    return next((level for level in (WRONG, NOT_DONE, NOTE) if level in levels), OK)
