"""Compares a replay with the live ticks in the bag: equal observations and commands, differences of surprise."""

from __future__ import annotations

from typing import Any

from world_model_ros.bags.replay.replayed_tick import ReplayedTick


class SameAsLive:
    """How far the replayed ticks are from the recorded ones; from the start only if the record has the start."""

    def __init__(self) -> None:
        self._begins: bool | None = None
        self._observed: list[bool] = []
        self._gaps: list[float] = []
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
            "goals_ended": len(self._ended),
            "goals_equal": sum(self._ended),
            "commands": commands,
            "commands_equal": equal_commands,
        }
