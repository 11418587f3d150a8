"""Joint limits that a URDF states."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from world_model_ros.core.errors import UserError


@dataclass(frozen=True)
class UrdfLimit:
    """Limits of one joint in rad (m for slides), s and N m (N); None where the URDF is silent, or says 0."""

    position: tuple[float, float] | None
    velocity: float | None
    effort: float | None


def urdf_limits(path: Path) -> dict[str, UrdfLimit]:
    """Limits by joint name. Continuous joints have no position limit.

    Raises:
        UserError: the file is no URDF, or a limit is no number.
    """
    try:
        root = ElementTree.parse(path).getroot()
        joints = [joint for joint in root.findall("joint") if joint.find("limit") is not None]
        return {joint.attrib["name"]: urdf_limit(joint) for joint in joints}
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise UserError("deployment.urdf", f"{path}: {error}", "a URDF") from error


def urdf_limit(joint: ElementTree.Element) -> UrdfLimit:
    """Limits of a ``<joint>``, soft position limits (``<safety_controller>``) included; `ValueError` for no numbers."""
    found, soft = joint.find("limit"), joint.find("safety_controller")
    stated = {} if found is None else found.attrib
    values = {name: float(stated.get(name, "0")) for name in ("lower", "upper", "velocity", "effort")}
    lower, upper = values["lower"], values["upper"]
    if soft is not None:
        lower = max(lower, float(soft.attrib.get("soft_lower_limit", lower)))
        upper = min(upper, float(soft.attrib.get("soft_upper_limit", upper)))
        if not lower < upper:
            lower, upper = values["lower"], values["upper"]
    bounded = joint.attrib.get("type") != "continuous" and -math.inf < lower < upper < math.inf
    return UrdfLimit(
        (lower, upper) if bounded else None,
        values["velocity"] if 0 < values["velocity"] < math.inf else None,
        values["effort"] if 0 < values["effort"] < math.inf else None,
    )
