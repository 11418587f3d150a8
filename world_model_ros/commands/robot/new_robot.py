"""``world-model new-robot``: writes a contract from a URDF, and says what is still to be filled in."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.output import show

if TYPE_CHECKING:
    from world_model_ros.contract.contract import Contract
    from world_model_ros.contract.drafting.draft import Box
    from world_model_ros.contract.urdf.description import Description, UrdfJoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--urdf", type=Path, required=True, help="URDF file")
    parser.add_argument("--out", type=Path, help="contract to write; <robot>.yaml in this folder without it")
    parser.add_argument("--name", default="", help="of the robot; the URDF's without it")
    parser.add_argument("--joints", default="", help="names or patterns with commas (left_*,waist_yaw); all without it")
    parser.add_argument("--base", default="", help="link that positions are relative to; the root without it")
    parser.add_argument("--tip", default="", help="link whose displacement is the action; joints are without it")
    parser.add_argument(
        "--cameras", default="", help="names with commas; as many as the URDF has without it, at least one"
    )
    parser.add_argument("--depths", default="", help="names of depth cameras with commas; those of the URDF without it")
    parser.add_argument("--tick-hz", type=float, default=10.0, help="how often the brain decides (%(default)s)")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.contract import contract_from_text
    from world_model_ros.contract.drafting.draft import Draft, choose_joints
    from world_model_ros.contract.urdf.description import read_description
    from world_model_ros.core.errors import UserError

    if not 0.1 <= arguments.tick_hz <= 100.0:
        raise UserError("tick-hz", arguments.tick_hz, "0.1 to 100")
    description = read_description(arguments.urdf)
    changed: dict[str, str] = {}
    (name,) = _named("name", [arguments.name] if arguments.name else [], [description.name], changed)
    out: Path = arguments.out or Path(f"{name}.yaml")
    if out.suffix not in (".yaml", ".yml"):
        raise UserError("out", str(out), "a name that ends with .yaml")
    if out.exists() and not arguments.force:
        raise UserError("out", str(out), "a file that is not there yet, or --force to write over it")
    joints = choose_joints(description, _words(arguments.joints))
    base = arguments.base or description.root
    tips = description.tips(tuple(joint.name for joint in joints))
    seeing = (*description.camera_frames, *description.depth_frames)
    tips = tuple(tip for tip in tips if tip not in seeing) or tips
    for option, link in (("base", base), ("tip", arguments.tip)):
        if link and link not in description.links:
            raise UserError(option, link, f"a link of the URDF: {list(description.links)}")
    if arguments.tip and arguments.tip not in _carried(description, joints):
        raise UserError("tip", arguments.tip, f"a link that the joints move, such as {list(tips)}")
    if base in _carried(description, joints):
        raise UserError("base", base, f"a link that the joints do not move, such as {description.root}")
    above = description.above(arguments.tip) if arguments.tip else ()
    carrying = tuple(joint.name for joint in joints if joint in above)
    cameras = _named("cameras", _words(arguments.cameras), description.camera_frames or ("camera",), changed)
    depths = _named("depths", _words(arguments.depths), description.depth_frames, changed, cameras)
    urdf = _reference(arguments.urdf, out)
    draft = Draft(name, urdf, joints, base, None, (), cameras, arguments.tick_hz, carrying, depths)
    contract = contract_from_text(draft.text(), str(out), out.parent)
    if arguments.tip:
        draft = replace(draft, tip=arguments.tip, workspace_m=_workspace(contract, base, arguments.tip))
        contract = contract_from_text(draft.text(), str(out), out.parent)
    contract.limits()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(contract.text, encoding="utf-8")
    left_out = [joint for joint in description.joints if joint.kind != "fixed" and joint not in joints]
    notes = [
        *(f"named {new} in the contract: {old!r} of the URDF" for old, new in changed.items()),
        *_tool_down(contract),
        *_notes(description, left_out),
        *_camera_notes(description, bool(arguments.cameras), bool(arguments.depths), out),
        *_missing_meshes(description, arguments.urdf),
    ]
    _say(arguments, out, contract, tips, notes)
    return 0


def _say(arguments: argparse.Namespace, out: Path, contract: Contract, tips: tuple[str, ...], notes: list[str]) -> None:
    """Print what was written, what is to be filled in, and what comes next."""
    from world_model_ros.contract.drafting.placeholders import marks

    found, base = marks(contract.text), contract.interface.base_frame
    ends = f"; for --tip there is {', '.join(tips)}" if tips and not arguments.tip else ""
    launch = (
        f"ros2 launch world_model_ros bringup.launch.py {shlex.quote(f'robot:={out.resolve()}')} model:=/path/to/bundle"
    )
    result: dict[str, Any] = {
        "contract": str(out),
        "robot": contract.name,
        "base": base,
        "joints": list(contract.joint_names),
        "tips": list(tips),
        "fill_in": [{"line": each.line, "text": each.text, "what": each.words} for each in found],
        "notes": notes,
        "launch": launch,
    }
    lines = [
        f"{out}: {len(contract.joint_names)} joints, positions in {base}{ends}",
        *(f"  {note}" for note in notes),
        f"{len(found)} places to fill in:",
        *(f"  {each}" for each in found),
        f"then:  world-model check {shlex.quote(str(out))}",
        f"       world-model check {shlex.quote(str(out))} --live 5",
        f"with a model:  {launch}",
    ]
    show(result, arguments.json, lines)


def _words(text: str) -> list[str]:
    return [word for word in (each.strip() for each in text.split(",")) if word]


def _named(
    option: str, asked: Sequence[str], found: Sequence[str], changed: dict[str, str], taken: Sequence[str] = ()
) -> tuple[str, ...]:
    """The names that a person asked for, or else the nearest legal ones of what was found in the URDF.

    Args:
        option: that a person asks with.
        changed: gets those of the URDF that are others in the contract.
        taken: names of cameras, which a depth camera on the same link gets a longer one than.

    Raises:
        UserError: one that was asked for is not legal, or there already.
    """
    from world_model_ros.contract.drafting.draft import legal_name
    from world_model_ros.core.errors import UserError

    for index, each in enumerate(asked):
        if legal_name(each) != each:
            raise UserError(option, each, f"letters, digits and _, a letter first, as {legal_name(each)}")
        if each in (*taken, *asked[:index]):
            raise UserError(option, each, "a name that nothing else has")
    names = list(asked)
    for each in () if asked else found:
        legal = legal_name(each)
        names.append(f"{legal}_depth" if legal in taken else legal)
        if names[-1] != each:
            changed[each] = names[-1]
    return tuple(names)


def _carried(description: Description, joints: tuple[UrdfJoint, ...]) -> set[str]:
    """Links that the joints move."""
    moved: set[str] = set()
    for joint in description.joints:
        if joint in joints or joint.parent in moved:
            moved.add(joint.child)
    return moved


def _workspace(contract: Contract, base: str, tip: str) -> Box:
    """All that the tip reaches."""
    from world_model_ros.kinematics.link_reach import reach_m

    return [(float(low), float(max(high, low + 1e-3))) for low, high in reach_m(contract, base, tip)]


def _tool_down(contract: Contract) -> list[str]:
    """A note where the arm cannot hold its tip as the action needs it."""
    from world_model_ros.check.contract_fit import tool_down_finding

    found = [tool_down_finding(contract, hand) for hand in contract.interface.hands if hand.axes]
    return [f"{each.what}: {each.wrong or each.note}" for each in found if each.wrong or each.note]


def _reference(urdf: Path, out: Path) -> str:
    """The URDF as seen from the contract's folder if it lies (or is linked) beneath that, else its full path."""
    here, folder = urdf.absolute(), out.absolute().parent
    return os.path.relpath(here, folder) if here.is_relative_to(folder) else str(here.resolve())


