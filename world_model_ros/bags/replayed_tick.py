"""One tick of a replay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.tick_log import RecordedTick
from world_model_ros.bags.ticks import Tick
from world_model_ros.contract.schema import CameraStream
from world_model_ros.core.goal import Goal
from world_model_ros.runtime.decision import Decision, Memory


@dataclass(frozen=True)
class ReplayedTick:
    """What went into a tick and came out of it.

    Args:
        index: counts from the beginning of the run. seed: of the planner's noise.
        applied: (C,) what was done since the tick before. reference: (J,) commanded now, or None. goal: pursued.
        memory: after it. restarted: the belief was started anew before it.
        live: what the bag says of it, if it was recorded live.
        measured: (J,) joint positions in contract order; None if one was not fresh.
    """

    index: int
    seed: int
    tick: Tick
    applied: NDArray[np.float32]
    decision: Decision
    memory: Memory
    restarted: bool
    live: RecordedTick | None
    measured: NDArray[np.float64] | None
    reference: NDArray[np.float64] | None = None
    goal: Goal | None = None

    @property
    def now_ns(self) -> int:
        return self.tick.observation.now_ns

    def frame(self, camera: CameraStream | None) -> NDArray[np.uint8] | None:
        """What a camera showed; None if it was not fresh."""
        value = None if camera is None else self.tick.observation.values.get(camera.name)
        return None if value is None else np.asarray(value, np.uint8)
