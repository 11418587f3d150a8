"""The oracle's script for table tasks (stack, drawer, lid, button, tidy up): noise-free skills, repeated until done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.evaluate.tasks.table_tasks import LET_GO_M, SHUT_M
from world_model_ros.evaluate.tasks.task import Part, Task
from world_model_ros.sim.collection.skills import GENTLY, Waypoint, least
from world_model_ros.sim.collection.table_skills import DEEP_M, TableSkills
from world_model_ros.sim.scenes.fixtures import Placed

_THERE_M = 0.012  # of an object from where it has to be
_SPREAD_M, _SPREAD_RAD = 0.005, 0.05  # of a drawer, and of a lid
_OVER_ALL_M = 0.14  # what is tidied is carried over the highest of all
_STEADY = 3  # ticks, over a thing: fingers that close over the middle of a small ball squeeze it out
_STAYING = 10  # ticks, when all is done
_CENTRE = np.zeros(2)


class Errand(TableSkills):
    """Brings a task about, and begins again with what has gone wrong.

    Args:
        task: of a kind in `TABLE`. box, bounds, fixtures: as of `TableSkills`.
    """

    def __init__(self, task: Task, box: Float, bounds: Float, fixtures: Mapping[str, Placed]) -> None:
        super().__init__(0, box, box[:, :2], bounds, fixtures)
        self._task = task
        self._be_exact()

    def _begin(self) -> Iterator[Waypoint]:
        """The next thing to be done; none if all is done."""
        ways: dict[str, Callable[[], Iterator[Waypoint]]] = {
            "stack": self._stack_up,
            "two_alike": self._bring_all,
            "fragile": self._bring_all,
            "drawer": self._move_drawer,
            "lid": self._move_lid,
            "button": self._push_button,
            "into_drawer": self._fill_drawer,
            "messy_table": self._tidy_up,
        }
        yield from ways[self._task.kind]()
        yield Waypoint(self._table.tip, self._table.yaw, self._table.opening, _STAYING)

    def _stack_up(self) -> Iterator[Waypoint]:
        top, _ = self._task.parts
        if self._off(top) > _THERE_M:
            yield from self._bring(top, LET_GO_M)

    def _bring_all(self) -> Iterator[Waypoint]:
        for part in self._task.parts:
            if self._off(part) > _THERE_M:
                yield from self._bring(part)

    def _move_drawer(self) -> Iterator[Waypoint]:
        part = self._task.parts[0]
        if self._off(part) > _SPREAD_M:
            yield from self._slide_to(part.target, float(part.position[0]))

    def _move_lid(self) -> Iterator[Waypoint]:
        (part,) = self._task.parts
        if self._off(part) > _SPREAD_RAD:
            yield from self._turn_to(part.target, float(part.position[0]))

    def _push_button(self) -> Iterator[Waypoint]:
        (part,) = self._task.parts
        if self._off(part) > 0.5:
            yield from self._push_down(part.target, _CENTRE, DEEP_M, 0.0)

    def _fill_drawer(self) -> Iterator[Waypoint]:
        item, shut = self._task.parts
        drawer = self._drawers[shut.target]
        value, place = self._table.values[shut.target], self._table.things[item.target].place
        if not drawer.holds(place, value):
            if value < drawer.mechanism.most - SHUT_M:
                yield from self._slide_to(shut.target, drawer.mechanism.most)
            self._look_at(item.target)
            yield from self._into(shut.target, _CENTRE, least(self._sight.item_yaw, 4))
        elif value > _SPREAD_M:
            yield from self._slide_to(shut.target, 0.0)

    def _tidy_up(self) -> Iterator[Waypoint]:
        part = self._task.parts[0]
        drawer = next(iter(self._drawers.values()))
        if part.is_value:
            yield from self._move_drawer()
        elif not drawer.holds(part.position, self._table.values[drawer.config.name]):
            if self._off(part) > _THERE_M:
                yield from self._bring(part, sides=part.symmetry if part.symmetry > 1 else 4, lift=_OVER_ALL_M)
        elif self._off(part) > 2 * _THERE_M:
            self._look_at(part.target)
            yield from self._into(drawer.config.name, _CENTRE, least(self._sight.item_yaw, 4), _OVER_ALL_M, _STEADY)

    def _bring(
        self, part: Part, above: float = LET_GO_M, sides: int = 4, lift: float | None = None
    ) -> Iterator[Waypoint]:
        """Carry over everything, ``lift`` m high, and set down gently: it may break."""
        self._look_at(part.target)
        yield from self._take(least(self._sight.item_yaw, sides), above if lift is None else lift, stay=_STEADY)
        hanging, yaw = self._sight.tip - self._sight.item, self._sight.yaw
        yield Waypoint(np.array([*(part.position + hanging)[:2], self._sight.tip[2]]), yaw, 0.0)
        self._speed = GENTLY
        yield from self._set_down(part.position, yaw, above=above)
        self._speed = 1.0

    def _off(self, part: Part) -> float:
        """How far a part is from where it has to be."""
        thing = self._table.things.get(part.target)
        return part.error_m(np.array([self._table.values[part.target]]) if thing is None else thing.place)
