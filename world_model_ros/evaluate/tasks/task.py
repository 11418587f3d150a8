"""Tasks (a target, a place, a tolerance, a time limit), and the judge that says whether one was reached."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin
from typing import Any, Literal, get_args

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal
from world_model_ros.core.orientation import apart_rad

# New ones last: the seed of a goal counts them.
TaskKind = Literal[
    "pose",
    "image",
    "push",
    "push_image",
    "together",
    "steady",
    "grasp",
    "place",
    "place_turned",
    "stack",
    "drawer",
    "into_drawer",
    "button",
    "two_alike",
    "fragile",
    "unseen",
    "lid",
    "messy_table",
]

PUSHES: tuple[TaskKind, ...] = ("push", "push_image", "steady")
CARRIES: tuple[TaskKind, ...] = ("grasp", "place", "place_turned", "unseen")
LIFTS: tuple[TaskKind, ...] = ("grasp", "unseen")  # into the air
# Of a table with several things, or with one that breaks.
TABLE: tuple[TaskKind, ...] = ("stack", "drawer", "into_drawer", "button", "two_alike", "fragile", "lid", "messy_table")
PICTURES: tuple[TaskKind, ...] = ("image", "push_image")
_UPRIGHT, _ANYHOW = (0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.0)
_TURNED_RAD = float(np.radians(10.0))


@dataclass(frozen=True)
class Part:
    """A target, and where it has to be, (3,), m, base frame; or (1,), the value of something articulated in its unit.

    Args:
        height: whether an object's height is judged.
        yaw: that it has to have, rad; None where it may have any. symmetry: how many turns of it look the same.
        tolerance: largest error that counts, in its unit; None is that of the task.
    """

    target: str
    position: Float
    height: bool = False
    yaw: float | None = None
    symmetry: int = 1
    tolerance: float | None = None

    def error_m(self, position: Float) -> float:
        """Distance of the target at (3,) m from there; horizontal for an object whose height is not judged. Of a value
        (1,) how much it differs."""
        axes = 2 if self.target.startswith("object") and not self.height else 3
        return float(np.linalg.norm((position[:3] - self.position)[:axes]))

    @property
    def is_value(self) -> bool:
        """Whether it is about something articulated."""
        return len(self.position) == 1

    @property
    def wish(self) -> PoseGoal | ValueGoal:
        """What a goal says about it."""
        if self.is_value:
            return ValueGoal(self.target, float(self.position[0]))
        turn = self.turn if self.height else _UPRIGHT
        return PoseGoal(self.target, np.array([*self.position, *turn], np.float32))

    @property
    def words(self) -> str:
        """The target, and where to."""
        if self.is_value:
            return f"{self.target} to {self.position[0]:.2f}"
        return f"{self.target} to ({self.position[0]:.2f}, {self.position[1]:.2f})"

    def turned_rad(self, pose: Float) -> float:
        """How far the target at (3,) or (7,) is from its yaw; none where it may have any."""
        return 0.0 if self.yaw is None else apart_rad(self.turn, pose[3:], "yaw", self.symmetry)

    @property
    def turn(self) -> tuple[float, ...]:
        """Quaternion x y z w; zeros where it may have any."""
        return _ANYHOW if self.yaw is None else (0.0, 0.0, sin(0.5 * self.yaw), cos(0.5 * self.yaw))


@dataclass(frozen=True)
class Task:
    """Something to bring about, and when it counts as done.

    Args:
        kind: ``pose``: a target's pose is given; ``image``: a picture of the goal; ``push``: an object's pose;
            ``push_image``: a picture that shows the object elsewhere; ``together``: poses of all fingertips at once;
            ``steady``: an object's pose, and on its far side that of a fingertip which stands by there as a stop;
            ``grasp``: an object's place in the air; ``place``: one elsewhere on the table, in the hand or not;
            ``place_turned``: with a yaw within 10 degrees; ``stack``: an object's place on another one, and the
            fingertip's above both; ``drawer``: how far one is open; ``into_drawer``: an object's place in one that is
            closed; ``button``: whether one is on; ``two_alike``: places of two objects that look the same; ``fragile``:
            that of one that breaks, elsewhere on the table; ``unseen``: as ``grasp``, of an object with a shape that no
            data was gathered with; ``lid``: how far that of a box is open;
            ``messy_table``: places of a glass, a ball, two blocks and an object of an unfamiliar shape, of which the
            ball's is in a drawer that is closed.
        target: name of the target that it is about.
        position: where it has to be, (3,), m, base frame, or (1,) of a value. The height of an object that is pushed is
            not judged.
        tolerance_m: largest error that counts, of every part that has none of its own.
        timeout_s: time for it.
        hold_s: how long the errors must stay within the tolerance.
        also: what else has to be somewhere at the same time.
        yaw: see `Part`. symmetry: see `Part`.
    """

    kind: TaskKind
    target: str
    position: Float
    tolerance_m: float
    timeout_s: float
    hold_s: float = 0.5
    also: tuple[Part, ...] = ()
    yaw: float | None = None
    symmetry: int = 1

    def __str__(self) -> str:
        places = [part.words for part in self.parts]
        if self.kind in TABLE:
            return f"{self.kind.replace('_', ' ')}: bring {' and '.join(places)}"
        place = f"({self.position[0]:.2f}, {self.position[1]:.2f})"
        return {
            "pose": f"bring the {places[0]}",
            "image": f"match a picture that shows the {self.target} at {place}",
            "push": f"push {places[0]}",
            "push_image": f"match a picture that shows {self.target} at {place}",
            "together": f"bring {' and '.join(places)} at once",
            "grasp": f"lift {self.target} to {place[:-1]}, {self.position[2]:.2f})",
            "unseen": f"lift {self.target}, of an unfamiliar shape, to {place[:-1]}, {self.position[2]:.2f})",
            "place": f"place {self.target} at {place}",
            "place_turned": f"place {self.target} at {place}, turned to {self.yaw or 0.0:.2f} rad",
            "steady": f"push {places[0]} with one hand, steadied by the other: {', '.join(places[1:])}",
        }[self.kind]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that is judged, what it is about first."""
        height = self.kind in (*CARRIES, *TABLE)
        return (Part(self.target, self.position, height, self.yaw, self.symmetry), *self.also)


