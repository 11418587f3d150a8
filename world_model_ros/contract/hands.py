"""Finds the fingertips and grippers that a contract's action moves: axes, action columns, workspace, target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, combinations

import numpy as np

from world_model_ros.contract.actions import Action, Gripper, Parts, TipDisplacement, TipRotation
from world_model_ros.core.arrays import Float

GRIPPER_PARTS = ("tip_displacement", "tip_rotation", "gripper")  # of one hand that grips, in this order


@dataclass(frozen=True, eq=False)
class Hand:
    """A fingertip that the action moves, or a target that is a fingertip; mostly both.

    Args:
        link: of the robot; None of a target without one.
        target: its index among the targets; None if it is none of them.
        axes: index 0 to 2 of each axis of the base frame that the action moves it along; empty if it does not.
        columns: of the action, that displace it.
        box: (2, 3) low and high ends of its workspace, m; zeros if the action does not move it.
    """

    link: str | None
    target: int | None = None
    axes: tuple[int, ...] = ()
    columns: slice = field(default_factory=lambda: slice(0, 0))
    box: Float = field(default_factory=lambda: np.zeros((2, 3)))

    @property
    def low(self) -> Float:
        """Low ends of its workspace on the axes that it moves along."""
        return self.box[0, list(self.axes)]

    @property
    def high(self) -> Float:
        """High ends of its workspace on the axes that it moves along."""
        return self.box[1, list(self.axes)]


def moved_hands(action: Action, links: Sequence[str | None]) -> tuple[Hand, ...]:
    """The fingertips that an action moves, in its order; ``links`` are those of the targets."""
    if isinstance(action, Parts):
        columns = [at for part, at in zip(action.parts, action.columns()) if isinstance(part, TipDisplacement)]
    else:
        ends = accumulate(len(tip.axes) for tip in action.tips)
        columns = [slice(end - len(tip.axes), end) for tip, end in zip(action.tips, ends)]
    found = list[Hand]()
    for tip, at in zip(action.tips, columns):
        target = links.index(tip.link) if tip.link in links else None
        box = np.array(tip.workspace_m, np.float64).T
        box.setflags(write=False)
        found.append(Hand(tip.link, target, tuple("xyz".index(axis) for axis in tip.axes), at, box))
    return tuple(found)


def grippers(action: Action) -> list[Gripper]:
    """The grippers of an action, in its order."""
    return [part for part in action.parts if isinstance(part, Gripper)] if isinstance(action, Parts) else []


def gripper_joints(action: Action) -> set[str]:
    """Joints of the grippers that an action opens and closes."""
    return {joint.name for gripper in grippers(action) for joint in gripper.joints}


def grips(action: Action) -> bool:
    """Whether an action is that of one hand that moves along x, y and z, turns about its own axis, and grips."""
    if not isinstance(action, Parts) or tuple(part.kind for part in action.parts) != GRIPPER_PARTS:
        return False
    turns = next(part for part in action.parts if isinstance(part, TipRotation))
    return action.tips[0].axes == ["x", "y", "z"] and turns.axes == ["yaw"]


def sides(boxes: Sequence[Float] | Float) -> Iterator[tuple[int, int, Float]]:
    """Two of T workspaces (2, 2 or more), and the direction (2,) in the plane from the second's to the first's side, of
    length 1."""
    for (first, one), (second, other) in combinations(enumerate(boxes), 2):
        between = (one.mean(0) - other.mean(0))[:2]
        length = float(np.hypot(*between))
        if length > 1e-6:
            yield first, second, between / length
