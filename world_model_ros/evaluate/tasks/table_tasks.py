"""Tasks of a gripper at a table with several objects and fixtures, drawn from where everything is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.tasks.task import TABLE, Part, TaskKind
from world_model_ros.sim.scenes.draw import Wish
from world_model_ros.sim.scenes.fixtures import placed

# What scenes must be like.
SCENES: dict[TaskKind, Wish] = {"stack": "upright", "two_alike": "alike", "fragile": "fragile", "unseen": "unseen"}
# Of what a task is about first: m, of a lid rad, and of a button half of what it changes by.
TABLE_TOLERANCES: dict[TaskKind, float] = {
    "stack": 0.02,
    "drawer": 0.01,
    "into_drawer": 0.045,
    "button": 0.5,
    "two_alike": 0.02,
    "fragile": 0.02,
    "lid": 0.1,
}
TABLE_TIMEOUTS_S: dict[TaskKind, float] = {
    "stack": 40.0,
    "drawer": 40.0,
    "into_drawer": 90.0,
    "button": 20.0,
    "two_alike": 80.0,
    "fragile": 40.0,
    "lid": 40.0,
}
SHUT_M = 0.01  # a drawer that is closed
LET_GO_M, _LET_GO_WITHIN_M = 0.08, 0.04  # of the fingertip over what it has stacked
_OPEN_M = 0.03  # a drawer that is to be closed
_WIDE_M = 0.06  # the least that one is to be opened
_OPEN_RAD, _WIDE_RAD = 0.3, 0.7  # the same of a lid
_APART_M = 0.1  # between the places of two objects, old and new


def table_kinds(contract: Contract) -> list[TaskKind]:
    """The kinds of these tasks that a contract has all things for."""
    return [kind for kind in TABLE if not TableTasks(contract, {}).lacks(kind)]


class TableTasks:
    """Draws parts of tasks.

    Args:
        contract: of a robot that grips.
        positions: as of `draw_task`.
    """

    def __init__(self, contract: Contract, positions: Mapping[str, Float]) -> None:
        self._positions, targets = positions, contract.interface.targets
        simulation = contract.deployment.simulation
        self._fixtures = {} if simulation is None else placed(contract)
        self._area = np.zeros((2, 2)) if simulation is None else np.array(simulation.objects_m).T
        self._top_m = 0.0 if simulation is None else simulation.table.top_m
        self._breaks = simulation is not None and any(make.breaks_n is not None for make in simulation.objects[0])
        self._tips = [target.name for target in targets if target.kind == "fingertip"]
        self._objects = [
            target.name for target in targets if target.kind == "object" and (target.name in positions or not positions)
        ]
        names = [target.name for target in targets if target.kind == "articulated" and target.name in self._fixtures]
        self._drawers = [name for name in names if self._fixtures[name].mechanism.inside is not None]
        self._lids = [name for name in names if self._fixtures[name].mechanism.hinge is not None]
        self._buttons = [name for name in names if self._fixtures[name].mechanism.latch is not None]

    def lacks(self, kind: TaskKind) -> str:
        """What a kind needs that is not there; empty if nothing is."""
        needs = {
            "stack": (len(self._objects) > 1 and bool(self._tips), "two objects and a fingertip among the targets"),
            "two_alike": (len(self._objects) > 1, "two objects among the targets"),
            "drawer": (bool(self._drawers), "a drawer of deployment.simulation among the targets"),
            "into_drawer": (
                bool(self._drawers and self._objects),
                "an object and a drawer of deployment.simulation among the targets",
            ),
            "lid": (bool(self._lids), "a lid of deployment.simulation among the targets"),
            "button": (bool(self._buttons), "a button of deployment.simulation among the targets"),
            "fragile": (
                bool(self._breaks and self._objects),
                "an object among the targets, the first of deployment.simulation.objects, that may be one that breaks",
            ),
        }
        there, what = needs[kind]
        return "" if there else what

    def draw(self, random: np.random.Generator, kind: TaskKind) -> list[Part]:
        """Parts of a task; none where they do not fit.

        Raises:
            UserError: something that it needs is not there.
        """
        lacking = self.lacks(kind)
        if lacking:
            raise UserError("goals", kind, f"a robot with {lacking}")
        parts: list[Part] = getattr(self, f"_{kind}")(random)
        return parts

    def _stack(self, _: np.random.Generator) -> list[Part]:
        above, below = (self._positions[name] for name in self._objects[:2])
        goal = np.array([*below[:2], above[2] + 2.0 * (below[2] - self._top_m)])
        free = goal + np.array([0.0, 0.0, LET_GO_M])
        return [Part(self._objects[0], goal, True), Part(self._tips[0], free, tolerance=_LET_GO_WITHIN_M)]

    def _drawer(self, random: np.random.Generator) -> list[Part]:
        name = self._drawers[0]
        opened = float(random.uniform(_WIDE_M, self._fixtures[name].mechanism.most))
        return [Part(name, np.array([0.0 if self._positions[name][0] > _OPEN_M else opened]))]

    def _lid(self, random: np.random.Generator) -> list[Part]:
        name = self._lids[0]
        opened = float(random.uniform(_WIDE_RAD, self._fixtures[name].mechanism.most))
        return [Part(name, np.array([0.0 if self._positions[name][0] > _OPEN_RAD else opened]))]

    def _into_drawer(self, _: np.random.Generator) -> list[Part]:
        name, item = self._drawers[0], self._objects[0]
        resting = self._positions[item][2] - self._top_m
        goal = self._fixtures[name].floor(0.0) + np.array([0.0, 0.0, resting])
        return [Part(item, goal, True), Part(name, np.zeros(1), tolerance=SHUT_M)]

    def _button(self, _: np.random.Generator) -> list[Part]:
        name = self._buttons[0]
        return [Part(name, np.array([1.0 - self._positions[name][0]]))]

    def _two_alike(self, random: np.random.Generator) -> list[Part]:
        return self._elsewhere(random, self._objects[:2])

    def _fragile(self, random: np.random.Generator) -> list[Part]:
        return self._elsewhere(random, self._objects[:1])

    def _elsewhere(self, random: np.random.Generator, names: list[str]) -> list[Part]:
        """Places on the table for objects, away from where any object is."""
        starts = [self._positions[name] for name in names]
        goals = [np.array([*random.uniform(self._area[0], self._area[1]), start[2]]) for start in starts]
        places = [*goals, *(self._positions[name] for name in self._objects)]
        apart = [np.linalg.norm((a - b)[:2]) for i, a in enumerate(places) for b in places[:i]]
        return [Part(name, goal, True) for name, goal in zip(names, goals)] if min(apart) > _APART_M else []
