"""Notes contract limits beyond the URDF's, and action bounds beyond what the velocity limits allow in a tick."""

from __future__ import annotations

from collections.abc import Iterator

from world_model_ros.contract.actions import (
    FreePart,
    Gripper,
    JointDisplacement,
    Parts,
    TipDisplacement,
    TipRotation,
)
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import JointLimit
from world_model_ros.contract.urdf.numbers import UrdfLimit
from world_model_ros.core.arrays import Float
from world_model_ros.kinematics.link_speed import fastest

_OVER = 1.01  # times what can be reached: more is said


def limit_notes(contract: Contract) -> list[tuple[str, str]]:
    """(what, note) of each limit of the contract that is beyond its URDF's, so that it does not count.

    Args:
        contract: with limits and a URDF that can be read.
    """
    urdf = {joint.name: joint.limit for joint in contract.description.joints}
    ours = {joint.name for joint in contract.interface.joints if joint.unit != "normalised"}
    stated = [each for each in contract.deployment.limits if each.name in urdf.keys() & ours]
    return [(f"deployment.limits: {each.name}", words) for each in stated for words in _beyond(each, urdf[each.name])]


def _beyond(stated: JointLimit, urdf: UrdfLimit) -> Iterator[str]:
    if stated.position is not None and urdf.position is not None:
        ours, theirs = list(stated.position), list(urdf.position)
        slack = (_OVER - 1) * (theirs[1] - theirs[0])
        if ours[0] < theirs[0] - slack or ours[1] > theirs[1] + slack:
            tighter = [max(ours[0], theirs[0]), min(ours[1], theirs[1])]
            yield f"position {ours} goes beyond the URDF's {theirs}; {tighter} counts"
    for name, our, their in (
        ("velocity", stated.velocity, urdf.velocity),
        ("effort", stated.effort, urdf.effort),
    ):
        if our is not None and their is not None and our > _OVER * their:
            yield f"{name} {our:g} is more than the URDF's {their:g}; {their:g} counts"


def bound_notes(contract: Contract) -> list[tuple[str, str]]:
    """(what, note) of each bound of the action that no joint, gripper or fingertip can go as far as in a tick.

    Args:
        contract: with limits and an action that can be carried out.
    """
    return [
        (f"action of {name}", words)
        for name, bound, can, unit in _bounds(contract)
        if bound > _OVER * can
        for words in [
            f"bound {bound:g}{unit} a tick is {bound / can:.2g} times the {can:.2g}{unit} that the velocity limits "
            f"allow in a tick of {contract.tick_s:g} s: what is planned is farther than it can go"
        ]
    ]


def _bounds(contract: Contract) -> Iterator[tuple[str, float, float, str]]:
    """What moves, how far at most in a tick by its bound and by its velocity limits, and the unit."""
    action, limits = contract.interface.action, contract.limits()
    most = dict(zip(limits.names, (limits.velocity * contract.tick_s).tolist()))
    units = {joint.name: f" {joint.unit}" for joint in contract.interface.joints}
    for part in action.parts if isinstance(action, Parts) else (action,):
        if isinstance(part, JointDisplacement):
            for name, bound in zip(part.joints, part.bounds):
                yield name, bound, most[name], units[name]
        elif isinstance(part, Gripper):
            yield part.name, part.bound, min(most[each.name] / abs(each.open - each.closed) for each in part.joints), ""
        elif isinstance(part, TipRotation):
            yield part.link, part.bound_rad, float(_tick(contract, part.link)[3:].max()), " rad"
        elif not isinstance(part, FreePart):
            for tip in (part,) if isinstance(part, TipDisplacement) else part.tips:
                can = _tick(contract, tip.link)[["xyz".index(axis) for axis in tip.axes]]
                yield tip.link, part.bound_m, float(can.min()), " m"


def _tick(contract: Contract, link: str) -> Float:
    """How far a link can go and turn in a tick at best, (6,) m and rad."""
    return fastest(contract, contract.interface.base_frame, link) * contract.tick_s