def _notes(description: Description, left_out: list[UrdfJoint]) -> list[str]:
    notes = []
    for joint in left_out:
        if joint.mimics is not None:
            notes.append(f"left out: {joint.name}, it mimics {joint.mimics}")
        elif joint.commanded:
            notes.append(f"left out: {joint.name}, not asked for")
        else:
            notes.append(f"left out: {joint.name}, {joint.kind} joints are not commanded")
    silent = [joint.name for joint in description.joints if not joint.stated]
    if silent:
        notes.append(
            f"no <limit> in the URDF: {', '.join(silent)}; ROS and Pinocchio refuse such a file, so put one in"
        )
    return notes


def _camera_notes(description: Description, cameras: bool, depths: bool, out: Path) -> list[str]:
    """Which links count as cameras, or that none does; of ``cameras`` or ``depths`` that were named nothing is said."""
    notes = [
        f"taken for {kind} by name or sensor: {', '.join(frames)}; --{option} names others"
        for kind, option, named, frames in (
            ("cameras", "cameras", cameras, description.camera_frames),
            ("depth cameras", "depths", depths, description.depth_frames),
        )
        if frames and not named
    ]
    if not cameras and not description.camera_frames:
        maybe = [link for link in description.links if "cam" in link.lower() and link not in description.depth_frames]
        like = f" ({', '.join(maybe)} may be one)" if maybe else ""
        notes.append(
            f"no optical frame and no Gazebo sensor says where a camera is{like}: {out.name} has one called 'camera';"
            " name yours with --cameras, or delete both lines of it if there is none"
        )
    return notes


def _missing_meshes(description: Description, urdf: Path) -> list[str]:
    from world_model_ros.contract.urdf.meshes import find_mesh

    lost = [name for name in description.meshes if find_mesh(name, urdf.resolve()) is None]
    if not lost:
        return []
    return [
        f"{len(lost)} of {len(description.meshes)} collision meshes are not found, such as {lost[0]}:"
        " gate.collision needs them, nothing else does; put the package next to the URDF, or source its workspace"
    ]
