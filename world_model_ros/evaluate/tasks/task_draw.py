"""Draws tasks from a seed and the places of things; says which kinds of tasks suit a robot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import get_args

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import Hand, grips
from world_model_ros.contract.senses import CameraStream
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.tasks.table_tasks import TABLE_TIMEOUTS_S, TABLE_TOLERANCES, TableTasks, table_kinds
from world_model_ros.evaluate.tasks.task import (
    CARRIES,
    LIFTS,
    PICTURES,
    PUSHES,
    TABLE,
    Part,
    Task,
    TaskKind,
    task_kinds,
)
from world_model_ros.goals.hands import APART_M, STANDOFF_M, STOP_M, Hands

AWAY_M = 0.08  # a goal is at least this far from where its target is
_EDGE_M = 0.03  # and this far from the edge of the workspace
_PUSH_EDGE_M = 0.07  # room for the fingertip on the far side of an object
_CLEAR_M = 0.10  # between a fingertip's goal and the middle of an object, or another fingertip
_ASIDE_M = 0.03  # beyond what hands must keep to their sides
_PUSH_M = (AWAY_M, 0.12)
_DRAWS = 10_000
_SHELVED_SHARE, _FROM_EDGE_M = 0.5, 0.03  # of what is placed, if there are shelves; between its middle and their edge
LIFTED_M = 0.03  # how near to its goal what is lifted counts as there
_LIFT_M, _SIDEWAYS_M = (0.08, 0.16), 0.08
_TOLERANCE_M = dict.fromkeys(get_args(TaskKind), 0.02) | dict.fromkeys(PUSHES, 0.04) | dict.fromkeys(LIFTS, LIFTED_M)
_TOLERANCE_M |= TABLE_TOLERANCES
_TIMEOUT_S = dict.fromkeys(get_args(TaskKind), 15.0) | dict.fromkeys([*PUSHES, *CARRIES], 40.0)
_TIMEOUT_S |= TABLE_TIMEOUTS_S
_HANDS = {"together": 2, "steady": 2}  # how many fingertips a kind takes


def default_kinds(contract: Contract) -> str:
    """The kinds of tasks that a robot is shown with, comma separated."""
    if grips(contract.interface.action):
        return "pose,grasp,place"
    return _seen(contract, "pose,image,push" if len(contract.interface.action.tips) < 2 else "together,steady")


def judged_kinds(contract: Contract) -> str:
    """The kinds of tasks that a robot's brain is judged by, comma separated."""
    if grips(contract.interface.action):
        return ",".join(["pose,grasp,place", *table_kinds(contract)])
    alone = len(contract.interface.action.tips) < 2
    kinds = "pose,image,push,push_image" if alone else "pose,together,push,steady"
    return _seen(contract, kinds)


def _seen(contract: Contract, kinds: str) -> str:
    """Kinds; without a camera none that a picture says."""
    sees = bool(contract.interface.of(CameraStream))
    return ",".join(kind for kind in task_kinds(kinds) if sees or kind not in PICTURES)


def draw_task(kind: TaskKind, seed: int, contract: Contract, positions: Mapping[str, Float]) -> Task:
    """A goal that depends on the seed and on where everything is.

    Args:
        positions: (3,) of every fingertip that the action moves, and of each object that can be seen by its label; (1,)
            of everything articulated.

    Raises:
        UserError: the robot has no such target or no camera, its object has no yaw, or there is no room for the goal.
    """
    if kind in PICTURES and not contract.interface.of(CameraStream):
        raise UserError("goals", kind, "a robot with a camera, for goals that are pictures")
    if kind in CARRIES and not grips(contract.interface.action):
        raise UserError("goals", kind, "a robot with one hand that moves along x, y, z, turns by a yaw, and grips")
    random = np.random.default_rng([seed, get_args(TaskKind).index(kind)])
    drawing = _Drawing(contract, positions)
    table = TableTasks(contract, positions) if kind in TABLE else None
    for _ in range(_DRAWS):
        if table is not None:
            parts = table.draw(random, kind)
        elif kind in CARRIES:
            parts = drawing.carry(random, kind, np.array(contract.simulation.objects_m).T)
        else:
            parts = drawing.push(random, kind) if kind in PUSHES else drawing.reach(random, kind)
        if parts:
            first, *also = parts
            about = _TOLERANCE_M[kind], _TIMEOUT_S[kind]
            task = Task(kind, first.target, first.position, *about, also=tuple(also))
            return replace(task, yaw=first.yaw, symmetry=first.symmetry)
    boxes = [tip.workspace_m for tip in contract.interface.action.tips]
    raise UserError("goals", kind, f"a goal at least {AWAY_M} m away in the workspace {boxes}")


