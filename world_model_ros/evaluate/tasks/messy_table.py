"""The task of tidying a messy table: its goals in order, and the verdict on which things are in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.evaluate.tasks.table_tasks import LET_GO_M, LET_GO_WITHIN_M, SHUT_M
from world_model_ros.evaluate.tasks.task import Part, Task, Verdict
from world_model_ros.sim.scenes.fixtures import Placed, placed

_STEP_S = 45.0  # for each goal
_OPENED_M = 0.01  # less than a drawer opens


class MessyTable:
    """A table that is to be tidied.

    Args:
        task: all of it: places of things, of which one is in a drawer, and the drawer closed.
        contract: of the robot.
    """

    def __init__(self, task: Task, contract: Contract) -> None:
        self._task, targets = task, contract.interface.targets
        (self._drawer,) = (part.target for part in task.parts if part.is_value)
        self._fixture: Placed = placed(contract)[self._drawer]
        self._top_m = contract.simulation.table.top_m
        self._tip = next(target.name for target in targets if target.kind == "fingertip")
        self.things = [part for part in task.parts if not part.is_value]

    def steps(self) -> Iterator[Task]:
        """The goals in their order: what belongs into the drawer comes first."""
        inside = [part for part in self.things if self._fixture.holds(part.position, 0.0)]
        most = self._fixture.mechanism.most - _OPENED_M
        yield self._slid(most, _OPENED_M)
        for part in inside:
            height = part.position[2] - self._fixture.floor(0.0)[2]
            place = self._fixture.floor(most) + np.array([0.0, 0.0, height])
            yield self._let_go(replace(part, position=place, tolerance=0.045))
        yield self._slid(0.0, SHUT_M)
        yield from (self._let_go(part) for part in self.things if part not in inside)

    def right(self, places: Mapping[str, Float]) -> list[str]:
        """The things that are where they belong, or in the drawer, given poses (7,) and values (1,)."""
        there = [part for part in self.things if part.target in places]
        return [
            part.target
            for part in there
            if part.error_m(places[part.target]) <= self._task.tolerance_m or self._in_drawer(part, places)
        ]

    def verdict(self, places: Mapping[str, Float], broken: Sequence[str], seconds: float) -> Verdict:
        """Whether all things are right and whole; its error is that of the one farthest off, of those on the table."""
        there = [part for part in self.things if part.target in places]
        off_m = [part.error_m(places[part.target]) for part in there if not self._in_drawer(part, places)]
        right = len(self.right(places)) == len(self.things)
        return Verdict(right and not broken, max(off_m, default=0.0), seconds)

    def _in_drawer(self, part: Part, places: Mapping[str, Float]) -> bool:
        return self._fixture.holds(places[part.target][:3], float(places[self._drawer][0]))

    def _slid(self, value: float, within_m: float) -> Task:
        """The drawer there, and let go: a hand that goes on with its fingers at the handle takes it along."""
        above = self._fixture.grip(value) + np.array([0.0, 0.0, LET_GO_M])
        tip = Part(self._tip, above, tolerance=LET_GO_WITHIN_M)
        return self._step(Part(self._drawer, np.array([value]), tolerance=within_m), tip)

    def _let_go(self, part: Part) -> Task:
        above = part.position + np.array([0.0, 0.0, LET_GO_M])
        return self._step(part, Part(self._tip, above, tolerance=LET_GO_WITHIN_M))

    def _step(self, part: Part, *also: Part) -> Task:
        most = self._task.tolerance_m if part.tolerance is None else part.tolerance
        step = Task("messy_table", part.target, part.position, most, _STEP_S, also=also)
        return replace(step, symmetry=part.symmetry)
