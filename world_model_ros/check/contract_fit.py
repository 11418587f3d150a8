"""Checks, without the robot, that a contract is complete and fits its URDF: joints, limits, workspaces, gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from world_model_ros.check.driver_fit import driver_fit
from world_model_ros.check.gate_fit import gate_fit
from world_model_ros.check.limits_fit import bound_notes, limit_notes
from world_model_ros.contract.actions import Tip
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.drafting.placeholders import marks
from world_model_ros.contract.hands import Hand
from world_model_ros.contract.schema import Joint
from world_model_ros.contract.urdf.description import UrdfJoint
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.core.errors import UserError
from world_model_ros.gate.factory import gate_for
from world_model_ros.kinematics.link_reach import reach_m
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.kinematics.tool_down_reach import tool_down_reach

_FEW = 0.5  # of the places of a workspace
_UNSEEN = 0.1  # of what a tip reaches, that random postures may have left out at either end


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``wrong`` is None if it fits, else what is to be changed; ``note``: fits, but."""

    what: str
    wrong: str | None = None
    note: str | None = None


def check_contract(contract: Contract) -> list[Finding]:
    """Marks that are left, message types, fields of the driver, the URDF, limits, motion, workspaces, and the gate."""
    found = [Finding(f"line {mark.line}", f"to fill in: {mark.words}") for mark in marks(contract.text)]
    for stream in contract.interface.streams:
        source = contract.source(stream.name)
        found.append(_tried(f"stream {stream.name}", partial(converter_for, stream, source)))
    found += [_finding(*each) for each in driver_fit(contract)]
    if contract.deployment.urdf is not None:
        found += _against_urdf(contract)
    if contract.deployment.urdf is not None or contract.deployment.limits:
        found.append(_tried("limits", contract.limits))
        if found[-1].wrong is None and contract.deployment.urdf is not None:
            found += [Finding(what, note=note) for what, note in limit_notes(contract)]
    if contract.interface.action.free:
        return found  # nothing here moves it
    found.append(_tried("action", lambda: motion_for(contract)))
    if found[-1].wrong is None and contract.deployment.urdf is not None:
        found += [Finding(what, note=note) for what, note in bound_notes(contract)]
        found += [
            _tried(f"workspace of {tip.link}", partial(_meets, tip, contract)) for tip in contract.interface.action.tips
        ]
        if not any(each.wrong for each in found if each.what.startswith("workspace of ")):
            found += [tool_down_finding(contract, hand) for hand in contract.interface.hands if hand.axes]
    if contract.deployment.command is not None:
        found.append(_tried("gate", lambda: gate_for(contract)))
        if found[-1].wrong is None:
            found += [_finding(*each) for each in gate_fit(contract)]
    return found


def _against_urdf(contract: Contract) -> Iterator[Finding]:
    try:
        description = contract.description
    except UserError as error:
        yield Finding("urdf", str(error))
        return
    known = {joint.name: joint for joint in description.joints}
    for ours in contract.interface.joints:
        yield _tried(f"joint {ours.name}", partial(_joint_fits, ours, known))
    links = [contract.interface.base_frame]
    links += [target.link for target in contract.interface.targets if target.link is not None]
    for link in links:
        there = link in description.links
        legal = f"a link of the URDF: {list(description.links)}"
        yield Finding(f"link {link}", None if there else str(UserError("link", link, legal)))


def _joint_fits(ours: Joint, known: dict[str, UrdfJoint]) -> None:
    """`UserError` if the URDF's joint of that name cannot be commanded as the contract says."""
    joint = known.get(ours.name)
    if joint is None:
        legal = [each.name for each in known.values() if each.commanded]
        raise UserError("interface.joints", ours.name, f"a joint of the URDF: {legal}")
    if joint.mimics is not None:
        raise UserError("interface.joints", ours.name, f"the joint that it mimics, {joint.mimics!r}")
    if not joint.commanded:
        raise UserError("interface.joints", f"{ours.name} ({joint.kind})", "a revolute, continuous or prismatic joint")
    if ours.unit not in (joint.unit, "normalised"):
        raise UserError(f"interface.joints: {ours.name}: unit", ours.unit, joint.unit)


def _meets(tip: Tip, contract: Contract) -> None:
    """`UserError` if a fingertip comes nowhere near its workspace along some axis."""
    reach = reach_m(contract, contract.interface.base_frame, tip.link)
    for axis, (low, high), (least, most) in zip("xyz", tip.workspace_m, reach.tolist()):
        beyond = _UNSEEN * (most - least)
        if low > most + beyond or high < least - beyond:
            legal = f"along {axis} some of the {least:.2f} to {most:.2f} m that {tip.link} reaches"
            raise UserError("interface.action: workspace_m", [low, high], legal)


def tool_down_finding(contract: Contract, hand: Hand) -> Finding:
    """Whether the arm can hold a fingertip as its action needs it, where it may work: wrong if nowhere."""
    what, reach = f"tool down at {hand.link}", tool_down_reach(contract, hand)
    if not reach.reached:
        return Finding(what, reach.words)
    return Finding(what, note=reach.words if reach.reached < _FEW * reach.places else None)


def _finding(what: str, wrong: UserError | None, note: str | None) -> Finding:
    return Finding(what, None if wrong is None else str(wrong), note)


def _tried(what: str, build: Callable[[], object]) -> Finding:
    try:
        build()
    except UserError as error:
        return Finding(what, str(error))
    return Finding(what)
