"""All inputs of one brain tick as one object, the same live and in replay: observation, action, goal, memory, seed."""

from __future__ import annotations

from dataclasses import dataclass

from world_model_ros.brain.decision import Memory
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation
from world_model_ros.goals.life.asked_types import Asked


@dataclass(frozen=True)
class TickInputs:
    """All inputs of one tick of a brain.

    Args:
        index: counts ticks of the run.
        seed: of the planner's noise.
        observation: cut at the tick.
        applied: (C,) action that was applied since the last tick; zeros where it is not known.
        reference: (J,) commanded joint positions now; None where they are not known, which takes the measured ones.
        goal: to pursue; None holds still.
        memory: of the tick before.
        goal_id: of the goal's life.
        asked: of goals since the tick before. refusal: the rule that the last plan broke, says the gate.
    """

    index: int
    seed: int
    observation: Observation
    applied: Floats
    reference: Float | None
    goal: Goal | None
    memory: Memory
    goal_id: str | None = None
    asked: tuple[Asked, ...] = ()
    refusal: str | None = None

    @property
    def restarted(self) -> bool:
        """Whether the belief starts anew with this tick."""
        return self.memory.fresh_start
