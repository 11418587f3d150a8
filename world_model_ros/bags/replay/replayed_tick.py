"""One tick of a replay: inputs, the brain's result, the same tick as recorded live if there is one, measured joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.align.tick_log import RecordedTick
from world_model_ros.bags.align.ticks import Tick
from world_model_ros.brain.decision import Decision, Memory
from world_model_ros.brain.session import TickResult
from world_model_ros.contract.senses import CameraStream
from world_model_ros.core.goals.goal import Goal


@dataclass(frozen=True)
class ReplayedTick:
    """A tick of a replay, with what the bag has next to it.

    Args:
        tick: as the bag has it.
        done: what went into it and came out of it.
        live: what the bag says of it, if it was recorded live.
        measured: (J,) joint positions in contract order; None if one was not fresh.
    """

    tick: Tick
    done: TickResult
    live: RecordedTick | None
    measured: NDArray[np.float64] | None

    @property
    def now_ns(self) -> int:
        return self.tick.observation.now_ns

    @property
    def index(self) -> int:
        return self.done.inputs.index

    @property
    def seed(self) -> int:
        return self.done.inputs.seed

    @property
    def applied(self) -> NDArray[np.float32]:
        """(C,) action since the tick before."""
        return self.done.inputs.applied

    @property
    def reference(self) -> NDArray[np.float64] | None:
        """(J,) commanded now."""
        return self.done.inputs.reference

    @property
    def goal(self) -> Goal | None:
        return self.done.inputs.goal

    @property
    def restarted(self) -> bool:
        return self.done.inputs.restarted

    @property
    def decision(self) -> Decision:
        return self.done.decision

    @property
    def surprise(self) -> float | None:
        """None where the belief was just started: it expects nothing then."""
        return None if self.restarted else self.decision.surprise

    @property
    def memory(self) -> Memory:
        """After the tick."""
        return self.done.memory

    def frame(self, camera: CameraStream | None) -> NDArray[np.uint8] | None:
        """What a camera showed; None if it was not fresh."""
        value = None if camera is None else self.tick.observation.values.get(camera.name)
        return None if value is None else np.asarray(value, np.uint8)
