"""Scripted gripper skills at a table with objects and fixtures: stack, slide a drawer, put in, press, open lids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.sim.collection.skills import ABOVE_M, Sight, Skills, Waypoint, least, up
from world_model_ros.sim.scenes.fixtures import Placed

# Share of each, of those that the table has something for.
TABLE_SKILLS = {
    "carry": 0.2,
    "miss": 0.05,
    "shove": 0.13,
    "wander": 0.07,
    "stack": 0.18,
    "slide": 0.13,
    "put_in": 0.14,
    "press": 0.1,
    "lift_lid": 0.13,
}
_WIDE_M = 0.08  # between the fingers of an open gripper
_GRIP_M = 0.036  # between the fingers on the way to a handle
_BEFORE_M, _SHUTTING_M = 0.05, 0.017  # from the middle of a handle, of closed fingers that push it
_ROOM_M = 0.09  # that a drawer must be open, for something to be put in
_OVER_WALL_M = 0.047  # of the fingertip over the table, with its fingers over the walls of a drawer
_CARRIED_M = 0.1  # over the table, what is carried into a drawer
DEEP_M = 0.0115  # a press
_FINGER_M = 0.008  # from the end of the fingers to the fingertip
_ARC = 6  # parts of the way of a lid that are gone straight
_CLEAR_M = 0.03  # over what something is stacked on


@dataclass(frozen=True)
class Thing:
    """An object: its place (3,), m, and the yaw of one of its sides, rad."""

    place: Float
    yaw: float


@dataclass(frozen=True)
class Table:
    """What a skill at a table sees.

    Args:
        tip, yaw, opening: as of `Sight`.
        things: objects by name. values: of fixtures by name.
    """

    tip: Float
    yaw: float
    opening: float
    things: Mapping[str, Thing]
    values: Mapping[str, float]

    def sight(self, name: str) -> Sight:
        """What a skill sees that is about one of the objects."""
        thing = self.things[name]
        return Sight(self.tip, self.yaw, self.opening, thing.place, thing.yaw)


class TableSkills(Skills):
    """Carries out one skill after the other, each about an object or a fixture.

    Args:
        seed, box, area, bounds: as of `Skills`.
        fixtures: where they stand, by name.
    """

    def __init__(self, seed: int, box: Float, area: Float, bounds: Float, fixtures: Mapping[str, Placed]) -> None:
        super().__init__(seed, box, area, bounds)
        self._drawers = {name: each for name, each in fixtures.items() if each.mechanism.inside is not None}
        self._buttons = {name: each for name, each in fixtures.items() if each.mechanism.latch is not None}
        self._lids = {name: each for name, each in fixtures.items() if each.mechanism.hinge is not None}
        self._chosen = ""

    def play(self, table: Table) -> Float:
        """Action (5,) over one tick."""
        self._table = table
        self._look_at(self._chosen or next(iter(table.things)))
        return self.act(self._sight)

    def _look_at(self, name: str) -> None:
        self._chosen, self._sight = name, self._table.sight(name)

    def _begin(self) -> Iterator[Waypoint]:
        free = [name for name in self._table.things if not self._covered(name)]
        can = {
            "carry": bool(free),
            "miss": bool(free),
            "shove": bool(free),
            "wander": True,
            "stack": len(free) > 1,
            "slide": bool(self._drawers),
            "put_in": bool(free and self._drawers),
            "press": bool(self._buttons),
            "lift_lid": bool(self._lids),
        }
        shares = np.array([share * can[name] for name, share in TABLE_SKILLS.items()])
        skill = str(self._random.choice(list(TABLE_SKILLS), p=shares / shares.sum()))
        self._speed = self._random.uniform(0.5, 1.0)
        if free:
            self._look_at(str(self._random.choice(free)))
        return self._ways()[skill]()

    def _ways(self) -> dict[str, Callable[[], Iterator[Waypoint]]]:
        return super()._ways() | {
            "stack": self._stack,
            "slide": self._slide,
            "put_in": self._put_in,
            "press": self._press,
            "lift_lid": self._lift_lid,
        }

    def _covered(self, name: str) -> bool:
        """Whether an object is where no finger gets at it."""
        return any(drawer.covers(self._table.things[name].place) for drawer in self._drawers.values())

    # -- skills ----------------------------------------------------------------------------------------------------

    def _stack(self) -> Iterator[Waypoint]:
        """Put the object on another one."""
        random = self._random
        others = [name for name in self._table.things if name != self._chosen and not self._covered(name)]
        other = str(random.choice(others))
        high = self._sight.item[2] + 2.0 * (self._table.things[other].place[2] - self._area_top)
        yield from self._take(self._grasp_yaw(), random.uniform(*ABOVE_M))
        place = self._table.things[other].place[:2] + random.normal(0.0, 0.004, 2)
        turned = self._sight.yaw + random.choice([0.0, 0.0, random.uniform(-0.8, 0.8)])
        yield from self._set_down(np.array([*place, high + random.uniform(-0.001, 0.006)]), turned)

    def _slide(self) -> Iterator[Waypoint]:
        """Open or close a drawer, wholly or in part, with a grip or a push."""
        random = self._random
        name = str(random.choice(list(self._drawers)))
        most, now = self._drawers[name].mechanism.most, self._table.values[name]
        shut = now > 0.25 * most and random.random() < 0.6
        if shut and random.random() < 0.5:
            yield from self._push_shut(name, 0.0 if random.random() < 0.7 else float(random.uniform(0.0, now)))
            return
        to = 0.0 if shut else most if random.random() < 0.4 else float(random.uniform(0.3, 1.0)) * most
        yield from self._slide_to(name, to, bool(random.random() < 0.75))

    def _put_in(self) -> Iterator[Waypoint]:
        """Put the object into a drawer, which is opened before and perhaps closed again."""
        random, about = self._random, self._chosen
        name = str(random.choice(list(self._drawers)))
        drawer = self._drawers[name]
        if self._table.values[name] < _ROOM_M:
            yield from self._slide_to(name, drawer.mechanism.most)
        if self._table.values[name] < _ROOM_M or self._covered(about):
            return
        yield from self._into(name, random.uniform(-0.012, 0.012, 2), self._grasp_yaw())
        if random.random() < 0.5:
            yield from self._push_shut(name, 0.0)

    def _press(self) -> Iterator[Waypoint]:
        """Press a button; now and then next to it, or not far enough."""
        random = self._random
        name = str(random.choice(list(self._buttons)))
        off = random.normal(0.0, 0.03 if random.random() < 0.15 else 0.004, 2)
        yield from self._push_down(name, off, random.uniform(0.8, 1.1) * DEEP_M, random.uniform(-0.7, 0.7))

    def _lift_lid(self) -> Iterator[Waypoint]:
        """Open or close a lid, wholly or in part."""
        random = self._random
        name = str(random.choice(list(self._lids)))
        most = self._lids[name].mechanism.most
        shut = self._table.values[name] > 0.25 * most and random.random() < 0.6
        yield from self._turn_to(name, 0.0 if shut else float(random.uniform(0.3, 1.0)) * most)

    # -- what skills are made of -----------------------------------------------------------------------------------

    @property
    def _area_top(self) -> float:
        """Height of the table: fixtures stand on it."""
        return next(
            (each.top_m for each in (*self._drawers.values(), *self._buttons.values(), *self._lids.values())), 0.0
        )

    def _take(self, yaw: float, above: float, off: float = 0.0, stay: int = 0) -> Iterator[Waypoint]:
        """Grasp the object at this height over its middle, ``stay`` ticks after it is near there, and lift it."""
        yield Waypoint(self._over(above), yaw, 1.0)
        yield Waypoint(self._over(off), yaw, 1.0, stay)
        yield Waypoint(self._sight.tip, yaw, 0.0, 3)
        yield Waypoint(self._sight.tip + up(above), yaw, 0.0)

    def _set_down(self, goal: Float, yaw: float, above: float = ABOVE_M[0]) -> Iterator[Waypoint]:
        """Bring what is held with its middle to ``goal`` (3,) from above, let go, and rise."""
        hanging = self._sight.tip - self._sight.item
        if np.linalg.norm(hanging) > 0.04:  # it was lost on the way
            return
        yield Waypoint(np.clip(goal + hanging + up(_CLEAR_M), *self._box), yaw, 0.0)
        hanging = self._sight.tip - self._sight.item
        yield Waypoint(np.clip(goal + hanging, *self._box), yaw, 0.0, 1)
        yield Waypoint(self._sight.tip, yaw, 1.0, 1)
        yield Waypoint(self._sight.tip + up(above), yaw, 1.0)

    def _into(self, name: str, off: Float, yaw: float, above: float = ABOVE_M[0], stay: int = 0) -> Iterator[Waypoint]:
        """Take the object and put it into a drawer, ``off`` (2,) m from the middle of it."""
        yield from self._take(yaw, above, stay=stay)
        drawer, hanging = self._drawers[name], self._sight.tip - self._sight.item
        if np.linalg.norm(hanging) > 0.04:
            return
        goal = drawer.floor(self._table.values[name])[:2] + off
        for height in (_CARRIED_M, _OVER_WALL_M):
            place = np.array([*(goal + hanging[:2]), drawer.top_m + height])
            yield Waypoint(np.clip(place, *self._box), _grip_yaw(drawer), 0.0, 1)
        yield Waypoint(self._sight.tip, self._sight.yaw, 0.8, 1)
        yield Waypoint(self._sight.tip + up(ABOVE_M[0]), self._sight.yaw, 0.8)

    def _slide_to(self, name: str, to: float, grips: bool = True) -> Iterator[Waypoint]:
        """Put the fingers on both sides of the handle, and move the drawer to where it is open by ``to`` m."""
        drawer = self._drawers[name]
        yaw, wide = _grip_yaw(drawer), _GRIP_M / _WIDE_M
        yield Waypoint(drawer.grip(self._table.values[name]) + up(ABOVE_M[0]), yaw, wide)
        yield Waypoint(drawer.grip(self._table.values[name]), yaw, wide)
        held = 0.0 if grips else wide
        yield Waypoint(self._sight.tip, yaw, held, 2)
        yield Waypoint(drawer.grip(to), yaw, held, 2)
        yield Waypoint(self._sight.tip, yaw, wide, 1)
        yield Waypoint(self._sight.tip + up(ABOVE_M[0]), yaw, wide)

    def _turn_to(self, name: str, to: float) -> Iterator[Waypoint]:
        """Put the fingers on both sides of the bar of a lid, and follow its way to where it is open by ``to`` rad."""
        lid, now = self._lids[name], self._table.values[name]
        yaw, wide = _grip_yaw(lid), _GRIP_M / _WIDE_M
        yield Waypoint(np.clip(lid.grip(now) + up(ABOVE_M[0]), *self._box), yaw, wide)
        yield Waypoint(lid.grip(now), yaw, wide)
        yield Waypoint(self._sight.tip, yaw, 0.0, 2)
        for value in np.linspace(now, to, _ARC + 1)[1:].tolist():
            yield Waypoint(lid.grip(value), yaw, 0.0)
        yield Waypoint(lid.grip(to), yaw, 0.0, 2)
        yield Waypoint(self._sight.tip, yaw, wide, 1)
        yield Waypoint(np.clip(self._sight.tip + up(ABOVE_M[0]), *self._box), yaw, wide)

    def _push_shut(self, name: str, to: float) -> Iterator[Waypoint]:
        """Push a drawer at its handle with closed fingers, to where it is open by ``to`` m."""
        drawer = self._drawers[name]
        yaw, ahead = _grip_yaw(drawer), drawer.grip(1.0) - drawer.grip(0.0)
        before = drawer.grip(self._table.values[name]) + _BEFORE_M * ahead
        yield Waypoint(np.clip(before + up(ABOVE_M[0]), *self._box), yaw, 0.0)
        yield Waypoint(np.clip(before, *self._box), yaw, 0.0)
        yield Waypoint(drawer.grip(to) + _SHUTTING_M * ahead, yaw, 0.0, 1)
        yield Waypoint(self._sight.tip + up(ABOVE_M[0]), yaw, 0.0)

    def _push_down(self, name: str, off: Float, deep: float, yaw: float) -> Iterator[Waypoint]:
        """Press a button with closed fingers."""
        place = self._buttons[name].grip(0.0) + np.array([*off, _FINGER_M])
        yield Waypoint(place + up(ABOVE_M[0]), yaw, 0.0)
        yield Waypoint(place + up(0.012), yaw, 0.0)
        yield Waypoint(place - up(deep), yaw, 0.0, 1)
        yield Waypoint(place + up(ABOVE_M[0]), yaw, 0.0)


def _grip_yaw(fixture: Placed) -> float:
    """The yaw at which fingers close along the way that a drawer or lid points; of two the one nearer to 0."""
    return least(fixture.yaw + 0.5 * np.pi, 2)
