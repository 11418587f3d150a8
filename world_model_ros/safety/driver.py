"""What the driver of the robot says: how fast its time passes, and whether the robot follows at all."""

from __future__ import annotations

import math

from world_model_ros.contract.driver import Driver
from world_model_ros.safety.rules import Refusal

NOT_READY = "driver_not_ready"


class DriverState:
    """The newest of each; what the contract does not set up is as if all was well.

    A scaling that is not a number counts as 0. A ``ready`` topic that nothing was heard on is not ready.

    Args:
        settings: of the contract; None if it has none.
    """

    def __init__(self, settings: Driver | None) -> None:
        self._settings = settings or Driver()
        self._scaling = 1.0
        self._ready: dict[str, object] = {}

    def scaling(self, value: float) -> None:
        """Take the value of the speed scaling's field."""
        settings = self._settings.speed_scaling
        if settings is not None:
            self._scaling = min(1.0, max(0.0, value / settings.full)) if math.isfinite(value) else 0.0

    def ready(self, topic: str, value: object) -> None:
        """Take the value of a ``ready`` field."""
        self._ready[topic] = value

    @property
    def pace(self) -> float:
        """Share of the clock's speed at which the controller's time passes, 0 to 1."""
        settings = self._settings.speed_scaling
        return self._scaling if settings is not None and settings.scales_controller else 1.0

    @property
    def speed(self) -> float:
        """Share of the planned speed that the robot can follow, 0 to 1."""
        settings = self._settings.speed_scaling
        return self._scaling if settings is not None and not settings.scales_controller else 1.0

    def refusal(self) -> Refusal | None:
        """Why the robot does not follow; None if it does."""
        for each in self._settings.ready:
            told = self._ready.get(each.topic)
            if each.topic not in self._ready:
                return Refusal(NOT_READY, None, f"nothing heard on {each.topic}", f"{each.field} in {each.values}")
            if not any(type(value) is type(told) and value == told for value in each.values):
                return Refusal(NOT_READY, None, f"{each.topic}: {each.field} {told}", f"one of {each.values}")
        return None

    @property
    def words(self) -> str:
        """``ready``, ``paused``, how slow it is, or why it is not ready."""
        refusal = self.refusal()
        if refusal is not None:
            return f"not ready ({refusal.value})"
        if self._scaling == 1.0:
            return "ready"
        return "paused" if self._scaling == 0.0 else f"at {self._scaling:.0%} of its speed"