class _Drawing:
    """Draws parts of a task; none where they do not fit."""

    def __init__(self, contract: Contract, positions: Mapping[str, Float]) -> None:
        targets, self._positions = contract.interface.targets, positions
        hands = contract.interface.hands
        self._tips: dict[str, Hand] = {targets[hand.target].name: hand for hand in hands if hand.target is not None}
        self._objects = {
            target.name: positions[target.name]
            for target in targets
            if target.kind == "object" and target.name in positions
        }
        self._hands = Hands.of(list(self._tips.values()))
        simulation = contract.deployment.simulation
        self._shelves = [] if simulation is None else simulation.shelves
        self._symmetries = {target.name: (target.symmetry, target.orientation == "yaw") for target in targets}

    def reach(self, random: np.random.Generator, kind: TaskKind) -> list[Part]:
        """Places for one fingertip, or for all."""
        self._need(kind)
        names = list(self._tips)
        if kind != "together" and len(names) > 1:
            names = [str(random.choice(names))]
        others = {name: self._positions[name] for name in self._tips if name not in names}
        found = dict(others)
        for name in names if kind == "together" else names[:1]:
            box = self._tips[name].box
            position = random.uniform(box[0], box[1])
            clear = all(np.linalg.norm((position - other)[:2]) > _CLEAR_M for other in self._things())
            away = bool(np.linalg.norm(position - self._positions[name]) >= AWAY_M)
            if not (clear and _inside(position, box, _EDGE_M) and away):
                return []
            found[name] = position
        if not self._apart([found[name] for name in self._tips]):
            return []
        return [Part(name, position) for name, position in found.items() if name not in others]

    def carry(self, random: np.random.Generator, kind: TaskKind, area: Float) -> list[Part]:
        """A place for an object: in the air over where it is, or elsewhere in the area (2, 2) on the table."""
        target, start = self._object(kind)
        symmetry, turns = self._symmetries[target]
        if kind == "place_turned" and not turns:
            raise UserError("goals", kind, f"orientation: yaw of {target} in interface.targets")
        yaw = float(random.uniform(-np.pi, np.pi)) / symmetry if kind == "place_turned" else None
        others = [other for name, other in self._positions.items() if name not in (target, *self._tips)]
        if kind in LIFTS:
            sideways = random.uniform(-_SIDEWAYS_M, _SIDEWAYS_M, 2)
            position = start + np.array([*sideways, random.uniform(*_LIFT_M)])
        elif kind == "place" and self._shelves and random.random() < _SHELVED_SHARE:
            position = self._on_a_shelf(random, start)
        else:
            position = np.array([*random.uniform(area[0], area[1]), start[2]])
        away = bool(np.linalg.norm(position - start) >= AWAY_M)
        clear = all(np.linalg.norm((position - other)[:2]) > _CLEAR_M for other in others)
        inside = all(_inside(position, tip.box, _EDGE_M) for tip in self._tips.values())
        inside &= all(position[2] <= tip.box[1, 2] for tip in self._tips.values())
        return [Part(target, position, True, yaw, symmetry)] if away and clear and inside else []

    def _on_a_shelf(self, random: np.random.Generator, start: Float) -> Float:
        """A place (3,) for what stands on the table at ``start`` (3,)."""
        shelf = self._shelves[int(random.integers(len(self._shelves)))]
        low, high = np.array(shelf.area_m).T
        inset = np.minimum(_FROM_EDGE_M, 0.5 * (high - low))
        return np.array([*random.uniform(low + inset, high - inset), start[2] + shelf.height_m])

    def push(self, random: np.random.Generator, kind: TaskKind) -> list[Part]:
        """A place for an object, and perhaps one for the hand that steadies it."""
        target, start = self._object(kind)
        angle = random.uniform(-np.pi, np.pi)
        way = np.array([np.cos(angle), np.sin(angle), 0.0])
        position = start + random.uniform(*_PUSH_M) * way
        behind = start - _PUSH_EDGE_M * way  # where the fingertip begins to push
        others = [other for name, other in self._positions.items() if name not in (target, *self._tips)]
        clear = all(np.linalg.norm((place - other)[:2]) > _CLEAR_M for other in others for place in (position, behind))
        if not clear:
            return []
        # Where another hand stops it on its far side, the pushing one need not get there itself.
        last, margin_m = (position - STANDOFF_M * way, _EDGE_M) if kind == "steady" else (position, _PUSH_EDGE_M)
        for pusher in self._able(behind, last, margin_m):
            if kind != "steady":
                return [Part(target, position)]
            helper = self._hands.helper(pusher, start, position)
            if helper is not None:
                name, tip = list(self._tips.items())[helper]
                stop = np.array([*(position + STOP_M * way)[:2], tip.box[0, 2]])
                free = all(np.linalg.norm((stop - other)[:2]) > _CLEAR_M for other in others)
                if free and _inside(stop, tip.box, _EDGE_M):
                    return [Part(target, position), Part(name, stop)]
        return []

    def _object(self, kind: TaskKind) -> tuple[str, Float]:
        """The object that it is about, and where that is."""
        self._need(kind)
        if not self._objects:
            raise UserError("goals", kind, "a robot with an object in interface.targets that can be moved and judged")
        return next(iter(self._objects.items()))

    def _able(self, behind: Float, last: Float, margin_m: float) -> Iterator[int]:
        """Hands that can push from ``behind`` an object, with ``last`` in their workspace by a margin."""
        for hand, tip in enumerate(self._tips.values()):
            if _inside(last, tip.box, margin_m) and _inside(behind, tip.box, _EDGE_M):
                yield hand

    def _things(self) -> list[Float]:
        return [position for name, position in self._positions.items() if name not in self._tips]

    def _apart(self, places: list[Float]) -> bool:
        """Whether fingertips at these places, one for each, are far from each other and each on its side."""
        sides = all((places[a] - places[b])[:2] @ side > APART_M + _ASIDE_M for a, b, side in self._hands.pairs())
        return sides and all(
            np.linalg.norm((one - other)[:2]) > _CLEAR_M for i, one in enumerate(places) for other in places[:i]
        )

    def _need(self, kind: TaskKind) -> None:
        count = _HANDS.get(kind, 1)
        if len(self._tips) < count:
            legal = f"a robot with {count} fingertips or more that its action moves, among interface.targets"
            raise UserError("goals", kind, legal)


def _inside(position: Float, box: Float, margin_m: float) -> bool:
    """Whether x and y lie in the box (2, 3) with a margin on its free axes."""
    margin = np.where(box[1] > box[0], margin_m, 0.0)
    return bool(np.all((position >= box[0] + margin)[:2]) and np.all((position <= box[1] - margin)[:2]))
