"""Fingertips that a planner moves: targets, columns of the action, workspaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import hypot

from world_model_ros.contract.schema import Interface


@dataclass(frozen=True)
class Finger:
    """A target that is a fingertip.

    Args:
        target: its index.
        axes: index 0..2 of each axis that the action moves it along; empty if it does not.
        begin: first of its columns of the action.
        low, high: ends of its workspace on these axes, m.
        middle: of its workspace, x and y, m; None if the action does not move it.
    """

    target: int
    axes: tuple[int, ...] = ()
    begin: int = 0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    middle: tuple[float, float] | None = None

    @property
    def part(self) -> slice:
        """Its columns of the action."""
        return slice(self.begin, self.begin + len(self.axes))


def fingers_of(interface: Interface) -> list[Finger]:
    """Every target that is a fingertip, in the order of the targets."""
    moved: dict[str, Finger] = {}
    at = 0
    for tip in interface.action.tips:
        axes = tuple("xyz".index(axis) for axis in tip.axes)
        low, high = (tuple(tip.workspace_m[axis][end] for axis in axes) for end in (0, 1))
        middle = tuple(0.5 * sum(tip.workspace_m[axis]) for axis in (0, 1))
        moved[tip.link] = Finger(-1, axes, at, low, high, (middle[0], middle[1]))
        at += len(axes)
    found = []
    for k, target in enumerate(interface.targets):
        if target.kind == "fingertip":
            known = moved.get(target.link or "", Finger(-1))
            found.append(replace(known, target=k))
    return found


def pairs(fingers: Sequence[Finger]) -> Iterator[tuple[int, int, tuple[float, float]]]:
    """Two fingers that are moved, and the direction in the plane from the second's side to the first's, of length 1."""
    for (i, first), (j, second) in combinations(enumerate(fingers), 2):
        if first.middle is None or second.middle is None:
            continue
        x, y = first.middle[0] - second.middle[0], first.middle[1] - second.middle[1]
        if hypot(x, y) > 1e-6:
            yield i, j, (x / hypot(x, y), y / hypot(x, y))
