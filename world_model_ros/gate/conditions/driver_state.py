"""State of the robot's driver, as the gate hears it: its speed scaling, and whether the robot follows."""

from __future__ import annotations

import math

from world_model_ros.contract.deployment.driver import Driver, Ready
from world_model_ros.gate.rules import Refusal

NOT_READY = "driver_not_ready"


class DriverState:
    """The newest of each; what the contract does not set up is as if all was well.

    A scaling that is not a number is not ready, until one that is comes. Before something was heard on every topic the
    robot is not ready. What was not ready for a moment is not ready for one cycle.

    Args:
        settings: of the contract; None if it has none.
    """

    def __init__(self, settings: Driver | None) -> None:
        self._settings = settings or Driver()
        self._scaling: float | None = None
        self._garbled: Refusal | None = None  # why the newest scaling is none
        self._ready: dict[str, object] = {}
        self._moment: Refusal | None = None  # why it was not ready since the last cycle

    def hear_scaling(self, value: float) -> None:
        """Take the value of the speed scaling's field."""
        settings = self._settings.speed_scaling
        if settings is None:
            return
        self._garbled = None
        if math.isfinite(value):
            self._scaling = min(1.0, max(0.0, value / settings.full))
        else:  # it is not known how fast the controller's time passes
            self._garbled = Refusal(NOT_READY, None, f"{settings.topic}: {value}", "a finite number")
            self._moment = self._moment or self._garbled

    def hear_ready(self, topic: str, value: object) -> None:
        """Take the value of a ``ready`` field."""
        self._ready[topic] = value
        told = [each for each in self._settings.ready if each.topic == topic]
        self._moment = self._moment or next(filter(None, map(self._not_ready, told)), None)

    def cycle(self) -> None:
        """A cycle has seen what was said."""
        self._moment = None

    @property
    def pace(self) -> float:
        """Share of the clock's speed at which the controller's time passes, 0 to 1."""
        settings = self._settings.speed_scaling
        return self._share if settings is not None and settings.scales_controller else 1.0

    @property
    def speed(self) -> float:
        """Share of the planned speed that the robot can follow, 0 to 1."""
        settings = self._settings.speed_scaling
        return self._share if settings is not None and not settings.scales_controller else 1.0

    @property
    def _share(self) -> float:
        return 1.0 if self._scaling is None else self._scaling

    def refusal(self) -> Refusal | None:
        """Why the robot does not follow; None if it does."""
        return self._moment or self._refusal()

    def _refusal(self) -> Refusal | None:
        scaling = self._settings.speed_scaling
        if self._garbled is not None:
            return self._garbled
        if scaling is not None and self._scaling is None:
            return Refusal(NOT_READY, None, f"nothing heard on {scaling.topic}", f"a number in {scaling.field}")
        return next(filter(None, map(self._not_ready, self._settings.ready)), None)

    def _not_ready(self, wanted: Ready) -> Refusal | None:
        if wanted.topic not in self._ready:
            return Refusal(NOT_READY, None, f"nothing heard on {wanted.topic}", f"{wanted.field} in {wanted.values}")
        told = self._ready[wanted.topic]
        if any(type(value) is type(told) and value == told for value in wanted.values):
            return None
        return Refusal(NOT_READY, None, f"{wanted.topic}: {wanted.field} {told}", f"one of {wanted.values}")

    @property
    def words(self) -> str:
        """``ready``, ``paused``, how slow it is, or why it is not ready."""
        refusal = self.refusal()
        if refusal is not None:
            return f"not ready ({refusal.value})"
        if self._share == 1.0:
            return "ready"
        return "paused" if self._share == 0.0 else f"at {100 * self._share:.3g} % of its speed"
