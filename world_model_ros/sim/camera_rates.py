"""Schedules images of simulated cameras: at the contract's rate, or at the fraction that this machine can render."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from math import ceil

from world_model_ros.contract.senses import Sense
from world_model_ros.sim.camera_process import Cost
from world_model_ros.sim.telemetry import beats

RENDERING = 0.4  # of a core, for all cameras together; brain, gate and physics want the rest of two
_WINDOW_S = 5.0
_KEPT = 0.8  # of the asked rate; less is said


def affordable_hz(rate_hz: float, image_s: float, cameras: int) -> float:
    """The rate of each of some cameras: the asked one, or a whole fraction of it that rendering can keep.

    Args:
        rate_hz: as the contract asks. image_s: what an image takes of a core.
    """
    return rate_hz / max(1, ceil(rate_hz * image_s * cameras / RENDERING - 1e-9))


class CameraRates:
    """Says when images are due, and counts them.

    Args:
        cameras: that are plugged in. cost: of an image. clock: s.
    """

    def __init__(self, cameras: Sequence[Sense], cost: Cost, clock: Callable[[], float] = time.monotonic) -> None:
        self._cost, self._clock, self._since = cost, clock, clock()
        self._asked_hz = {camera.name: camera.samples_hz for camera in cameras}
        self._affordable_hz = {
            name: affordable_hz(rate_hz, cost.cpu_s, len(cameras)) for name, rate_hz in self._asked_hz.items()
        }
        self._drawn: dict[str, deque[float]] = {name: deque() for name in self._asked_hz}

    def due(self, now_ns: int, before_ns: int) -> list[str]:
        """Cameras with a beat in (before, now]."""
        return [name for name, rate_hz in self._affordable_hz.items() if beats(rate_hz, now_ns, before_ns)]

    def drawn(self, camera: str) -> None:
        """An image of a camera is there."""
        self._drawn[camera].append(self._clock())

    def kept_hz(self, camera: str) -> float:
        """Images a second in the last 5 s, or since the beginning."""
        now, drawn = self._clock(), self._drawn[camera]
        while drawn and now - drawn[0] > _WINDOW_S:
            drawn.popleft()
        span_s = min(_WINDOW_S, now - self._since)
        return len(drawn) / span_s if span_s > 0 else 0.0

    def values(self) -> dict[str, float]:
        """Measurements for diagnostics: ``image_cpu_ms``, and of each camera ``NAME_asked_hz``, ``NAME_affordable_hz``
        and ``NAME_kept_hz``."""
        found = {"image_cpu_ms": self._cost.cpu_s * 1e3, "image_ms": self._cost.wall_s * 1e3}
        for name, asked_hz in self._asked_hz.items():
            found[f"{name}_asked_hz"], found[f"{name}_affordable_hz"] = asked_hz, self._affordable_hz[name]
            found[f"{name}_kept_hz"] = self.kept_hz(name)
        return found

    def lines(self) -> list[str]:
        """What is affordable, in words, one line a camera."""
        cost = f"an image takes {self._cost.cpu_s * 1e3:.1f} ms of a core"
        return [
            f"camera {name}: {self._affordable_hz[name]:g} images a second, {asked_hz:g} asked; {cost}"
            for name, asked_hz in self._asked_hz.items()
        ]

    def behind(self) -> list[str]:
        """Cameras that do not keep the asked rate, in words."""
        kept = {name: self.kept_hz(name) for name in self._asked_hz}
        return [
            f"camera {name} makes {kept[name]:.1f} of {asked_hz:g} images a second"
            for name, asked_hz in self._asked_hz.items()
            if kept[name] < _KEPT * asked_hz
        ]
