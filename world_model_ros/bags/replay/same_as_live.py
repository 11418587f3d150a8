"""Compares replayed ticks with the recorded live ones: observations, commands, ends of goals, and surprise."""

from __future__ import annotations

from collections import Counter
from typing import Any

from world_model_ros.bags.align.ticks import PATIENCE_TICKS
from world_model_ros.bags.replay.replayed_tick import ReplayedTick


class SameAsLive:
    """How far the replayed ticks are from the recorded ones; from the start only if the record has the start."""

    def __init__(self) -> None:
        self._begins: bool | None = None
        self._observed: list[bool] = []
        self._gaps: list[float] = []
        self._lacking: Counter[str] = Counter()  # ticks, by stream
        self._ended: list[bool] = []  # of each goal that ended live, whether it does so here at the same tick

    def add(self, told: ReplayedTick) -> None:
        live = told.live
        if live is None:
            return
        if self._begins is None:
            self._begins = live.restarted
        seen, plan = told.tick.observation, live.plan
        same = dict(seen.stamps_ns) == dict(plan.chosen_ns) and dict(seen.fresh) == dict(plan.fresh)
        self._observed.append(same)
        self._lacking.update(
            name
            for name, stamp_ns in plan.chosen_ns.items()
            if seen.stamps_ns.get(name) != stamp_ns or bool(plan.fresh.get(name)) > bool(seen.fresh.get(name))
        )
        ours = [(each.id, each.reason) for each in told.done.ended]
        self._ended += [each in ours for each in live.ended]
        if live.surprise is not None:
            self._gaps.append(abs(told.decision.surprise - live.surprise))

    def outcome(self, commands: int, equal_commands: int) -> dict[str, Any]:
        return {
            "record_has_the_start": self._begins,
            "ticks": len(self._gaps),
            "equal": sum(gap == 0.0 for gap in self._gaps),
            "largest_difference_of_surprise": max(self._gaps, default=None),
            "observations_equal": sum(self._observed),
            "samples_lacking": dict(self._lacking.most_common()),
            "goals_ended": len(self._ended),
            "goals_equal": sum(self._ended),
            "commands": commands,
            "commands_equal": equal_commands,
        }


def as_live_line(live: dict[str, Any], ticks: int) -> str:
    """What a `SameAsLive.outcome` says in one sentence, with the cause where a replay cannot be as the run was.

    Args:
        ticks: of the replay.
    """
    line = (
        f"As live: {live['observations_equal']} of {ticks} observations and {live['commands_equal']} of"
        f" {live['commands']} commands are the same to the last bit"
    )
    lacking = ", ".join(f"{name} {count}" for name, count in live["samples_lacking"].items())
    if lacking:
        count = ticks - live["observations_equal"]
        line += (
            f"; {count} tick{'s' * (count != 1)} used samples that are not in the bag, or over {PATIENCE_TICKS} ticks"
            f" late: {lacking}; what was decided from them on may differ"
        )
    if live["record_has_the_start"] is False:
        line += "; the recording began while the brain ran, so the belief it had is not known"
    return f"{line}."
