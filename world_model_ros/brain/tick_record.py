"""The JSON record that a brain publishes of each tick, for exact replay; statistics of tick rate and stage times."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.brain.decision import Decision
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.stamps import is_stamped
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.goals.goal_json import goal_json, number, numbers
from world_model_ros.core.streams import Observation
from world_model_ros.goals.life.asked_types import Asked, asked_json
from world_model_ros.goals.life.goal_json import ended_json
from world_model_ros.goals.life.life import Result


@dataclass(frozen=True)
class TickRecord:
    """Inputs and outcome of one tick.

    Args:
        index: counts ticks since activation. seed: of the planner's noise.
        observation: what was seen. applied: (C,) action since the last tick. reference: (J,) commanded now, or None.
        goal: pursued. decision: None if the tick failed, and then ``error`` says why.
        refused_goal: why the last goal was refused. gate_refusal: the rule that the last plan broke, says the gate.
        owner: of the gate, empty if none owns it; None where it has one source alone, or is not heard.
        missed: ticks dropped since activation.
        restarted: the belief was started anew before this tick.
        turns: ticks in a step of the model.
        unstamped: what was seen of streams whose messages have no stamp, by name: nothing else tells which they were.
        goal_id: of the goal. asked: of goals since the tick before. ended: goals that ended before it or with it.
    """

    index: int
    seed: int
    observation: Observation
    applied: ArrayLike
    reference: ArrayLike | None
    goal: Goal | None
    decision: Decision | None
    missed: int
    stages_ms: Mapping[str, float]
    restarted: bool = False
    error: str | None = None
    refused_goal: str | None = None
    gate_refusal: str | None = None
    owner: str | None = None
    turns: int = 1
    unstamped: Mapping[str, ArrayLike] = field(default_factory=dict)
    goal_id: str | None = None
    asked: Sequence[Asked] = ()
    ended: Sequence[Result] = ()

    def json(self) -> str:
        """One line of JSON; numbers are exact, those that are not finite are null."""
        decision = self.decision
        return json.dumps(
            {
                "index": self.index,
                "now_ns": self.observation.now_ns,
                "stamps": dict(self.observation.stamps_ns),
                "fresh": dict(self.observation.fresh),
                **({"unstamped": {key: numbers(row) for key, row in self.unstamped.items()}} if self.unstamped else {}),
                "seed": self.seed,
                "restarted": self.restarted,
                "turns": self.turns,
                "goal": None if self.goal is None else {**_goal(self.goal, decision), "id": self.goal_id},
                **({"asked": asked_json(self.asked)} if self.asked else {}),
                **({"ended": [ended_json(each) for each in self.ended]} if self.ended else {}),
                "refused_goal": self.refused_goal,
                "gate_refusal": self.gate_refusal,
                **({} if self.owner is None else {"owner": self.owner or None}),
                "applied": numbers(self.applied),
                "reference": numbers(self.reference),
                **({} if decision is None or decision.action is None else {"action": numbers(decision.action)}),
                "status": "error" if decision is None else decision.status,
                "error": self.error,
                "surprise": None if decision is None else number(decision.surprise),
                "plan": None if decision is None else decision.plan,
                "cost": None if decision is None else number(decision.cost),
                "stages_ms": {name: round(ms, 3) for name, ms in self.stages_ms.items()},
                "missed": self.missed,
            }
        )


def unstamped_values(observation: Observation, contract: Contract) -> dict[str, ArrayLike]:
    """What an observation has of streams whose messages have no stamp, by name."""
    sources = (each for each in contract.deployment.streams if not is_stamped(each.type))
    return {each.name: np.asarray(observation.values[each.name]) for each in sources if observation.fresh[each.name]}


def _goal(goal: Goal, decision: Decision | None) -> dict[str, Any]:
    # Of a picture, what it is found to be about; what other goals are about is not what a tick does first for them.
    found = None if decision is None else decision.aim_target
    target = found or goal.target if goal.kind == "image" else goal.target or found
    aim = None if decision is None or decision.aim is None else decision.aim[:3]
    return goal_json(goal) | {"target": target, "aim": numbers(aim)}


@dataclass
class TickStatistics:
    """Rate, misses and stage times over the last ticks.

    Args:
        window: how many ticks.
        clock: s, never steps.
    """

    window: int = 300
    ticks: int = 0
    missed: int = 0
    errors: int = 0
    clock: Callable[[], float] = time.monotonic
    _ended_s: float = -math.inf
    _failed_s: float = -math.inf
    _times_ns: deque[int] = field(default_factory=deque)
    _stages: dict[str, deque[float]] = field(default_factory=dict)

    def add(self, now_ns: int, stages_ms: Mapping[str, float]) -> None:
        """Count a tick at ``now_ns`` that took these times."""
        self.ticks += 1
        self._ended_s = self.clock()
        if self._times_ns and now_ns <= self._times_ns[-1]:
            self._times_ns.clear()  # the clock jumped back
        self._times_ns.append(now_ns)
        if len(self._times_ns) > self.window:
            self._times_ns.popleft()
        for name, ms in stages_ms.items():
            self._stages.setdefault(name, deque(maxlen=self.window)).append(ms)

    def failed(self) -> None:
        """Count a tick that ended in an error."""
        self.errors += 1
        self._ended_s = self._failed_s = self.clock()

    def since_tick_s(self) -> float:
        """How long ago a tick ended, one way or the other; infinity before the first."""
        return self.clock() - self._ended_s

    def since_error_s(self) -> float:
        """How long ago a tick failed; infinity if none did."""
        return self.clock() - self._failed_s

    def rate_hz(self) -> float:
        """Ticks a second over the window; 0 before the second tick."""
        if len(self._times_ns) < 2:
            return 0.0
        return (len(self._times_ns) - 1) / ((self._times_ns[-1] - self._times_ns[0]) * 1e-9)

    def stage_percentiles(self) -> dict[str, tuple[float, ...]]:
        """Milliseconds by stage: the median, and what 99 % stay under."""
        return {name: tuple(np.percentile(list(laps), (50, 99)).tolist()) for name, laps in self._stages.items()}
