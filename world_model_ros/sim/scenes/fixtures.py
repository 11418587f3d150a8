"""Defines drawers, buttons and lids that stand on the table: geometry, joint, place, and where a hand grips them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

Triple = tuple[float, float, float]
_SWEEP = 5  # places of what moves, for all that it meets
_MARGIN_M = 0.02  # between a fixture, wherever its joint is, and the area for objects


@dataclass(frozen=True)
class Piece:
    """A box, an upright cylinder, or a bar, which is one that lies along y: its middle and half its size, m, in the
    frame of its fixture."""

    middle: Triple
    half: Triple
    shape: Literal["box", "cylinder", "bar"] = "box"


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
        axis: along which it slides, or about which it turns, of length 1. most: m or rad, from 0.
        hinge: a point of the axis about which it turns; None of what slides.
        mass: kg. damping: N s/m or N m s/rad. friction: N or N m. stiffness: N/m, of a spring; rest: where that is at
            rest, m.
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
    hinge: Triple | None = None

    def moved(self, own: Triple | Float, value: float) -> Float:
        """Where (3,) a point of what moves is, that is at ``own`` at 0."""
        if self.hinge is None:
            return np.asarray(own) + value * np.asarray(self.axis)
        axis, arm = np.asarray(self.axis), np.asarray(own) - self.hinge
        along = (1.0 - np.cos(value)) * (axis @ arm) * axis
        turned: Float = self.hinge + np.cos(value) * arm + np.sin(value) * np.cross(axis, arm) + along
        return turned


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
# A box of 12 x 12 cm with its lid hinged at the back, and a bar in front that turns between the fingers that lift it.
_LID = Mechanism(
    fixed=(
        Piece((-0.004, 0.0, 0.024), (0.004, 0.06, 0.024)),
        Piece((-0.116, 0.0, 0.024), (0.004, 0.06, 0.024)),
        Piece((-0.06, 0.056, 0.024), (0.052, 0.004, 0.024)),
        Piece((-0.06, -0.056, 0.024), (0.052, 0.004, 0.024)),
    ),
    moving=(
        Piece((-0.058, 0.0, 0.052), (0.062, 0.06, 0.003)),
        Piece((0.02, 0.033, 0.052), (0.016, 0.004, 0.003)),
        Piece((0.02, -0.033, 0.052), (0.016, 0.004, 0.003)),
        Piece((0.042, 0.0, 0.052), (0.006, 0.037, 0.006), "bar"),
    ),
    axis=(0.0, -1.0, 0.0),
    most=1.3,
    mass=0.2,
    damping=0.05,
    friction=0.03,
    grip=(0.042, 0.0, 0.052),
    hinge=(-0.12, 0.0, 0.049),
)
MECHANISMS: dict[str, Mechanism] = {"drawer": _DRAWER, "button": _BUTTON, "lid": _LID}


@dataclass(frozen=True)
class FixtureConfig:
    """A fixture of a scene.

    Args:
        name: of it. kind: one of `MECHANISMS`.
        place: x, y in m in the base frame, and yaw in rad.
        value: at the start: m or rad, or 0 and 1 of a button.
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
        x, y, z = self.mechanism.moved(own, value)
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([self.config.place[0] + c * x - s * y, self.config.place[1] + s * x + c * y, self.top_m + z])

    def own(self, place: Float, value: float = 0.0) -> Float:
        """A place (3,) in its frame, or in that of what slides with it."""
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

    @cached_property
    def swept(self) -> tuple[Float, Float]:
        """Low (2,) and high (2,) of the upright box in the plane that it is in, wherever its joint is."""
        corners = []
        values = np.linspace(0.0, self.mechanism.most, _SWEEP).tolist()
        for pieces, at in ((self.mechanism.fixed, [0.0]), (self.mechanism.moving, values)):
            for piece, signs, value in product(pieces, product((1, -1), repeat=3), at):
                corners.append(self.point(np.array(piece.middle) + np.array(signs) * piece.half, value))
        return np.min(corners, 0)[:2], np.max(corners, 0)[:2]

    def meets(self, low: Float, high: Float) -> bool:
        """Whether it meets an upright box (2,) to (2,) of the plane, wherever its joint is."""
        own_low, own_high = self.swept
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
