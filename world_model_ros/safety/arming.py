"""Whether a gate may be armed where its arm is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from world_model_ros.core.trajectory import Float, JointLimits
from world_model_ros.safety.rules import FUTURE_S, Refusal

OUTSIDE_TOLERANCE = 1e-3  # rad or m; an arm that rests at its limit may measure a little more
STILL_RATIO = 0.05  # a joint slower than this share of its velocity limit stands still


@dataclass(frozen=True)
class Measured:
    """Joint states (J,) in rad (m for slides) and per s, at a stamp."""

    stamp_ns: int
    position: Float
    velocity: Float

    def fresh(self, now_ns: int, max_age_s: float) -> bool:
        return -FUTURE_S <= (now_ns - self.stamp_ns) * 1e-9 <= max_age_s


def refuse_stale(measured: Measured | None, now_ns: int, max_age_s: float) -> Refusal | None:
    if measured is not None and measured.fresh(now_ns, max_age_s):
        return None
    age = "none yet" if measured is None else f"age {(now_ns - measured.stamp_ns) * 1e-9:.3f} s"
    return Refusal("joint_states_stale", None, age, f"up to {max_age_s} s")


def refuse_place(measured: Measured, limits: JointLimits, setpoint: Float | None, tolerance: float) -> Refusal | None:
    """Why the arm may not be armed: out of its limits, moving, or away from what the controller holds.

    Args:
        setpoint: (J,) what the controller was told last; None if nothing was.
        tolerance: how far from it the arm may be.
    """
    outside = np.abs(measured.position - np.clip(measured.position, limits.lower, limits.upper)) > OUTSIDE_TOLERANCE
    if np.any(outside):
        joint = int(np.argmax(outside))
        legal = f"{limits.lower[joint]} to {limits.upper[joint]}"
        return Refusal("position", limits.names[joint], float(measured.position[joint]), legal)
    moving = np.abs(measured.velocity) > STILL_RATIO * limits.velocity
    if np.any(moving):
        joint = int(np.argmax(moving))
        return Refusal("velocity", limits.names[joint], float(measured.velocity[joint]), "standing still")
    if setpoint is not None:
        away = np.abs(measured.position - setpoint)
        if np.any(away > tolerance):
            joint = int(np.argmax(away))
            legal = f"within {tolerance} of what the controller holds, or gate/reset"
            return Refusal("joint_states_disagree", limits.names[joint], float(away[joint]), legal)
    return None
