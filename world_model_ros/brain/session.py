"""One run of a brain: the order of a tick, the same for a live robot, a replay and a simulation.

Observe, find what was applied since the last tick, decide, remember. That a replay is exact holds by construction:
what goes into a tick is a `TickInputs`, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decision, Memory
from world_model_ros.brain.interleaving import Interleaving, Reference
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.goal import Goal
from world_model_ros.core.streams import Observation

SEED_STRIDE = 1_000_003  # so that runs with neighbouring seeds share no tick's noise


@dataclass(frozen=True)
class TickInputs:
    """What goes into a tick.

    Args:
        index: counts ticks of the run.
        seed: of the planner's noise.
        observation: cut at the tick.
        applied: (C,) action that was applied since the last tick; zeros where it is not known.
        reference: (J,) commanded joint positions now; None where they are not known.
        goal: to pursue; None holds still.
        memory: of the tick before.
    """

    index: int
    seed: int
    observation: Observation
    applied: Floats
    reference: Float | None
    goal: Goal | None
    memory: Memory

    @property
    def restarted(self) -> bool:
        """Whether the belief starts anew with this tick."""
        return self.memory.fresh_start


@dataclass(frozen=True)
class TickResult:
    """A tick that is done.

    Args:
        inputs: what went in.
        decision: what came out.
        memory: what the next tick starts from.
    """

    inputs: TickInputs
    decision: Decision
    memory: Memory


class BrainSession:
    """The ticks of one run, one after the other.

    Args:
        brain: made for the robot.
        seed: of the run, from 0 up; each tick has its own.
        turns: ticks in a step of the model, see `Interleaving`.
        left: what an earlier run left, to go on from; of `left`.
        index: of the first tick.
    """

    def __init__(
        self,
        brain: Brain,
        seed: int = 0,
        turns: int = 1,
        left: Sequence[tuple[Memory, Reference]] = (),
        index: int = 0,
    ) -> None:
        self._brain, self._seed, self._index = brain, seed, index
        self._turns = Interleaving(brain.start, turns, left)

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
        """What the last tick left."""
        return self._turns.left[-1][0]

    @property
    def index(self) -> int:
        """Of the next tick."""
        return self._index

    def restart(self) -> None:
        """Forget everything: what was believed before no longer leads to what comes."""
        self._turns.restart()

    def follow(self, restarted: bool, refused: bool) -> None:
        """Do what a live run did before its next tick, from that tick's record."""
        self._turns.follow(restarted, refused)

    def inputs(
        self,
        observation: Observation,
        reference: Reference,
        goal: Goal | None = None,
        *,
        refused: bool = False,
        applied: Floats | None = None,
        seed: int | None = None,
    ) -> TickInputs:
        """What goes into the next tick.

        Args:
            observation: cut at the tick.
            reference: (J,) commanded joint positions now; None where they are not known.
            goal: to pursue; None holds still.
            refused: whether the gate has refused the last plan.
            applied: (C,) as a record has it; found from the references without it.
            seed: of the planner's noise, as a record has it.
        """
        if refused:
            self._turns.refused()
        memory, before = self._turns.next()
        index, self._index = self._index, self._index + 1
        if applied is None:
            applied = self._brain.applied_action(before, reference)
        return TickInputs(
            index, self._seed_of(index) if seed is None else seed, observation, applied, reference, goal, memory
        )

    def step(self, inputs: TickInputs) -> TickResult:
        """Decide, and remember. What goes wrong in between is to be followed by `restart`."""
        decision, memory = self._brain.tick(
            inputs.observation, inputs.applied, inputs.reference, inputs.memory, inputs.goal, inputs.seed
        )
        self._turns.add(memory, inputs.reference)
        return TickResult(inputs, decision, memory)

    def prepare(self) -> None:
        """Draw the noise of the next tick while there is time."""
        self._brain.prepare(self._seed_of(self._index))

    def _seed_of(self, index: int) -> int:
        return self._seed * SEED_STRIDE + index
