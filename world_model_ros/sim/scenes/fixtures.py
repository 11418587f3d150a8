"""What has a joint and stands on the table, as a table: what each kind is made of, and where a hand takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

Triple = tuple[float, float, float]
_MARGIN_M = 0.02  # between a fixture, wherever its joint is, and the area for objects


@dataclass(frozen=True)
class Piece:
    """A box, or an upright cylinder: its middle and half its size, m, in the frame of its fixture."""

    middle: Triple
    half: Triple
    shape: Literal["box", "cylinder"] = "box"


@dataclass(frozen=True)
class Latch:
    """A button stays down after one press and comes up after the next; its value is 1 while it is down.

    Args:
        pressed: a depth, m, that counts as a press. released: one from which it may be pressed again.
        down: where it rests after a press.
    """

    pressed: float
    released: float
    down: float


@dataclass(frozen=True)
class Mechanism:
    """A kind of fixture, in its own frame: x is the way that a drawer opens, z is up, 0 is on the table.

    Args:
        fixed: what does not move. moving: what does, where it is at 0.
        axis: along which it slides, of length 1. most: m, from 0.
        mass: kg. damping: N s/m. friction: N. stiffness: N/m, of a spring; rest: where that is at rest, m.
        grip: where a hand takes it at 0, or presses it. inside: middle of its floor at 0, where things may be put.
        latch: of what is pressed; the value of others is how far they have moved.
    """

    fixed: tuple[Piece, ...]
    moving: tuple[Piece, ...]
    axis: Triple
    most: float
    mass: float
    damping: float
    grip: Triple
    friction: float = 0.0
    stiffness: float = 0.0
    rest: float = 0.0
    inside: Triple | None = None
    latch: Latch | None = None


# A tray of 11 x 11 cm behind a front with a bow, under a roof that is higher than any object.
_DRAWER = Mechanism(
    fixed=(
        Piece((-0.066, 0.069, 0.0425), (0.064, 0.004, 0.0425)),
        Piece((-0.066, -0.069, 0.0425), (0.064, 0.004, 0.0425)),
        Piece((-0.134, 0.0, 0.0425), (0.004, 0.073, 0.0425)),
        Piece((-0.068, 0.0, 0.089), (0.070, 0.073, 0.004)),
    ),
    moving=(
        Piece((-0.061, 0.0, 0.005), (0.061, 0.061, 0.002)),
        Piece((-0.003, 0.0, 0.019), (0.003, 0.061, 0.016)),
        Piece((-0.119, 0.0, 0.019), (0.003, 0.061, 0.016)),
        Piece((-0.061, 0.058, 0.019), (0.055, 0.003, 0.016)),
        Piece((-0.061, -0.058, 0.019), (0.055, 0.003, 0.016)),
        Piece((0.018, 0.033, 0.025), (0.018, 0.004, 0.006)),
        Piece((0.018, -0.033, 0.025), (0.018, 0.004, 0.006)),
        Piece((0.042, 0.0, 0.027), (0.006, 0.037, 0.015)),
    ),
    axis=(1.0, 0.0, 0.0),
    most=0.12,
    mass=0.4,
    damping=4.0,
    friction=0.6,
    grip=(0.042, 0.0, 0.027),
    inside=(-0.061, 0.0, 0.007),
)
_BUTTON = Mechanism(
    fixed=(Piece((0.0, 0.0, 0.0125), (0.03, 0.03, 0.0125)),),
    moving=(Piece((0.0, 0.0, 0.03), (0.018, 0.018, 0.01), "cylinder"),),
    axis=(0.0, 0.0, -1.0),
    most=0.011,
    mass=0.02,
    damping=3.0,
    stiffness=300.0,
    rest=-0.004,
    grip=(0.0, 0.0, 0.04),
    latch=Latch(pressed=0.009, released=0.0065, down=0.005),
)
MECHANISMS: dict[str, Mechanism] = {"drawer": _DRAWER, "button": _BUTTON}


@dataclass(frozen=True)
class FixtureConfig:
    """A fixture of a scene.

    Args:
        name: of it. kind: one of `MECHANISMS`.
        place: x, y in m in the base frame, and yaw in rad.
        value: at the start: m, or 0 and 1 of a button.
    """

    name: str
    kind: str
    place: Triple
    value: float = 0.0

    @property
    def mechanism(self) -> Mechanism:
        return MECHANISMS[self.kind]


@dataclass(frozen=True)
class Placed:
    """A fixture where it stands. Places are in the base frame, m; ``value`` is how far it has moved.

    Args:
        config: of it. top_m: height of the table.
    """

    config: FixtureConfig
    top_m: float

    @property
    def yaw(self) -> float:
        return self.config.place[2]

    @property
    def mechanism(self) -> Mechanism:
        return self.config.mechanism

    def point(self, own: Triple | Float, value: float = 0.0) -> Float:
        """Where (3,) a point of its frame is, of what moves with it."""
        x, y, z = np.asarray(own) + value * np.asarray(self.mechanism.axis)
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([self.config.place[0] + c * x - s * y, self.config.place[1] + s * x + c * y, self.top_m + z])

    def own(self, place: Float, value: float = 0.0) -> Float:
        """A place (3,) in its frame, or in that of what moves with it."""
        x, y = place[:2] - self.config.place[:2]
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([c * x + s * y, c * y - s * x, place[2] - self.top_m]) - value * np.asarray(self.mechanism.axis)

    def grip(self, value: float) -> Float:
        """Where (3,) a hand takes it."""
        return self.point(self.mechanism.grip, value)

    def floor(self, value: float) -> Float:
        """The middle (3,) of its floor."""
        assert self.mechanism.inside is not None
        return self.point(self.mechanism.inside, value)

    def holds(self, place: Float, value: float) -> bool:
        """Whether something at (3,) lies in it."""
        if self.mechanism.inside is None:
            return False
        x, y, z = self.own(place, value) - np.asarray(self.mechanism.inside)
        return bool(abs(x) < 0.055 and abs(y) < 0.055 and 0.0 < z < 0.07)

    def covers(self, place: Float) -> bool:
        """Whether no finger gets at something at (3,) from above, because of a roof."""
        x, y, _ = self.own(place)
        return self.mechanism.inside is not None and bool(-0.14 < x < 0.02 and abs(y) < 0.08)

    def meets(self, low: Float, high: Float) -> bool:
        """Whether it meets an upright box (2,) to (2,) of the plane, wherever its joint is."""
        corners = []
        for piece in (*self.mechanism.fixed, *self.mechanism.moving):
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                corner = np.array(piece.middle) + np.array([*signs, 0]) * piece.half
                moves = piece in self.mechanism.moving
                corners += [self.point(corner), self.point(corner, self.mechanism.most * moves)]
        own_low, own_high = np.min(corners, 0)[:2], np.max(corners, 0)[:2]
        return bool(np.all(own_low < high) and np.all(own_high > low))


def placed(contract: Contract) -> Mapping[str, Placed]:
    """The fixtures of a contract, by name, all at 0.

    Raises:
        UserError: one stands in the area for objects.
    """
    simulation = contract.simulation
    found = {}
    low, high = np.array(simulation.objects_m).T
    for each in simulation.fixtures:
        config = FixtureConfig(each.name, each.kind, (*each.place_m, each.yaw))
        found[each.name] = fixture = Placed(config, simulation.table.top_m)
        if fixture.meets(low - _MARGIN_M, high + _MARGIN_M):
            field = f"deployment.simulation.fixtures: {each.name}: place_m"
            raise UserError(field, list(each.place_m), f"2 cm off the area for objects, {simulation.objects_m}")
    return found
