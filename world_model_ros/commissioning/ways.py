"""Which way each joint is to go: where there is room to its limits, and to what the gate keeps it away from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.kinematics.collision.distances import PairDistances

PROBE_S = 0.3  # how far the first, small motion goes at the chosen speed
RUN_S = 1.0  # how long a joint goes at that speed afterwards
_SPARE = 1.5  # times the way: what stops late goes farther
_PLACES = 5  # along a way, that are measured
_NEARER_M = 1e-4


@dataclass(frozen=True)
class Way:
    """How one joint is to go.

    Args:
        joint: its index. name, unit: its own.
        speed: of the gate's reference, rad/s or m/s, with the sign of the direction.
        hindered: why it cannot go, in words; empty if it can.
    """

    joint: int
    name: str
    unit: str
    speed: float
    hindered: str = ""

    @property
    def probe(self) -> float:
        """Length of the first motion."""
        return abs(self.speed) * PROBE_S

    @property
    def whole(self) -> float:
        """Length of all of it."""
        return abs(self.speed) * (PROBE_S + RUN_S)


def ways_for(contract: Contract, position: Float, share: float, distances: PairDistances | None) -> list[Way]:
    """The way of each joint from a position (J,), at a share of its velocity limit.

    Args:
        distances: of the robot's parts and obstacles; None where the contract watches none.
    """
    limits, settings = contract.limits(), contract.deployment.gate.collision
    units = {each.name: each.unit for each in contract.interface.joints}
    found = list[Way]()
    for i, name in enumerate(limits.names):
        speed = share * float(limits.velocity[i])
        need = _SPARE * speed * (PROBE_S + RUN_S)
        rooms = {1.0: float(limits.upper[i] - position[i]), -1.0: float(position[i] - limits.lower[i])}
        free = [sign for sign, room in rooms.items() if room >= need]
        why = f"no room of {need:.3g} {units[name]} to either limit: move it away from there"
        if free and distances is not None and settings is not None:
            near = {sign: _nearest(distances, position, i, sign * need, settings.slow_m) for sign in free}
            clear = max(free, key=lambda sign: near[sign][0])
            why = f"{near[clear][1]} would come nearer than stop_m: move it to a freer place"
            wide = [sign for sign in free if near[sign][0] >= settings.slow_m]
            free = wide or [sign for sign in (clear,) if near[sign][0] > settings.stop_m]
        sign = max(free, key=lambda each: rooms[each]) if free else 1.0
        found.append(Way(i, name, units[name], sign * speed, "" if free else why))
    return found


def _nearest(distances: PairDistances, position: Float, joint: int, way: float, enough_m: float) -> tuple[float, str]:
    """How near two parts come that a way of one joint brings nearer to each other, and which."""
    least, pair, before = np.inf, "", distances.at(position, enough_m).copy()
    for share in np.linspace(1.0 / _PLACES, 1.0, _PLACES):
        place = position.copy()
        place[joint] += share * way
        at = np.where((now := distances.at(place, enough_m)) < before - _NEARER_M, now, np.inf)
        if len(at) and float(at.min()) < least:
            least, pair = float(at.min()), " and ".join(distances.pairs[int(at.argmin())])
    return least, pair
