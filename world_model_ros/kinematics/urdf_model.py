"""The kinematic model of a contract's URDF, with one number for each joint of the contract."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Float


def urdf_model(contract: Contract) -> pin.Model:
    """Pinocchio's model. A continuous joint of the contract is taken as a revolute one with the contract's limits:
    Pinocchio would describe it by a sine and a cosine.

    Raises:
        UserError: there is no URDF, Pinocchio cannot read it, or a continuous joint has no position limits.
    """
    path = contract.urdf_path
    root = ElementTree.parse(path).getroot()
    endless = [
        joint
        for joint in root.findall("joint")
        if joint.attrib.get("type") == "continuous" and joint.attrib.get("name") in contract.joint_names
    ]
    try:
        if not endless:
            return pin.buildModelFromUrdf(str(path))
        limits = contract.limits()
        for joint in endless:
            index = limits.names.index(joint.attrib["name"])
            joint.attrib["type"] = "revolute"
            limit = joint.find("limit")
            limit = ElementTree.SubElement(joint, "limit") if limit is None else limit
            for name in ("lower", "upper", "velocity", "effort"):
                limit.attrib[name] = repr(float(getattr(limits, name)[index]))
        return pin.buildModelFromXML(ElementTree.tostring(root, encoding="unicode"))
    except (ValueError, RuntimeError) as error:
        raise UserError("deployment.urdf", f"{path}: {error}", "a URDF that Pinocchio can read") from error


def followers(contract: Contract, model: pin.Model) -> tuple[Float, Float]:
    """How the contract's joints (J,) move all Q positions of a model of its URDF: ``moves @ positions + rest``.

    Joints that mimic one of the contract's, as the second finger of a gripper, follow it; the others stay neutral.

    Returns:
        moves (Q, J), and rest (Q,).
    """
    moves, rest = np.zeros((model.nq, len(contract.joint_names))), np.array(pin.neutral(model))
    mimics = {
        str(joint.attrib.get("name")): (
            str(mimic.attrib.get("joint")),
            float(mimic.attrib.get("multiplier", 1.0)),
            float(mimic.attrib.get("offset", 0.0)),
        )
        for joint in ElementTree.parse(contract.urdf_path).getroot().findall("joint")
        for mimic in joint.findall("mimic")
    }
    for index in range(1, model.njoints):
        name, multiplier, offset = str(model.names[index]), 1.0, 0.0
        followed = [name]
        while name in mimics and mimics[name][0] not in followed:
            name, share, shift = mimics[name]
            offset, multiplier = offset + multiplier * shift, multiplier * share
            followed.append(name)
        row = model.joints[index].idx_q
        if name in contract.joint_names and model.joints[index].nq == 1:
            moves[row, contract.joint_names.index(name)], rest[row] = multiplier, offset
    return moves, rest
