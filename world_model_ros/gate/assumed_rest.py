"""Tells a gate that its robot has stood still long enough to be armed, as for simulated robots at their start."""

from __future__ import annotations

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.gate.conditions.arming import REST_NS
from world_model_ros.gate.gate import Gate

_STEP_NS = 10_000_000


def tell_standing(gate: Gate, position: Float, now_ns: int) -> None:
    """Tell a gate that its robot has stood at ``position`` (J,), until ``now_ns``, as long as it must to be armed."""
    for ago_ns in range(REST_NS, -1, -_STEP_NS):
        gate.joint_state(now_ns - ago_ns, position, np.zeros_like(position))
