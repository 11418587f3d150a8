"""Monitors at run time how often predicted 90 % regions of objects contain the position that is estimated later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from world_model_ros.brain.decision import Decision, Imagined, Memory
from world_model_ros.bundle.signatures import UNKNOWN, first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import Interface
from world_model_ros.core.arrays import Floats

_EVERY_TICKS = 5  # one look back in so many, so that a tick stays short
_WINDOW = 300
_MIN_REGIONS = 30
_FAR_TOO_FEW = 0.75  # share of hits below which the regions are not to be trusted


def _shown_by(interface: Interface) -> Iterator[str | None]:
    """The stream that shows where each target is now, if it is an object: the first camera, or else one of its own."""
    camera, labels = first_camera(interface), {label.target: label.name for label in interface.labels}
    streams = {stream.name for stream in interface.streams}
    for target in interface.targets:
        names = [labels.get(target.name), target.name] if camera is None else [camera.name]
        yield next((name for name in names if name in streams and target.kind == "object"), None)


class CoverageMonitor:
    """Imagines again, from a belief of one horizon ago and under what was commanded since, and compares with now.

    What is now is what is believed now, with a fresh camera, or a fresh stream of its own: an estimate, not the truth.

    Args:
        contract: of the robot.
        imagine: `Brain.imagine`.
        horizon: steps of the model. region_scale: semi-axes of the 90 % region in sigmas.
        turns: ticks in a step.
    """

    def __init__(
        self,
        contract: Contract,
        imagine: Callable[[Memory, Floats], Imagined],
        horizon: int,
        region_scale: float,
        turns: int = 1,
    ) -> None:
        self._imagine, self._scale = imagine, region_scale
        self._ahead, self._turns = horizon * turns, turns  # ticks
        self._objects = {k: each for k, each in enumerate(_shown_by(contract.interface)) if each is not None}
        self._memories: deque[Memory] = deque(maxlen=self._ahead + 1)
        self._applied: deque[Floats] = deque(maxlen=self._ahead)
        self._hits: deque[bool] = deque(maxlen=_WINDOW)
        self._ticks = 0

    def add(self, memory: Memory, applied: Floats, decision: Decision, fresh: Mapping[str, bool]) -> None:
        """After a tick: the memory it left, the action (C,) applied before it, and which streams were fresh."""
        if not self._objects:
            return
        self._memories.append(memory)
        self._applied.append(np.asarray(applied, np.float32))
        self._ticks += 1
        full, seen = len(self._memories) > self._ahead, [k for k, name in self._objects.items() if fresh[name]]
        if not full or not seen or decision.belief_poses is None or self._ticks % _EVERY_TICKS:
            return
        actions = list(self._applied)[self._turns - 1 :: self._turns]  # each is of a whole step
        then = self._imagine(self._memories[0], np.stack(actions)[None])
        if then.poses is None or then.sigma is None:
            return
        for k in seen:
            if then.sigma[0, -1, k].max() >= UNKNOWN:
                continue
            error = then.poses[0, -1, k, :3] - decision.belief_poses[k, :3]
            self._hits.append(bool((((error / (self._scale * then.sigma[0, -1, k])) ** 2).sum()) <= 1.0))

    def forget(self) -> None:
        """What was believed before no longer leads to what comes: the clock jumped, or a tick failed."""
        self._memories.clear()
        self._applied.clear()

    @property
    def looked(self) -> int:
        """How many looks back count."""
        return len(self._hits)

    @property
    def hit_rate(self) -> float:
        """Share of the looks back in which the region held what then came; NaN before the first."""
        return float(np.mean(self._hits)) if self._hits else float("nan")

    @property
    def off(self) -> bool:
        """Whether the regions hold far less than they promise."""
        return len(self._hits) >= _MIN_REGIONS and self.hit_rate < _FAR_TOO_FEW
