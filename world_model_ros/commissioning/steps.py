"""What a commissioning says to the world at a step, and the command by which it leads one joint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits, Trajectory

GOES_ON_S = 0.3  # a command, before it brakes; longer than the gate looks ahead
_SPACING_S = 0.05


@dataclass(frozen=True)
class Do:
    """What is to be done now.

    Args:
        command: for the gate. call: a service of the gate: ``arm``, ``stop``, ``reset`` or ``disarm``.
        own: the source that is to be asked for as owner of the gate; an empty text releases it.
        ask: a question for the person, which is answered by `Commissioner.hear_reply`.
        say: a line for the person.
    """

    command: Trajectory | None = None
    call: str | None = None
    own: str | None = None
    ask: str | None = None
    say: str | None = None


def lead(
    limits: JointLimits, held: Float, joint: int, place: float, speed: float, end: float, now_ns: int
) -> Trajectory:
    """How one joint goes on from a place toward an end at a speed, and no farther; the others (J,) are held."""
    sign = 1.0 if end >= place else -1.0
    left = max(sign * (end - place), 0.0)
    acceleration = 0.5 * float(limits.acceleration[joint])
    brake_s = abs(speed) / acceleration
    cruise_s = min(GOES_ON_S, max(left / abs(speed) - 0.5 * brake_s, 0.0))
    if left <= 0.5 * abs(speed) * brake_s:  # what is left is braked over
        speed = sign * np.sqrt(2.0 * acceleration * left)
        brake_s = abs(speed) / acceleration
    count = max(3, int(np.ceil((cruise_s + brake_s) / _SPACING_S)) + 1)
    times = np.linspace(0.0, max(cruise_s + brake_s, 2 * _SPACING_S), count)
    since = np.clip(times - cruise_s, 0.0, brake_s)
    going = 1.0 - since / brake_s if brake_s > 0.0 else np.zeros(count)
    positions, velocities = np.tile(held, (count, 1)), np.zeros((count, len(held)))
    way = np.minimum(times, cruise_s) + 0.5 * since * (1.0 + going)
    velocities[:, joint] = sign * abs(speed) * going
    velocities[-1] = 0.0
    positions[:, joint] = np.clip(place + sign * abs(speed) * way, limits.lower[joint], limits.upper[joint])
    return Trajectory(limits.names, times, positions, velocities, now_ns)
