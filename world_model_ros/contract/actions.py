"""Kinds of action: the numbers that the brain decides about at each tick."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field, model_validator

from world_model_ros.contract.field_types import Name, Positive, Range, Strict, once

Axes = Annotated[list[Literal["x", "y", "z"]], Field(min_length=1)]
Box = tuple[Range, Range, Range]


class Tip(Strict):
    """A fingertip that an action moves: along ``axes`` of the base frame, in the box ``workspace_m`` x, y, z.

    An axis that is not in ``axes`` has equal ends there; the fingertip is held at that value, pointing down.
    """

    link: str
    axes: Axes
    workspace_m: Box

    @model_validator(mode="after")
    def _box(self) -> Tip:
        check_box(self.axes, self.workspace_m)
        return self


class FingertipDisplacement(Strict):
    """Action: how far the commanded fingertip moves in one tick along ``axes`` of the base frame, m.

    ``bound_m`` is the largest displacement a tick on each axis; ``workspace_m`` the legal box of the fingertip x, y, z;
    an axis that is not in ``axes`` has equal ends there, and the fingertip is held at that value, pointing down.
    """

    kind: Literal["fingertip_displacement"]
    frame: str
    link: str
    axes: Axes
    bound_m: Positive
    workspace_m: Box

    @model_validator(mode="after")
    def _box(self) -> FingertipDisplacement:
        check_box(self.axes, self.workspace_m)
        return self

    @property
    def tips(self) -> tuple[Tip, ...]:
        """The fingertips that it moves."""
        return (Tip(link=self.link, axes=self.axes, workspace_m=self.workspace_m),)

    @property
    def components(self) -> tuple[str, ...]:
        """A name for each of the C numbers."""
        return tuple(self.axes)

    @property
    def bounds(self) -> tuple[float, ...]:
        """The largest of each number, m a tick."""
        return (self.bound_m,) * self.size

    @property
    def free(self) -> bool:
        """Whether the robot itself makes something of the numbers; of these kinematics make joint motion."""
        return False

    @property
    def size(self) -> int:
        return len(self.axes)


class FingertipsDisplacement(Strict):
    """Action: how far each of several commanded fingertips moves in one tick, m; their axes one after the other.

    ``bound_m`` is the largest displacement a tick on each axis. No joint may carry two of the fingertips.
    """

    kind: Literal["fingertips_displacement"]
    frame: str
    bound_m: Positive
    fingertips: Annotated[list[Tip], Field(min_length=1)]

    @model_validator(mode="after")
    def _links(self) -> FingertipsDisplacement:
        once("fingertips: link", [tip.link for tip in self.fingertips])
        return self

    @property
    def tips(self) -> tuple[Tip, ...]:
        """The fingertips that it moves."""
        return tuple(self.fingertips)

    @property
    def components(self) -> tuple[str, ...]:
        """A name for each of the C numbers."""
        return tuple(f"{tip.link}_{axis}" for tip in self.fingertips for axis in tip.axes)

    @property
    def bounds(self) -> tuple[float, ...]:
        """The largest of each number, m a tick."""
        return (self.bound_m,) * self.size

    @property
    def free(self) -> bool:
        """Whether the robot itself makes something of the numbers; of these kinematics make joint motion."""
        return False

    @property
    def size(self) -> int:
        return sum(len(tip.axes) for tip in self.fingertips)


class JointDisplacement(Strict):
    """Action: how far each commanded joint moves in one tick, in the joint's unit, at most ``bound``."""

    kind: Literal["joint_displacement"]
    joints: Annotated[list[str], Field(min_length=1)]
    bound: Positive

    @property
    def tips(self) -> tuple[Tip, ...]:
        """None: it moves joints."""
        return ()

    @property
    def components(self) -> tuple[str, ...]:
        """A name for each of the C numbers."""
        return tuple(self.joints)

    @property
    def bounds(self) -> tuple[float, ...]:
        """The largest of each number, in the joint's unit a tick."""
        return (self.bound,) * self.size

    @property
    def free(self) -> bool:
        """Whether the robot itself makes something of the numbers; of these kinematics make joint motion."""
        return False

    @property
    def size(self) -> int:
        return len(self.joints)


class FreeColumn(Strict):
    """One number of a free part: its name, its largest absolute value, and its unit in words."""

    name: Name
    bound: Positive
    unit: str | None = None


class FreePart(Strict):
    """Numbers that the robot itself makes something of: nothing here knows what they move."""

    kind: Literal["free"]
    columns: Annotated[list[FreeColumn], Field(min_length=1)]

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def bounds(self) -> tuple[float, ...]:
        return tuple(column.bound for column in self.columns)


class Parts(Strict):
    """Action: the numbers of its parts, one part after the other."""

    kind: Literal["parts"]
    parts: Annotated[list[FreePart], Field(min_length=1)]

    @model_validator(mode="after")
    def _names(self) -> Parts:
        once("parts: columns: name", list(self.components))
        return self

    @property
    def tips(self) -> tuple[Tip, ...]:
        """None: no part displaces a fingertip."""
        return ()

    @property
    def components(self) -> tuple[str, ...]:
        """A name for each of the C numbers."""
        return tuple(name for part in self.parts for name in part.components)

    @property
    def bounds(self) -> tuple[float, ...]:
        """The largest of each number."""
        return tuple(bound for part in self.parts for bound in part.bounds)

    @property
    def free(self) -> bool:
        """Whether the robot itself makes something of all numbers, so that no kinematics are needed."""
        return all(part.kind == "free" for part in self.parts)

    @property
    def size(self) -> int:
        return len(self.bounds)


Action = Annotated[
    Union[FingertipDisplacement, FingertipsDisplacement, JointDisplacement, Parts], Field(discriminator="kind")
]


def check_box(axes: list[Literal["x", "y", "z"]], workspace_m: Box) -> None:
    """Free axes have room, the others have one value; `ValueError` where not."""
    for axis, (low, high) in zip("xyz", workspace_m):
        if axis in axes and not low < high:
            raise ValueError(f"workspace_m: {axis} is a free axis, so its low end must be below its high end")
        if axis not in axes and low != high:
            raise ValueError(f"workspace_m: {axis} is not in axes, so both its ends must be the same height")
