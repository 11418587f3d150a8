"""The kinematic model of a contract's URDF, with one number for each joint of the contract."""

from __future__ import annotations

from xml.etree import ElementTree

import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError


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
