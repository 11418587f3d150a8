"""Data of a finished tick, handed to work in the time left before the next tick, and the interface of such work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from world_model_ros.brain.decision import Decision, Memory
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation


@dataclass(frozen=True)
class Ticked:
    """A tick that is over.

    Args:
        observation: it saw. applied: (C,) action before it. reference: (J,) commanded at it, or None.
        memory: it left. goal: it pursued. decision: it took.
        deadline_s: until when there is time, of `time.perf_counter`.
    """

    observation: Observation
    applied: Floats
    reference: Float | None
    memory: Memory
    goal: Goal | None
    decision: Decision
    deadline_s: float


class AfterTick(Protocol):
    """Work of the inference thread that may wait, such as looking back."""

    def after_tick(self, ticked: Ticked) -> float:
        """Work until the deadline. Returns the ms that it took; 0 if there was nothing to do."""

    def forget(self) -> None:
        """The belief was started anew."""

    def close(self) -> None:
        """End publishers."""
