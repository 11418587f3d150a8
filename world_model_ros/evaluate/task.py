"""Goals drawn from a seed, and the judge that says whether one was reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Float

TaskKind = Literal["pose", "image", "push", "push_image"]  # new ones last: the seed of a goal counts them

PUSHES: tuple[TaskKind, ...] = ("push", "push_image")
PICTURES: tuple[TaskKind, ...] = ("image", "push_image")
AWAY_M = 0.08  # a goal is at least this far from where its target is
_EDGE_M = 0.03  # and this far from the edge of the workspace
_PUSH_EDGE_M = 0.07  # room for the fingertip on the far side of an object
_CLEAR_M = 0.10  # between a fingertip's goal and the middle of an object
_PUSH_M = (AWAY_M, 0.12)
_DRAWS = 10_000
_TOLERANCE_M: dict[TaskKind, float] = {"pose": 0.02, "image": 0.02, "push": 0.04, "push_image": 0.04}
_TIMEOUT_S: dict[TaskKind, float] = {"pose": 15.0, "image": 15.0, "push": 40.0, "push_image": 40.0}


@dataclass(frozen=True)
class Task:
    """Something to bring about, and when it counts as done.

    Args:
        kind: ``pose``: a target's pose is given; ``image``: a picture of the goal; ``push``: an object's pose;
            ``push_image``: a picture that shows the object elsewhere.
        target: name of the target that is judged.
        position: where it shall be, (3,), m, base frame. An object's height is not judged.
        tolerance_m: largest error that counts.
        timeout_s: time for it.
        hold_s: how long the error must stay within the tolerance.
    """

    kind: TaskKind
    target: str
    position: Float
    tolerance_m: float
    timeout_s: float
    hold_s: float = 0.5

    def __str__(self) -> str:
        place = f"({self.position[0]:.2f}, {self.position[1]:.2f})"
        return {
            "pose": f"bring the {self.target} to {place}",
            "image": f"match a picture that shows the {self.target} at {place}",
            "push": f"push {self.target} to {place}",
            "push_image": f"match a picture that shows {self.target} at {place}",
        }[self.kind]

    def error_m(self, position: Float) -> float:
        """Distance of a target at (3,) m from its goal; horizontal for a push."""
        axes = 2 if self.kind in PUSHES else 3
        return float(np.linalg.norm((position - self.position)[:axes]))


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


def draw_task(kind: TaskKind, seed: int, contract: Contract, tip: Float, objects: dict[str, Float]) -> Task:
    """A goal that depends on the seed and on where everything is.

    Args:
        tip: (3,) fingertip now, m, base frame.
        objects: (3,) position of each object that can be seen by its label.

    Raises:
        UserError: the robot has no such target, or there is no room for the goal.
    """
    random = np.random.default_rng([seed, get_args(TaskKind).index(kind)])
    wanted = "object" if kind in PUSHES else "fingertip"
    targets = [target.name for target in contract.interface.targets if target.kind == wanted]
    if kind in PUSHES:
        targets = [name for name in targets if name in objects]
    action = contract.interface.action
    if not targets or action.kind != "fingertip_displacement":
        raise UserError("goals", kind, f"a robot with a {wanted} in interface.targets that can be moved and judged")
    target = targets[0]
    box = np.array(action.workspace_m)
    for _ in range(_DRAWS):
        if kind in PUSHES:
            start = objects[target]
            angle = random.uniform(-np.pi, np.pi)
            way = np.array([np.cos(angle), np.sin(angle), 0.0])
            position = start + random.uniform(*_PUSH_M) * way
            behind = start - _PUSH_EDGE_M * way  # where the fingertip begins to push
            others = [other for name, other in objects.items() if name != target]
            clear = all(
                np.linalg.norm((place - other)[:2]) > _CLEAR_M for other in others for place in (position, behind)
            )
            good = clear and _inside(position, box, _PUSH_EDGE_M) and _inside(behind, box, _EDGE_M)
        else:
            position = random.uniform(box[:, 0], box[:, 1])
            clear = all(np.linalg.norm((position - other)[:2]) > _CLEAR_M for other in objects.values())
            good = clear and _inside(position, box, _EDGE_M) and bool(np.linalg.norm(position - tip) >= AWAY_M)
        if good:
            return Task(kind, target, position, _TOLERANCE_M[kind], _TIMEOUT_S[kind])
    raise UserError("goals", kind, f"a goal at least {AWAY_M} m away in the workspace {box.tolist()}")


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
    }


class Judge:
    """Watches a target until its task is reached or time is up.

    Args:
        task: what is judged.
        start_ns: when the goal was given.
    """

    def __init__(self, task: Task, start_ns: int) -> None:
        self.task = task
        self._start_ns = start_ns
        self._last_ns = start_ns
        self._within_since_ns: int | None = None
        self._worst_m = 0.0
        self._error_m = float("nan")

    def see(self, stamp_ns: int, position: Float) -> None:
        """A measured position (3,) of the target. Older stamps than the last, and what comes too late, are ignored."""
        late = stamp_ns - self._start_ns > self.task.timeout_s * 1e9
        if late or stamp_ns <= self._last_ns or self.verdict(self._last_ns) is not None:
            return
        self._last_ns = stamp_ns
        self._error_m = self.task.error_m(position)
        if self._error_m > self.task.tolerance_m:
            self._within_since_ns = None
        elif self._within_since_ns is None:
            self._within_since_ns = stamp_ns
            self._worst_m = self._error_m
        else:
            self._worst_m = max(self._worst_m, self._error_m)

    def verdict(self, now_ns: int) -> Verdict | None:
        """The verdict, or None while it is open. A target that is no longer seen cannot reach anything."""
        since_ns = self._within_since_ns
        if since_ns is not None and (self._last_ns - since_ns) * 1e-9 >= self.task.hold_s:
            return Verdict(True, self._worst_m, (self._last_ns - self._start_ns) * 1e-9)
        seconds = (now_ns - self._start_ns) * 1e-9
        if seconds >= self.task.timeout_s:
            return Verdict(False, self._error_m, seconds)
        return None


def _inside(position: Float, box: Float, margin_m: float) -> bool:
    """Whether x and y lie in the box (3, 2) with a margin on its free axes."""
    margin = np.where(box[:, 1] > box[:, 0], margin_m, 0.0)
    return bool(np.all((position >= box[:, 0] + margin)[:2]) and np.all((position <= box[:, 1] - margin)[:2]))
