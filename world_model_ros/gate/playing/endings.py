"""Results of FollowJointTrajectory goals: error codes, the reason in words, and the exception of an invalid goal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Code(IntEnum):
    """``error_code`` of the action's result."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    INVALID_JOINTS = -2
    OLD_HEADER_TIMESTAMP = -3
    PATH_TOLERANCE_VIOLATED = -4
    GOAL_TOLERANCE_VIOLATED = -5


@dataclass(frozen=True)
class Ending:
    """The end of a goal.

    Args:
        code: of the result.
        words: why, for a person.
        canceled: whether its client asked for it.
    """

    code: Code
    words: str
    canceled: bool = False


class GoalError(Exception):
    """A goal that cannot be played.

    Args:
        code: of the result.
        words: what is wrong, and what is legal.
    """

    def __init__(self, code: Code, words: str) -> None:
        super().__init__(words)
        self.ending = Ending(code, words)
