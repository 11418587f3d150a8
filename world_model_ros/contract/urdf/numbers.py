"""Reads joint limits and collision shapes of a URDF; a bad number is an error, a limit of 0 counts as not stated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree

from world_model_ros.core.errors import UserError

_SHAPES = {"box": {"size": 3}, "cylinder": {"radius": 1, "length": 1}, "sphere": {"radius": 1}, "mesh": {}}
_LARGEST = 1e30  # from here on sums and products overflow


@dataclass(frozen=True)
class UrdfLimit:
    """Limits of one joint in rad (m for slides), s and N m (N); None where the URDF is silent.

    Exporters write 0 for what was not filled in: a velocity or an effort of 0, and a position of 0 to 0, count as not
    stated, and ``zeros`` names them, so that a contract has to say them.
    """

    position: tuple[float, float] | None
    velocity: float | None
    effort: float | None
    zeros: tuple[str, ...] = ()


def urdf_limit(joint: ElementTree.Element) -> UrdfLimit:
    """Limits of a ``<joint>`` that moves, soft position limits (``<safety_controller>``) included.

    Raises:
        UserError: a number that is none, not finite, or negative where it cannot be; a lower limit that is not below
            the upper one; soft limits outside of the hard ones.
    """
    where = f"urdf: joint {joint.attrib.get('name')}: limit"
    found = joint.find("limit")
    stated = {} if found is None else found.attrib
    values = {
        name: number(stated[name], f"{where}: {name}")
        for name in ("lower", "upper", "velocity", "effort")
        if name in stated
    }
    zeros = [name for name in ("velocity", "effort") if values.get(name) == 0.0]
    for name in ("velocity", "effort"):
        if values.get(name, 0.0) < 0.0:
            raise UserError(f"{where}: {name}", stated[name], "a number above 0; left out or 0 where it is not known")
    position = None
    if joint.attrib.get("type") != "continuous":
        if "lower" in values or "upper" in values:
            hard = values.get("lower", 0.0), values.get("upper", 0.0)
            position = _range(hard, where)
            zeros += [] if position else ["position"]
        position = _soft(joint, position)
    return UrdfLimit(position, values.get("velocity") or None, values.get("effort") or None, tuple(zeros))


def number(text: str, where: str) -> float:
    """A finite number as XML writes it; `UserError` with ``where`` for anything else."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise UserError(where, text, "a finite number, with a point for decimals")
    if not abs(value) < _LARGEST:
        raise UserError(where, text, f"a number below {_LARGEST:g}")
    return value


def numbers(element: ElementTree.Element, attribute: str, count: int, where: str) -> tuple[float, ...] | None:
    """So many numbers apart by blanks; None if the attribute is not there."""
    text = element.attrib.get(attribute)
    if text is None:
        return None
    parts = text.split()
    if len(parts) != count:
        raise UserError(f"{where}: {element.tag}: {attribute}", text, f"{count} numbers")
    return tuple(number(part, f"{where}: {element.tag}: {attribute}") for part in parts)


def check_collision(element: ElementTree.Element, where: str) -> None:
    """Raise `UserError` unless a ``<collision>`` is a shape that can be watched: parsers drop, without an error, all
    shapes of a link of which they cannot read one."""
    for origin in element.findall("origin"):
        numbers(origin, "xyz", 3, where)
        numbers(origin, "rpy", 3, where)
    shapes = [shape for geometry in element.findall("geometry") for shape in geometry]
    if len(shapes) != 1 or shapes[0].tag not in _SHAPES:
        raise UserError(f"{where}: geometry", [str(shape.tag) for shape in shapes], f"one of {list(_SHAPES)}")
    (shape,) = shapes
    for attribute, count in _SHAPES[shape.tag].items():
        size = numbers(shape, attribute, count, where)
        if size is None or min(size) <= 0.0:
            raise UserError(f"{where}: {shape.tag}: {attribute}", shape.attrib.get(attribute), "a length above 0, m")
    if shape.tag == "mesh" and 0.0 in (numbers(shape, "scale", 3, where) or ()):
        raise UserError(f"{where}: mesh: scale", shape.attrib["scale"], "a factor for each axis, not 0")
    if shape.tag == "mesh" and not shape.attrib.get("filename"):
        raise UserError(f"{where}: mesh", "no filename", "<mesh filename=...>")


def _range(ends: tuple[float, float], where: str) -> tuple[float, float] | None:
    """A range; None for 0 to 0."""
    if ends == (0.0, 0.0):
        return None
    if not ends[0] < ends[1]:
        raise UserError(where, f"lower {ends[0]:g}, upper {ends[1]:g}", "a lower limit below the upper one")
    return ends


def _soft(joint: ElementTree.Element, hard: tuple[float, float] | None) -> tuple[float, float] | None:
    """The range inside soft limits, where there are some."""
    found, where = joint.find("safety_controller"), f"urdf: joint {joint.attrib.get('name')}: safety_controller"
    keys = ("soft_lower_limit", "soft_upper_limit")
    if found is None or not any(key in found.attrib for key in keys):
        return hard
    soft = [number(found.attrib[key], f"{where}: {key}") if key in found.attrib else None for key in keys]
    if all(value in (None, 0.0) for value in soft):
        return hard
    low, high = hard or (-math.inf, math.inf)
    inside = max(low, low if soft[0] is None else soft[0]), min(high, high if soft[1] is None else soft[1])
    if not inside[0] < inside[1]:
        raise UserError(where, dict(found.attrib), f"soft limits, lower below upper, that meet {hard}")
    return inside if hard else None