def task_kinds(text: str) -> tuple[TaskKind, ...]:
    """Kinds from a comma separated list; `UserError` for one that is unknown."""
    legal = get_args(TaskKind)
    kinds = tuple(part.strip() for part in text.split(",") if part.strip())
    for kind in kinds:
        if kind not in legal:
            raise UserError("goals", kind, f"a comma separated list of {list(legal)}")
    if not kinds:
        raise UserError("goals", text, f"at least one of {list(legal)}")
    return kinds  # type: ignore[return-value]


def task_goal(task: Task, stamp_ns: int) -> Goal:
    """The goal of a task that is given by poses and values."""
    return Goal.of([part.wish for part in task.parts], stamp_ns)


@dataclass(frozen=True)
class Verdict:
    """How a task ended.

    Args:
        reached: held within the tolerance for long enough, in time.
        error_m: if reached, the largest error while it was held; otherwise the last error seen.
        seconds: from the goal until it was held, or until time was up.
    """

    reached: bool
    error_m: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{'reached' if self.reached else 'NOT reached'} in {self.seconds:.1f} s, {self.error_m * 100:.1f} cm off"
        )


def task_record(task: Task, verdict: Verdict, away_m: float) -> dict[str, Any]:
    """A task and how it ended, for JSON. away_m: how far its target was at the start."""
    return {
        "kind": task.kind,
        "reached": verdict.reached,
        "error_m": round(verdict.error_m, 5),
        "seconds": round(verdict.seconds, 3),
        "target": task.target,
        "goal": task.position.round(4).tolist(),
        "away_m": round(away_m, 4),
        "tolerance_m": task.tolerance_m,
    } | ({"also": {part.target: part.position.round(4).tolist() for part in task.also}} if task.also else {})


class Judge:
    """Watches targets until their task is reached or time is up.

    Args:
        task: what is judged.
        start_ns: when the goal was given.
    """

    def __init__(self, task: Task, start_ns: int) -> None:
        self.task = task
        self._start_ns = start_ns
        self._parts = {part.target: part for part in task.parts}
        self._last_ns = dict.fromkeys(self._parts, start_ns)
        self._errors_m = dict.fromkeys(self._parts, float("nan"))
        self._turned_rad = dict.fromkeys(self._parts, 0.0)
        self._within_since_ns: int | None = None
        self._worst_m = 0.0

    @property
    def _error_m(self) -> float:
        """Of the part that is farthest off; not a number until all were seen."""
        return float(np.max(list(self._errors_m.values())))

    def see(self, stamp_ns: int, target: str, position: Float) -> None:
        """A measured position (3,), pose (7,) or value (1,) of a target; a pose where a yaw is judged.

        One that the task is not about, stamps that are older than the last of that target, and what comes too late are
        ignored.
        """
        if target not in self._parts:
            return
        late = stamp_ns - self._start_ns > self.task.timeout_s * 1e9
        if late or stamp_ns <= self._last_ns[target] or self.verdict(min(self._last_ns.values())) is not None:
            return
        self._last_ns[target] = stamp_ns
        self._errors_m[target] = self._parts[target].error_m(position)
        self._turned_rad[target] = self._parts[target].turned_rad(position)
        error_m = self._error_m
        if not self._within() or max(self._turned_rad.values()) > _TURNED_RAD:
            self._within_since_ns = None
        elif self._within_since_ns is None:
            self._within_since_ns = stamp_ns
            self._worst_m = error_m
        else:
            self._worst_m = max(self._worst_m, error_m)

    def _within(self) -> bool:
        """Whether every part is as near as it has to be."""
        most = {
            name: self.task.tolerance_m if part.tolerance is None else part.tolerance
            for name, part in self._parts.items()
        }
        return all(error_m <= most[name] for name, error_m in self._errors_m.items())

    def verdict(self, now_ns: int) -> Verdict | None:
        """The verdict, or None while it is open. A target that is no longer seen cannot reach anything."""
        since_ns, last_ns = self._within_since_ns, min(self._last_ns.values())
        if since_ns is not None and (last_ns - since_ns) * 1e-9 >= self.task.hold_s:
            return Verdict(True, self._worst_m, (last_ns - self._start_ns) * 1e-9)
        over = (now_ns - self._start_ns) * 1e-9 >= self.task.timeout_s
        return self.failed(now_ns) if over else None

    def failed(self, now_ns: int) -> Verdict:
        """The verdict of a task that cannot be reached any more."""
        return Verdict(False, self._error_m, (now_ns - self._start_ns) * 1e-9)
