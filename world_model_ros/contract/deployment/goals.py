"""Contract fields that say when a goal is reached, times out or is stuck, and how often feedback is published."""

from __future__ import annotations

from pydantic import Field

from world_model_ros.contract.field_types import Number, Positive, Strict


class GoalSettings(Strict):
    """When goals end, and how often it is said how they go.

    A goal is reached when it was within its tolerance for ``hold_s``. ``timeout_s`` ends one that was pursued for so
    long, ``stuck_s`` one that came no nearer for so long; what is None never ends a plain goal, and a request that says
    nothing itself is stuck after half a minute. ``feedback_hz`` is how often ``goal/feedback`` is said at most.
    """

    timeout_s: Positive | None = None
    stuck_s: Positive | None = None
    hold_s: Number = Field(default=0.5, ge=0.0, le=60.0)
    feedback_hz: Positive = 2.0
