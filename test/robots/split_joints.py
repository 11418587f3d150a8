"""The tabletop arm with its last joint as a gripper that has joint states of its own."""

from __future__ import annotations

import yaml

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.installation.share_folder import share_folder

ARM_JOINTS = ("shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint", "wrist_1_joint", "wrist_2_joint")
HAND_JOINTS = ("wrist_3_joint",)


def split_text(arm: str = "joint_states", hand: str = "joint_states", hand_age_s: float = 0.2) -> str:
    """YAML of a contract with two streams of joints, ``arm`` and ``hand``, and the topics of each."""
    robots = share_folder("config") / "robots"
    data = yaml.safe_load((robots / "tabletop_arm.yaml").read_text(encoding="utf-8"))
    streams, sources = data["interface"]["streams"], data["deployment"]["streams"]
    whole = next(each for each in streams if each["name"] == "arm")
    streams.remove(whole)
    for name, joints in (("arm", ARM_JOINTS), ("hand", HAND_JOINTS)):
        streams.append({**whole, "name": name, "joints": list(joints)})
    source = next(each for each in sources if each["name"] == "arm")
    sources.remove(source)
    sources.append({**source, "topic": arm})
    sources.append({**source, "name": "hand", "topic": hand, "max_age_s": hand_age_s})
    data["deployment"]["urdf"] = str(robots / "tabletop_arm.urdf")
    return yaml.safe_dump(data, sort_keys=False)


def split_contract(arm: str = "joint_states", hand: str = "joint_states", hand_age_s: float = 0.2) -> Contract:
    return contract_from_text(split_text(arm, hand, hand_age_s), "split")
