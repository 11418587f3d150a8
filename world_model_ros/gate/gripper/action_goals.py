"""Decides which goals the action server of a gripper is sent while the gate moves the gripper's setpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["reached", "stalled", "canceled", "aborted", "rejected", "lost"]
RETRY_S = 1.0  # after which a goal that failed is sent again
_SOUND: tuple[Outcome, ...] = ("reached", "stalled")  # one that stalls holds something


@dataclass
class GripperGoals:
    """One goal at a time, of where the setpoint is when it is sent. Time comes in as ``now_s``, of any steady clock.

    A goal on its way that the setpoint has turned back from is to be canceled, so that a gripper that closes on
    something, and waits to stall, opens at once.

    Args:
        resolution: how far the setpoint goes from the last goal before there is another one, rad or m.

    Attributes:
        goal: the last one; where the setpoint was when the gate was armed before there is one.
        on_way: whether it has been sent and has not ended.
        trouble: why the last one failed; None if it did not.
        counts: goals by outcome, and ``sent``.
    """

    resolution: float
    goal: float | None = None
    on_way: bool = False
    trouble: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    _before: float = 0.0
    _armed: bool = False
    _canceling: bool = False
    _failed_s: float | None = None
    _sent_s: float = 0.0

    def step(self, setpoint: float | None, now_s: float) -> float | None:
        """The goal to be sent now, if there is one; the setpoint is None while the gate is disarmed."""
        armed_before, self._armed = self._armed, setpoint is not None
        if setpoint is None or self.on_way:
            return None
        if self.goal is None or not armed_before:  # it is there, as far as is known
            self.goal, self._failed_s = setpoint, None
            return None
        again = self._failed_s is not None and now_s - self._failed_s >= RETRY_S
        if not again and abs(setpoint - self.goal) <= self.resolution:
            return None
        self._before, self.goal = self.goal, setpoint
        self.on_way, self._canceling, self._failed_s, self._sent_s = True, False, None, now_s
        self.counts["sent"] += 1
        return setpoint

    def cancels(self, setpoint: float | None) -> bool:
        """Whether the goal on its way is to be canceled; says so once."""
        if not self.on_way or self._canceling or setpoint is None or self.goal is None:
            return False
        back = setpoint - self.goal
        self._canceling = abs(back) > self.resolution and back * (self.goal - self._before) < 0.0
        return self._canceling

    def ended(self, outcome: Outcome, now_s: float, words: str = "") -> None:
        """Take how the goal ended."""
        self.on_way = False
        self.counts[outcome] += 1
        if outcome in _SOUND or (outcome == "canceled" and self._canceling):
            self.trouble = None
            return
        self._failed_s = now_s
        self.trouble = f"goal {self.goal:.4g} {outcome}{f': {words}' if words else ''}"

    def waiting_s(self, now_s: float) -> float:
        """How long the goal has been on its way; 0 if none is."""
        return now_s - self._sent_s if self.on_way else 0.0
