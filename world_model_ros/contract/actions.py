"""Action types of a contract: displacement of fingertips or joints, rotation, gripper, free numbers; with bounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import accumulate
from math import inf
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from world_model_ros.contract.field_types import Finite, Name, Positive, Span, Strict, known, once


def _each_once(axes: list[str]) -> list[str]:
    if len(axes) != len(set(axes)):
        raise ValueError("each axis once")
    return axes


Axes = Annotated[list[Literal["x", "y", "z"]], Field(min_length=1), AfterValidator(_each_once)]
Box = tuple[Span, Span, Span]


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


class Displacement(Strict, ABC):
    """Actions of which kinematics make joint motion."""

    @property
    @abstractmethod
    def components(self) -> tuple[str, ...]:
        """A name for each of the C numbers."""

    @property
    def size(self) -> int:
        return len(self.components)

    @property
    def free(self) -> bool:
        """Whether the robot itself makes something of the numbers."""
        return False


class FingertipDisplacement(Displacement):
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


class FingertipsDisplacement(Displacement):
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


def _bounds(value: Any) -> Any:
    each = value if isinstance(value, list) else [value]
    try:
        good = bool(each) and all(not isinstance(one, bool) and 0 < float(one) < inf for one in each)
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise ValueError("a number above 0 for all joints, or a list with one for each")
    return value


class JointDisplacement(Displacement):
    """Action: how far each commanded joint moves in one tick, in the joint's unit, at most ``bound``.

    ``bound`` is one number for all joints, or a list with one for each: slides and turning joints differ.
    """

    kind: Literal["joint_displacement"]
    joints: Annotated[list[str], Field(min_length=1)]
    bound: Annotated[Union[Positive, list[Positive]], BeforeValidator(_bounds)]

    @model_validator(mode="after")
    def _one_each(self) -> JointDisplacement:
        if isinstance(self.bound, list) and len(self.bound) != len(self.joints):
            legal = f"one number, or {len(self.joints)}, one for each of {self.joints}"
            raise ValueError(f"bound: has {len(self.bound)} numbers; legal: {legal}")
        return self

    @property
    def tips(self) -> tuple[Tip, ...]:
        """Fingertips that it displaces: none, it moves joints."""
        return ()

    @property
    def components(self) -> tuple[str, ...]:
        """A name for each of the C numbers."""
        return tuple(self.joints)

    @property
    def bounds(self) -> tuple[float, ...]:
        """The largest of each number, in the joint's unit a tick."""
        return tuple(self.bound) if isinstance(self.bound, list) else (self.bound,) * self.size


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


class TipDisplacement(Tip):
    """How far a commanded fingertip moves in one tick along its axes, at most ``bound_m`` on each.

    It is kept pointing down, with its x axis along that of the base frame, but for what a `TipRotation` turns.
    """

    kind: Literal["tip_displacement"]
    bound_m: Positive

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(f"{self.link}_{axis}" for axis in self.axes)

    @property
    def bounds(self) -> tuple[float, ...]:
        return (self.bound_m,) * len(self.axes)


class TipRotation(Strict):
    """How far a displaced fingertip turns in one tick, at most ``bound_rad`` about each axis.

    ``yaw``: about its own axis, which points down; alone. ``x``, ``y``, ``z``: about axes of the base frame; it is kept
    pointing down no more.
    """

    kind: Literal["tip_rotation"]
    link: str
    axes: Annotated[list[Literal["yaw", "x", "y", "z"]], Field(min_length=1), AfterValidator(_each_once)]
    bound_rad: Annotated[float, Field(gt=0, le=1.0)]

    @model_validator(mode="after")
    def _axes(self) -> TipRotation:
        if "yaw" in self.axes and len(self.axes) > 1:
            raise ValueError("axes: yaw alone, or some of x, y, z")
        return self

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(f"{self.link}_{axis if axis == 'yaw' else f'turn_{axis}'}" for axis in self.axes)

    @property
    def bounds(self) -> tuple[float, ...]:
        return (self.bound_rad,) * len(self.axes)


class GripperJoint(Strict):
    """A joint of a gripper, and where it is when the gripper is closed and open, rad or m."""

    name: str
    closed: Finite
    open: Finite

    @model_validator(mode="after")
    def _apart(self) -> GripperJoint:
        if self.closed == self.open:
            raise ValueError("open: must be another position than closed")
        return self


class Gripper(Strict):
    """How much a gripper opens in one tick, at most ``bound``; 1 is all the way from closed to open.

    Joints that mimic one of ``joints`` follow it by themselves; where each has a motor of its own, all are named.
    """

    kind: Literal["gripper"]
    name: Name = "gripper"
    joints: Annotated[list[GripperJoint], Field(min_length=1)]
    bound: Annotated[float, Field(gt=0, le=1.0)]

    @property
    def components(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def bounds(self) -> tuple[float, ...]:
        return (self.bound,)


Part = Annotated[Union[FreePart, TipDisplacement, TipRotation, Gripper, JointDisplacement], Field(discriminator="kind")]


class Parts(Strict):
    """Action: the numbers of its parts, one part after the other. Either all parts are free, or none is."""

    kind: Literal["parts"]
    parts: Annotated[list[Part], Field(min_length=1)]

    @model_validator(mode="after")
    def _names(self) -> Parts:
        once("parts", list(self.components))
        free = [part.kind == "free" for part in self.parts]
        if any(free) and not all(free):
            raise ValueError("parts: either all of kind free, or none")
        once("parts: tip_displacement: link", [tip.link for tip in self.tips])
        turned = [part.link for part in self.parts if isinstance(part, TipRotation)]
        once("parts: tip_rotation: link", turned)
        known("parts: tip_rotation: link", turned, [tip.link for tip in self.tips])
        once("parts: joints", self.joints)
        return self

    @property
    def tips(self) -> tuple[Tip, ...]:
        """The fingertips that it displaces."""
        return tuple(part for part in self.parts if isinstance(part, TipDisplacement))

    @property
    def joints(self) -> list[str]:
        """Joints that parts name, of grippers and others."""
        grippers = [joint.name for part in self.parts if isinstance(part, Gripper) for joint in part.joints]
        return grippers + [name for part in self.parts if isinstance(part, JointDisplacement) for name in part.joints]

    def columns(self) -> list[slice]:
        """Columns of each part, in order."""
        ends = list(accumulate(len(part.bounds) for part in self.parts))
        return [slice(end - len(part.bounds), end) for part, end in zip(self.parts, ends)]

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
