"""Conditions of arming (joint states fresh, inside limits, at rest), and how an armed gate takes over the joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import LIMIT_TOLERANCE, JointLimits
from world_model_ros.gate.rules import FUTURE_S, Refusal

_MIN_DISTANCE = 1e-5  # rad or m; what is nearer is noise of the sensor
_GENTLE = 1.05  # of the shortest time within the limits
STILL_RATIO = 0.05  # a joint slower than this share of its velocity limit stands still
REST_S = 0.25  # in which an arm that is armed has not moved: a controller may be at the end of what another gate sent
REST_NS = round(REST_S * 1e9)
_REST_SHARE = 0.2  # of the tolerance of arming, which a joint may have moved in that time


@dataclass(frozen=True)
class Measured:
    """Joint states (J,) in rad (m for slides) and per s, at a stamp."""

    stamp_ns: int
    position: Float
    velocity: Float

    def fresh(self, now_ns: int, max_age_s: float) -> bool:
        return -FUTURE_S <= (now_ns - self.stamp_ns) * 1e-9 <= max_age_s

    def still(self, limits: JointLimits) -> bool:
        return not np.any(np.abs(self.velocity) > STILL_RATIO * limits.velocity)


def refuse_stale(measured: Measured | None, now_ns: int, max_age_s: float) -> Refusal | None:
    if measured is not None and measured.fresh(now_ns, max_age_s):
        return None
    age = "none yet" if measured is None else f"age {(now_ns - measured.stamp_ns) * 1e-9:.3f} s"
    return Refusal("joint_states_stale", None, age, f"up to {max_age_s} s")


def refuse_place(measured: Measured, limits: JointLimits) -> Refusal | None:
    """Why the arm may not be armed where it is: out of its limits, or moving."""
    outside = np.abs(measured.position - np.clip(measured.position, limits.lower, limits.upper)) > LIMIT_TOLERANCE
    if np.any(outside):
        joint = int(np.argmax(outside))
        legal = f"{limits.lower[joint]} to {limits.upper[joint]}"
        return Refusal("position", limits.names[joint], float(measured.position[joint]), legal)
    moving = np.abs(measured.velocity) > STILL_RATIO * limits.velocity
    if np.any(moving):
        joint = int(np.argmax(moving))
        return Refusal("velocity", limits.names[joint], float(measured.velocity[joint]), "standing still")
    return None


def refuse_unrest(seen: Sequence[Measured], limits: JointLimits, tolerance: Float) -> Refusal | None:
    """Why the arm may not be armed yet: it is not seen for `REST_S`, or a joint has moved meanwhile, however slowly.

    The controller may still follow the end of a plan of a gate that is no more. What begins at rest meanwhile is
    joined to that with a step.

    Args:
        seen: what was measured without a gap, at least once, oldest first, from `REST_S` ago on if it is that long.
        limits: of J joints.
        tolerance: (J,) of arming.
    """
    newest, legal = seen[-1], f"standing still for {REST_S} s"
    span_ns = newest.stamp_ns - seen[0].stamp_ns
    moved = np.abs(np.array([each.position for each in seen]) - newest.position).max(0)
    if np.any(moved > _REST_SHARE * tolerance):
        joint = int(np.argmax(moved / tolerance))
        told = f"moved by {moved[joint]:.4f} in the last {span_ns * 1e-9:.2f} s"
        return Refusal("velocity", limits.names[joint], told, legal)
    if span_ns < REST_NS:
        return Refusal("velocity", None, f"joint states of the last {span_ns * 1e-9:.3f} s alone", legal)
    return None


def tracking_error(measured: Float, reference: Float) -> float:
    """How far the joint that is farthest from its reference is from it, rad or m; (J,) each."""
    return float(np.abs(measured - reference).max())


def held_position(measured: Float, limits: JointLimits, setpoint: Float | None, tolerance: Float) -> Float:
    """Where (J,) an armed gate holds the joints.

    A joint that is measured within ``tolerance`` (J,) of the last setpoint (J,) goes on from the setpoint: its
    controller may hold it there under load, and an arm that is armed again and again would sink otherwise. Any other
    joint begins where it is measured: what its controller holds is not known.
    """
    inside = np.clip(measured, limits.lower, limits.upper)
    if setpoint is None:
        return inside
    return np.where(np.abs(measured - setpoint) <= tolerance, setpoint, inside)


def lead_in_s(distance: Float, limits: JointLimits) -> float:
    """Time in which a quintic from rest to rest leads joints over a distance (J,) within their limits, s.

    The peaks of such a motion are 15/8 d/T of velocity, 10/sqrt(3) d/T^2 of acceleration and 60 d/T^3 of jerk.
    """
    distance = np.maximum(np.abs(distance), _MIN_DISTANCE)
    spans = (
        1.875 * distance / limits.velocity,
        np.sqrt(10.0 / np.sqrt(3.0) * distance / limits.acceleration),
        np.cbrt(60.0 * distance / limits.jerk),
    )
    return _GENTLE * float(np.max(spans))
