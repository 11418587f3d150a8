"""Tracks progress toward the pursued goal: share done, time without progress, and expected time until it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite

from world_model_ros.goals.errors import GoalError
from world_model_ros.goals.recovery import LOOKING

TRYING = ("pursuing", "reached", "random", LOOKING)  # statuses of a brain that does something about its goal
_PROGRESS = 1.0  # tolerances that errors have to shrink by, all together
_RATE_NS = 3_000_000_000  # over which the rate of progress is looked at
_SAMPLE_NS = 250_000_000


@dataclass(frozen=True)
class Seen:
    """What a tick says of the goal that it pursued.

    Args:
        status: of the decision. errors: what is left. expected_s: until it is imagined to be reached.
        moves: whether what was applied before the tick was more than nothing. rule: of the gate, that a plan broke.
        restarted: the belief was started anew.
    """

    status: str
    errors: tuple[GoalError, ...] = ()
    expected_s: float | None = None
    moves: bool = False
    rule: str | None = None
    restarted: bool = False

    @property
    def reached(self) -> bool:
        return self.status == "reached"

    @property
    def total(self) -> float | None:
        """All that is left, in tolerances; None where that is not known."""
        total = sum(each.tolerances for each in self.errors)
        return total if self.errors and isfinite(total) else None

    @property
    def worst(self) -> GoalError | None:
        """The part that is farthest off."""
        return max(self.errors, key=lambda each: each.tolerances, default=None)


@dataclass(frozen=True)
class Watch:
    """How a step has gone so far.

    Args:
        seen: by the last tick. first: what was left at first, in tolerances.
        best: the least that was left, by what it was left of: a goal image is about one target after the other.
        still_ns: without progress, and meanwhile: tried, whether the brain did something about it; moved, whether
            anything did; rule, of the gate that its plans broke last.
        reached_ns: for how long it has been reached; time apart from it counts against that.
        at_ns: since the step began. lately: what was left at such times over the last seconds.
    """

    seen: Seen | None = None
    first: float | None = None
    best: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    still_ns: int = 0
    tried: bool = False
    moved: bool = False
    rule: str | None = None
    reached_ns: int = 0
    at_ns: int = 0
    lately: tuple[tuple[int, float], ...] = ()

    def after(self, seen: Seen, passed_ns: int) -> Watch:
        """The watch after one more tick, ``passed_ns`` after the one before."""
        reached_ns = max(self.reached_ns + (passed_ns if seen.reached else -passed_ns), 0)
        now = replace(self, seen=seen, at_ns=self.at_ns + passed_ns, reached_ns=reached_ns)
        if seen.restarted:
            now = replace(now, best={}, lately=())
        total = seen.total
        if total is not None:
            key = tuple(sorted({each.name for each in seen.errors}))
            if now.first is None:
                now = replace(now, first=total)
            if key not in now.best or total <= now.best[key] - _PROGRESS:
                now = replace(now, best={**now.best, key: total}, lately=_kept(now, total))
                return replace(now, still_ns=0, tried=False, moved=False, rule=None)
            now = replace(now, lately=_kept(now, total))
        return replace(
            now,
            still_ns=self.still_ns + passed_ns,
            tried=self.tried or seen.status in TRYING,
            moved=self.moved or seen.moves,
            rule=seen.rule or self.rule,
        )

    @property
    def share(self) -> float:
        """Share of the way that is done, 0 to 1."""
        total = None if self.seen is None else self.seen.total
        if self.seen is not None and self.seen.reached:
            return 1.0
        if total is None or self.first is None or self.first <= 0.0:
            return 0.0
        return min(max(1.0 - total / self.first, 0.0), 1.0)

    @property
    def expected_s(self) -> float | None:
        """Seconds until it is reached: as imagined, else as fast as it went lately; None if it did not go on."""
        if self.seen is None or self.seen.reached:
            return None if self.seen is None else 0.0
        if self.seen.expected_s is not None:
            return self.seen.expected_s
        total = self.seen.total
        if total is None or len(self.lately) < 2:
            return None
        since_ns, before = self.lately[0]
        if before - total <= 0.1 * _PROGRESS:
            return None
        return (self.at_ns - since_ns) * 1e-9 * total / (before - total)


def _kept(watch: Watch, total: float) -> tuple[tuple[int, float], ...]:
    lately = tuple(each for each in watch.lately if each[0] >= watch.at_ns - _RATE_NS)
    if lately and watch.at_ns - lately[-1][0] < _SAMPLE_NS:
        return lately
    return (*lately, (watch.at_ns, total))
