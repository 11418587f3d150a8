"""Draws gripper tasks at a table (stack, drawer, lid, button, tidy up) that fit where objects and fixtures are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.tasks.task import TABLE, Part, TaskKind
from world_model_ros.sim.scenes.draw import Wish
from world_model_ros.sim.scenes.fixtures import placed

# What scenes must be like.
SCENES: dict[TaskKind, Wish] = {"stack": "upright", "two_alike": "alike", "fragile": "fragile", "unseen": "unseen"}
SCENES |= {"messy_table": "messy"}
# Of what a task is about first: m, of a lid rad, and of a button half of what it changes by.
TABLE_TOLERANCES: dict[TaskKind, float] = {
    "stack": 0.02,
    "drawer": 0.01,
    "into_drawer": 0.045,
    "button": 0.5,
    "two_alike": 0.02,
    "fragile": 0.02,
    "lid": 0.1,
    "messy_table": 0.04,
}
TABLE_TIMEOUTS_S: dict[TaskKind, float] = {
    "stack": 40.0,
    "drawer": 40.0,
    "into_drawer": 90.0,
    "button": 20.0,
    "two_alike": 80.0,
    "fragile": 40.0,
    "lid": 40.0,
    "messy_table": 315.0,
}
SHUT_M = 0.01  # a drawer that is closed
LET_GO_M, LET_GO_WITHIN_M = 0.08, 0.04  # of the fingertip over what it has stacked
_BALL, _UNFAMILIAR = 1, 4  # numbers of these objects on a messy table
_OPEN_M = 0.03  # a drawer that is to be closed
_WIDE_M = 0.06  # the least that one is to be opened
_OPEN_RAD, _WIDE_RAD = 0.3, 0.7  # the same of a lid
_APART_M = 0.1  # between the places of two objects, old and new
_LONG_APART_M = 0.125  # the same of what may be long
_TIGHT = 0.85  # of that, where there is no more room
_PLACES = 400  # to choose one from
_FEW = 2  # objects that leave room in their area
_EDGE_M, _ASIDE_M, _LONG_ASIDE_M = 0.03, 0.06, 0.1  # from the edge of the workspace, and from fixtures


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
        self._standing = [fixture.swept for fixture in self._fixtures.values()]  # low and high of each
        for shelf in [] if simulation is None else simulation.shelves:
            low, high = np.array(shelf.area_m).T
            self._standing.append((low, high))
        self._cloth = simulation is not None and simulation.cloth_m is not None
        self._hands = contract.interface.hands
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
            "messy_table": (
                bool(len(self._objects) > _UNFAMILIAR and self._tips and self._drawers and self._cloth),
                "a fingertip, five objects and a drawer of deployment.simulation among the targets, and a cloth",
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
        drawn: dict[str, Callable[[np.random.Generator], list[Part]]] = {
            "stack": self._stack,
            "drawer": self._drawer,
            "lid": self._lid,
            "into_drawer": self._into_drawer,
            "button": self._button,
            "two_alike": self._two_alike,
            "fragile": self._fragile,
            "messy_table": self._messy_table,
        }
        return drawn[kind](random)

    def _stack(self, _: np.random.Generator) -> list[Part]:
        above, below = (self._positions[name] for name in self._objects[:2])
        goal = np.array([*below[:2], above[2] + 2.0 * (below[2] - self._top_m)])
        free = goal + np.array([0.0, 0.0, LET_GO_M])
        return [Part(self._objects[0], goal, True), Part(self._tips[0], free, tolerance=LET_GO_WITHIN_M)]

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

    def _messy_table(self, random: np.random.Generator) -> list[Part]:
        names = self._objects[: _UNFAMILIAR + 1]
        ball, *others = names[_BALL], *(name for name in names if name != names[_BALL])
        places = {part.target: part for part in self._elsewhere(random, others)}
        if not places:
            return []
        drawer = self._drawers[0]
        floor = self._fixtures[drawer].floor(0.0)
        inside = floor + np.array([0.0, 0.0, self._positions[ball][2] - self._top_m])
        places[ball] = Part(ball, inside, True, tolerance=TABLE_TOLERANCES["into_drawer"])
        places[names[_UNFAMILIAR]] = replace(places[names[_UNFAMILIAR]], symmetry=2)
        return [*(places[name] for name in names), Part(drawer, np.zeros(1), tolerance=SHUT_M)]

    def _elsewhere(self, random: np.random.Generator, names: list[str]) -> list[Part]:
        """Places on the table for objects, away from where any object is; what may be long comes first."""
        goals: dict[str, Float] = {}
        for name in sorted(names, key=lambda each: not self._is_long(each)):
            others = np.array([*goals.values(), *(self._positions[each] for each in self._objects)])[:, :2]
            long = self._is_long(name)
            places = self._free_places(random, _LONG_ASIDE_M if long else _ASIDE_M)
            apart = np.linalg.norm(places[:, None] - others, axis=-1).min(1)
            wanted = _LONG_APART_M if long else _APART_M
            if apart.max() <= (_TIGHT * wanted if self._many else wanted):
                return []
            chosen = places[apart > wanted][0] if apart.max() > wanted else places[apart.argmax()]
            goals[name] = np.array([*chosen, self._positions[name][2]])
        return [Part(name, goals[name], True) for name in names]

    @property
    def _many(self) -> bool:
        """Whether there are more objects than leave room in their area."""
        return len(self._objects) > _FEW and bool(self._hands)

    def _is_long(self, name: str) -> bool:
        return name in self._objects[_UNFAMILIAR : _UNFAMILIAR + 1]

    def _free_places(self, random: np.random.Generator, aside_m: float) -> Float:
        """Places (n, 2) in the area for objects; where there are many, anywhere on the table that far from fixtures."""
        if not self._many:
            return random.uniform(self._area[0], self._area[1], (1, 2))
        low, high = self._hands[0].box[0, :2] + _EDGE_M, self._hands[0].box[1, :2] - _EDGE_M
        places = random.uniform(low, high, (_PLACES, 2))
        for least, most in self._standing:
            inside = (places > least - aside_m) & (places < most + aside_m)
            places = places[~inside.all(1)]
        return places
