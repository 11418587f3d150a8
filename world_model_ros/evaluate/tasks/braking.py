"""Counts how often the gate braked by itself in a run, and why, from ``gate/state`` messages; words it for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

_MEANS = {
    "silence": "the brain's plans came late",
    "joint_states_stale": "joint states came late",
    "joint_states_disagree": "the joints are not where they were sent",
}


class BrakingHeard:
    """Keeps the cause of each time that the gate began to brake.

    Attributes:
        causes: in the order in which they came.
    """

    def __init__(self) -> None:
        self.causes: list[str] = []
        self._braking = False

    def hear(self, report: Mapping[str, object]) -> None:
        """One message of ``gate/state``: reports that say the same again are one braking."""
        braking = report.get("state") in ("slowing", "stopped")
        if braking and not self._braking:
            self.causes.append(str(report.get("cause")))
        self._braking = braking


def said_of_braking(causes: Sequence[str]) -> str:
    """The end of a sentence that says how often the gate braked and why; empty if it did not."""
    if not causes:
        return ""
    counted = Counter(causes).most_common()
    why = ", ".join(f"{cause} {times}{_meaning(cause)}" for cause, times in counted)
    return f"; the gate braked {len(causes)} {'time' if len(causes) == 1 else 'times'} ({why})"


def _meaning(cause: str) -> str:
    return f": {_MEANS[cause]}" if cause in _MEANS else ""
