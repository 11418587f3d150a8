"""Alarms that slow or brake the robot: deadman switch, contact force, stale clouds, surprise, predicted force.

None of them ever permits a motion that would not be permitted without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real

import numpy as np

from world_model_ros.contract.deployment.gate import GateSettings, SlowStop
from world_model_ros.gate.rules import FUTURE_S, Refusal
from world_model_ros.gate.states import Event


class Alarms:
    """The newest value of each, and what follows from it. What the contract does not set up is never heard.

    A value that is not a number counts as the worst: the switch as released, everything else as infinite.
    """

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings
        self._held_ns: int | None = None  # when the switch was last said to be held; None once it is released
        self._force_n: dict[str, float] = {}  # by sensor
        self._levels = dict.fromkeys(_LEVELS, 0.0)
        self._seen_ns: dict[str, int] = {}  # stamp of the newest of each cloud

    def saw(self, cloud: str, stamp_ns: int) -> None:
        """A cloud of the contract was seen, as of a stamp."""
        self._seen_ns[cloud] = stamp_ns

    def deadman(self, now_ns: int, held: bool) -> None:
        self._held_ns = now_ns if isinstance(held, bool | np.bool_) and held else None

    def force(self, sensor: str, newtons: float) -> None:
        self._force_n[sensor] = _or_worst(newtons)

    def surprise(self, value: float) -> None:
        self._levels[Event.SURPRISE] = _or_worst(value)

    def predicted_force(self, newtons: float) -> None:
        self._levels[Event.PREDICTED_FORCE] = _or_worst(newtons)

    def begin(self) -> None:
        """Forget what the brain said before; a switch and a force that are still there are not forgotten."""
        self._levels = dict.fromkeys(_LEVELS, 0.0)

    def forget(self) -> None:
        """Forget everything that has an age, after a jump of the clock."""
        self._held_ns = None
        self._seen_ns.clear()

    def event(self, now_ns: int) -> Event | None:
        """Why to brake now, if there is a reason."""
        settings = self._settings
        if settings.deadman is not None and not self._held(now_ns):
            return Event.DEADMAN
        most_n = settings.max_force_n
        if most_n is not None and any(force_n > most_n for force_n in self._force_n.values()):
            return Event.FORCE
        if self._blind(now_ns) is not None:
            return Event.CLOUD_STALE
        for event, value in self._levels.items():
            bounds = _LEVELS[event](settings)
            if bounds is not None and value >= bounds.stop:
                return event
        return None

    def refusal(self, now_ns: int) -> Refusal | None:
        """Why not to arm, after `begin`."""
        event = self.event(now_ns)
        if event is None:
            return None
        if event is Event.DEADMAN:
            return Refusal(event.value, None, "released or silent", "held")
        blind = self._blind(now_ns)
        if event is Event.CLOUD_STALE and blind is not None:
            return Refusal(event.value, None, blind, "a cloud that is fresh")
        strongest_n = max(self._force_n.values(), default=0.0)
        return Refusal(event.value, None, f"{strongest_n} N", f"up to {self._settings.max_force_n} N")

    def speed(self) -> float:
        """Share of the speed that what the brain says leaves, 0 to 1."""
        return min(_share(value, _LEVELS[event](self._settings)) for event, value in self._levels.items())

    def _blind(self, now_ns: int) -> str | None:
        """A cloud that is too old to move by, or never came, in words; None if each is fresh."""
        for cloud in self._settings.clouds:
            seen_ns = self._seen_ns.get(cloud.name)
            if seen_ns is None:
                return f"nothing of {cloud.name} yet"
            age_s = (now_ns - seen_ns) * 1e-9
            if not -FUTURE_S <= age_s <= cloud.max_age_s:
                return f"{cloud.name} is {age_s:.2f} s old (max_age_s {cloud.max_age_s:g})"
        return None

    def _held(self, now_ns: int) -> bool:
        deadman = self._settings.deadman
        assert deadman is not None
        return self._held_ns is not None and 0 <= (now_ns - self._held_ns) * 1e-9 <= deadman.max_age_s


def _or_worst(value: float) -> float:
    return float(value) if isinstance(value, Real) and math.isfinite(value) else math.inf


def _share(value: float, bounds: SlowStop | None) -> float:
    if bounds is None or value <= bounds.slow:
        return 1.0
    return max(0.0, (bounds.stop - value) / (bounds.stop - bounds.slow))


_LEVELS: dict[Event, Callable[[GateSettings], SlowStop | None]] = {
    Event.SURPRISE: lambda settings: settings.surprise,
    Event.PREDICTED_FORCE: lambda settings: settings.predicted_force_n,
}
