"""Builds Pinocchio's kinematic model and geometry of a contract's URDF, and maps the contract's joints to the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.urdf.description import UrdfJoint
from world_model_ros.contract.urdf.meshes import find_mesh, mesh_folders
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

_APART = "\n"  # ends names of links that joints may have too
_ANY = {"rad": 2 * np.pi, "m": 1.0}  # of a joint whose range is not given; such a joint is not commanded


def urdf_model(contract: Contract) -> pin.Model:
    """Pinocchio's model, in which every joint that moves along one axis has one number, continuous ones too: it would
    describe these by a sine and a cosine.

    Raises:
        UserError: there is no URDF, or Pinocchio cannot read it.
    """
    return model_from(kinematic_text(contract), str(contract.urdf_path))


def model_from(text: str, where: str) -> pin.Model:
    """Pinocchio's model of a URDF's text; `UserError` names ``where``."""
    try:
        return pin.buildModelFromXML(text)
    except (ValueError, RuntimeError) as error:
        raise UserError("deployment.urdf", f"{where}: {error}", "a URDF that Pinocchio can read") from error


def urdf_geometry(contract: Contract, model: pin.Model, kind: pin.GeometryType) -> pin.GeometryModel:
    """What is seen (``VISUAL``) or collides (``COLLISION``) of `urdf_model`; `UserError` for a lost mesh."""
    name, folders = kind.name.lower(), mesh_folders(contract.urdf_path)
    text = kinematic_text(contract, name)
    try:
        geometry = pin.buildGeomFromUrdfString(model, text, kind, package_dirs=folders)
    except (ValueError, RuntimeError) as error:
        raise UserError("deployment.urdf", str(error), f"{name} meshes that can be found and read") from error
    stated = Counter(
        link.attrib["name"] for link in ElementTree.fromstring(text).findall("link") for _ in link.findall(name)
    )
    read = Counter(str(model.frames[each.parentFrame].name) for each in geometry.geometryObjects)
    lost = sorted((stated - read).keys())
    if lost:  # Pinocchio's parser only prints what it leaves out
        raise UserError(f"deployment.urdf: {name}", lost, "links whose shapes can all be read")
    return geometry


def link_frame(model: pin.Model, link: str, field: str) -> int:
    """Index of a link's frame. A joint of the same name has a frame too, which is another one.

    Raises:
        UserError: ``field``, if there is no such link.
    """
    if not model.existFrame(link, pin.FrameType.BODY):
        legal = [frame.name for frame in model.frames if frame.type == pin.FrameType.BODY]
        raise UserError(field, link, f"a link of the URDF: {legal}")
    return int(model.getFrameId(link, pin.FrameType.BODY))


def reduced_model(
    full: pin.Model, geometries: Sequence[pin.GeometryModel], held: Sequence[int], positions: Float
) -> tuple[pin.Model, list[pin.GeometryModel]]:
    """A model, and its geometries, in which the joints ``held`` are fixed at ``positions`` (Q,) of the full one.

    Pinocchio looks frames up by name alone meanwhile, so links have names that no joint can have.
    """
    apart = pin.Model(full)
    for frame in apart.frames:
        if frame.type == pin.FrameType.BODY:
            frame.name += _APART
    model, reduced = pin.buildReducedModel(apart, list(geometries), list(held), positions)
    for frame in model.frames:
        frame.name = frame.name.removesuffix(_APART)
    return model, list(reduced)


def kinematic_text(contract: Contract, shapes: str = "collision") -> str:
    """The URDF as Pinocchio reads it: with limits at every joint that moves, and meshes by their full path.

    Of shapes only the ``collision`` or the ``visual`` ones, and no inertia: what of a link cannot be read would cost it
    all the rest, without an error.
    """
    root = ElementTree.fromstring(contract.urdf_text)
    for link in root.findall("link"):
        for part in [each for each in link if each.tag != shapes]:
            link.remove(part)
    root.attrib.setdefault("name", contract.name)
    known = {joint.name: joint for joint in contract.description.joints}
    spans = _spans(contract, known)
    for joint in root.findall("joint"):
        name = joint.attrib["name"]
        if name not in spans:
            continue
        if joint.attrib["type"] == "continuous":
            joint.attrib["type"] = "revolute"
        limit = joint.find("limit")
        limit = ElementTree.SubElement(joint, "limit") if limit is None else limit
        limit.attrib["lower"], limit.attrib["upper"] = (repr(float(end)) for end in spans[name])
        for key in ("velocity", "effort"):
            limit.attrib.setdefault(key, "0")
    for mesh in root.iter("mesh"):
        file = mesh.attrib.get("filename", "")
        found = None if "://" in file else find_mesh(file, contract.urdf_path)
        if found is not None:
            mesh.attrib["filename"] = str(found)
    return ElementTree.tostring(root, encoding="unicode")


def _spans(contract: Contract, known: dict[str, UrdfJoint]) -> dict[str, tuple[float, float]]:
    """How far each joint of one number goes: as the URDF says, or the contract, or the joint that it follows."""
    stated = {limit.name: limit.position for limit in contract.deployment.limits}
    spans: dict[str, tuple[float, float]] = {}
    for joint in known.values():
        if not joint.single:
            continue
        multiplier, offset, leader = 1.0, 0.0, joint
        while leader.mimics is not None:  # a URDF whose joints mimic each other in a circle is refused
            offset, multiplier = offset + multiplier * leader.follows[1], multiplier * leader.follows[0]
            leader = known[leader.mimics]
        free = (-_ANY[leader.unit], _ANY[leader.unit])
        ends = [multiplier * end + offset for end in leader.limit.position or stated.get(leader.name) or free]
        own = joint.limit.position or ends
        spans[joint.name] = min(*ends, own[0]), max(*ends, own[1])
    return spans


def followers(contract: Contract, model: pin.Model) -> tuple[Float, Float]:
    """How the contract's joints (J,) move all Q positions of a model of its URDF: ``moves @ positions + rest``.

    Joints that mimic one of the contract's, as the second finger of a gripper, follow it; the others stay neutral.

    Returns:
        moves (Q, J), and rest (Q,).
    """
    moves, rest = np.zeros((model.nq, len(contract.joint_names))), np.array(pin.neutral(model))
    mimics = {joint.name: (joint.mimics, joint.follows) for joint in contract.description.joints if joint.mimics}
    for index in range(1, model.njoints):
        name, multiplier, offset = str(model.names[index]), 1.0, 0.0
        while name in mimics:  # a URDF whose joints mimic each other in a circle is refused
            name, (share, shift) = mimics[name]
            offset, multiplier = offset + multiplier * shift, multiplier * share
        row = model.joints[index].idx_q
        if name in contract.joint_names and model.joints[index].nq == 1:
            moves[row, contract.joint_names.index(name)], rest[row] = multiplier, offset
    return moves, rest
