"""Runs a brain tick after tick, carrying memory and goals over, in the same way live, in replay and in simulation.

Observe, find what was applied since the last tick, decide, remember. That a replay is exact holds by construction:
what goes into a tick is a `TickInputs`, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decision, Memory
from world_model_ros.brain.interleaving import Interleaving, Reference
from world_model_ros.brain.tick_inputs import TickInputs
from world_model_ros.core.arrays import Floats
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation
from world_model_ros.goals.life.asked_types import Asked
from world_model_ros.goals.life.life import Life, Result
from world_model_ros.goals.life.watch import Seen

_STILL = 0.02  # share of the bounds of an action that is no motion
SEED_STRIDE = 1_000_003  # so that runs with neighbouring seeds share no tick's noise


@dataclass(frozen=True)
class TickResult:
    """One tick of a run that is done: its inputs, decision and what ended with it.

    Args:
        inputs: what went in.
        decision: what came out.
        memory: what the next tick starts from.
        ended: goals that ended before it or with it.
    """

    inputs: TickInputs
    decision: Decision
    memory: Memory
    ended: tuple[Result, ...] = ()


class BrainSession:
    """Runs a brain tick after tick, and keeps what one hands to the next.

    Args:
        brain: made for the robot.
        seed: of the run, from 0 up; each tick has its own.
        turns: ticks in a step of the model, see `Interleaving`.
        left: what an earlier run left, to go on from; of `left`.
        index: of the first tick.
        life: of goals, to go on from.

    Attributes:
        life: of goals after the last tick. ended: those that ended before it or with it.
    """

    def __init__(
        self,
        brain: Brain,
        seed: int = 0,
        turns: int = 1,
        left: Sequence[tuple[Memory, Reference]] = (),
        index: int = 0,
        life: Life | None = None,
    ) -> None:
        self._brain, self._seed, self._index = brain, seed, index
        self._turns = Interleaving(brain.start, turns, left)
        self.life = life or Life(brain.contract.deployment.goals)
        self.ended: tuple[Result, ...] = ()
        self._most = np.array(brain.contract.interface.action.bounds)

    @property
    def turns(self) -> int:
        """Ticks in a step of the model."""
        return self._turns.count

    @property
    def left(self) -> tuple[tuple[Memory, Reference], ...]:
        """Memory and reference after each of the last ticks, oldest first; all that the next ones need."""
        return self._turns.left

    @property
    def memory(self) -> Memory:
        """The memory that the last tick left."""
        return self._turns.left[-1][0]

    @property
    def index(self) -> int:
        """Number of the next tick."""
        return self._index

    def restart(self) -> None:
        """Forget everything: what was believed before no longer leads to what comes."""
        self._turns.restart()

    def follow(self, restarted: bool) -> None:
        """Start the belief anew where a live run did before its next tick, says that tick's record."""
        self._turns.follow(restarted)

    def inputs(
        self,
        observation: Observation,
        reference: Reference,
        goal: Goal | None = None,
        *,
        refusal: str | None = None,
        applied: Floats | None = None,
        seed: int | None = None,
        asked: Sequence[Asked] = (),
        goal_id: str | None = None,
    ) -> TickInputs:
        """What goes into the next tick, of which it is said which goal it pursues.

        Args:
            observation: cut at the tick.
            reference: (J,) commanded joint positions now; None where they are not known.
            goal: to pursue, whatever its life says; None holds still. goal_id: of it, where it has one.
            refusal: the rule that the last plan broke, says the gate; None if it did not.
            applied: (C,) as a record has it; found from the references without it.
            seed: of the planner's noise, as a record has it.
            asked: of goals since the tick before, as a record has it.
        """
        drawn = self._drawn(reference, refusal, applied, seed)
        self._hear(asked, observation.now_ns)
        self.life = self.life.follow(goal, observation.now_ns, goal_id)
        self.ended += self.life.results
        return TickInputs(observation=observation, goal=goal, goal_id=self.life.goal_id, asked=tuple(asked), **drawn)

    def inputs_asked(
        self,
        observation: Observation,
        reference: Reference,
        asked: Sequence[Asked],
        *,
        refusal: str | None = None,
        applied: Floats | None = None,
    ) -> TickInputs:
        """What goes into the next tick, which pursues what is left of all that was asked; arguments as of `inputs`."""
        drawn = self._drawn(reference, refusal, applied, None)
        self._hear(asked, observation.now_ns)
        life = self.life
        return TickInputs(observation=observation, goal=life.goal, goal_id=life.goal_id, asked=tuple(asked), **drawn)

    def _hear(self, asked: Sequence[Asked], now_ns: int) -> None:
        self.life = self.life.asked(asked, now_ns)
        self.ended = self.life.results

    def _drawn(
        self, reference: Reference, refusal: str | None, applied: Floats | None, seed: int | None
    ) -> dict[str, Any]:
        """All of `TickInputs` that does not hang on goals."""
        self._brain.check_motion(applied, reference)
        if refusal is not None:
            self._turns.refused()
        memory, before = self._turns.next()
        index, self._index = self._index, self._index + 1
        if applied is None:
            applied = self._brain.applied_action(before, reference)
        seed = self._seed_of(index) if seed is None else seed
        found = {"index": index, "seed": seed, "applied": applied, "reference": reference}
        return found | {"memory": memory, "refusal": refusal}

    def step(self, inputs: TickInputs) -> TickResult:
        """Decide, and remember. What goes wrong in between is to be followed by `restart`."""
        seen = Seen("error", moves=self._moves(inputs), rule=inputs.refusal, restarted=inputs.restarted)
        try:
            decision, memory = self._brain.decide(inputs)
            to_go_s = None if decision.to_go is None else decision.to_go * self._brain.contract.tick_s
            seen = replace(seen, status=decision.status, errors=decision.errors, expected_s=to_go_s)
        finally:
            self.life = self.life.ticked(seen, inputs.observation.now_ns)
            self.ended += self.life.results
        self._turns.add(memory, inputs.reference)
        return TickResult(inputs, decision, memory, self.ended)

    def end(self, now_ns: int) -> tuple[Result, ...]:
        """The run is over, and with it the goals, which are these."""
        self.life = self.life.lost(now_ns)
        return self.life.results

    def _moves(self, inputs: TickInputs) -> bool:
        """Whether what was applied since the last tick is more than nothing."""
        return bool((np.abs(inputs.applied) > _STILL * self._most).any())

    def prepare(self) -> None:
        """Draw the noise of the next tick while there is time."""
        self._brain.prepare(self._seed_of(self._index))

    def _seed_of(self, index: int) -> int:
        return self._seed * SEED_STRIDE + index
