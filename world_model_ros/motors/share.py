"""Share of the command that is ours: how it rises, is held and falls, and when the motors may be taken again."""

from __future__ import annotations

from enum import Enum

ENDING_S = 0.2  # for which a share of 0 is told, since a message may be lost; then others may command


class Phase(str, Enum):
    """Whose the motors are."""

    APART = "apart"  # not ours, and may be taken
    TAKING = "taking"  # the share rises
    HELD = "held"  # it is 1
    RELEASING = "releasing"  # it falls
    LEFT = "left"  # not ours, until a gate is heard that is not armed


class Share:
    """Steps from phase to phase. It begins with `LEFT`, so that a gate that was armed before is disarmed first.

    Args:
        take_s, release_s: how long it rises from 0 to 1, and falls from 1 to 0.

    Attributes:
        phase, weight: now. why: it falls, or may not rise; None where it may.
    """

    def __init__(self, take_s: float, release_s: float) -> None:
        self._take_s, self._release_s = take_s, release_s
        self.phase, self.weight = Phase.LEFT, 0.0
        self.why: str | None = "the gate has not been heard yet"
        self._left_s = ENDING_S

    @property
    def sends(self) -> bool:
        """Whether the motors are to be told anything."""
        return self.phase is not Phase.APART and not (self.phase is Phase.LEFT and self._left_s >= ENDING_S)

    def step(self, passed_s: float, reason: str | None, disarmed: bool) -> None:
        """Go on by the time that has passed.

        Args:
            reason: why the motors may not be ours; None if they are to be.
            disarmed: whether a gate is heard that is not armed.
        """
        if self.phase in (Phase.TAKING, Phase.HELD) and reason is not None:
            self.phase, self.why = Phase.RELEASING, reason
        if self.phase is Phase.TAKING:
            self.weight = min(1.0, self.weight + passed_s / self._take_s)
            self.phase = Phase.HELD if self.weight == 1.0 else Phase.TAKING
        elif self.phase is Phase.RELEASING:
            self.weight = max(0.0, self.weight - passed_s / self._release_s)
            if self.weight == 0.0:
                self.phase, self._left_s = Phase.LEFT, 0.0
        elif self.phase is Phase.LEFT:
            self._left_s += passed_s
            if disarmed and self._left_s >= ENDING_S:
                self.phase, self.why = Phase.APART, None
        elif self.phase is Phase.APART and reason is None:
            self.phase, self.weight, self.why = Phase.TAKING, 0.0, None
