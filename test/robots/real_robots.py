"""Robots that people have, by their kinematics alone: joints, axes, origins, limits and what follows what; no meshes.

The numbers are public ones of the makers:

- Universal Robots UR5e: the article "DH parameters for calculations of kinematics and dynamics", and limits of the
  user manual.
- Robotiq 2F-85: the xacro of ros2_robotiq_gripper. One motor; five joints follow its left knuckle.
- Franka Emika Panda with its hand: DH parameters and limits of the page "Robot and interface specifications" of FCI.
  One motor; the right finger follows the left one.

Points between the fingers are the Panda's ``hand_tcp``, and 15 cm in front of the 2F-85's base.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from world_model_ros.contract.contract import Contract, contract_from_text


class Moving(NamedTuple):
    """A joint that moves, from a link to the next; rad or m, s. ``follows``: the joint that it mimics, and how."""

    name: str
    parent: str
    child: str
    xyz: tuple[float, float, float]
    rpy: tuple[float, float, float]
    axis: str
    range: tuple[float, float]
    velocity: float
    kind: str = "revolute"
    follows: tuple[str, float] | None = None


class Fixed(NamedTuple):
    parent: str
    child: str
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)


Z = "0 0 1"
UR5E: list[Moving | Fixed] = [
    Fixed("base_link", "base", rpy=(0, 0, pi)),
    Moving("shoulder_pan_joint", "base", "shoulder", (0, 0, 0.1625), (0, 0, 0), Z, (-2 * pi, 2 * pi), pi),
    Moving("shoulder_lift_joint", "shoulder", "upper_arm", (0, 0, 0), (pi / 2, 0, 0), Z, (-2 * pi, 2 * pi), pi),
    Moving("elbow_joint", "upper_arm", "forearm", (-0.425, 0, 0), (0, 0, 0), Z, (-pi, pi), pi),
    Moving("wrist_1_joint", "forearm", "wrist_1", (-0.3922, 0, 0.1333), (0, 0, 0), Z, (-2 * pi, 2 * pi), pi),
    Moving("wrist_2_joint", "wrist_1", "wrist_2", (0, -0.0997, 0), (pi / 2, 0, 0), Z, (-2 * pi, 2 * pi), pi),
    Moving("wrist_3_joint", "wrist_2", "tool0", (0, 0.0996, 0), (pi / 2, pi, pi), Z, (-2 * pi, 2 * pi), pi),
]
KNUCKLE = "left_knuckle_joint"


def _knuckle(name: str, parent: str, xyz: tuple[float, float, float], sign: int = 0) -> Moving:
    """Of a 2F-85: its motor's, or one that follows it by ``sign``."""
    span = (-0.8, 0.0) if sign < 0 else (0.0, 0.8)
    follows = (KNUCKLE, float(sign)) if sign else None
    return Moving(f"{name}_joint", parent, name, xyz, (0, 0, 0), "0 -1 0", span, 0.5, follows=follows)


GRIPPER_2F85: list[Moving | Fixed] = [
    Fixed("tool0", "gripper_base", (0, 0, 0.011)),
    _knuckle("left_knuckle", "gripper_base", (0.03060114, 0, 0.05490452)),
    _knuckle("right_knuckle", "gripper_base", (-0.03060114, 0, 0.05490452), -1),
    Fixed("left_knuckle", "left_finger", (0.03152616, 0, -0.00376347)),
    Fixed("right_knuckle", "right_finger", (-0.03152616, 0, -0.00376347)),
    _knuckle("left_inner_knuckle", "gripper_base", (0.0127, 0, 0.06142), 1),
    _knuckle("right_inner_knuckle", "gripper_base", (-0.0127, 0, 0.06142), -1),
    _knuckle("left_finger_tip", "left_finger", (0.00563134, 0, 0.04718515), -1),
    _knuckle("right_finger_tip", "right_finger", (-0.00563134, 0, 0.04718515), 1),
    Fixed("gripper_base", "tcp", (0, 0, 0.15)),
]
_PANDA_FINGER = ((0, 0, 0.0584), (0, 0, 0))
PANDA: list[Moving | Fixed] = [
    Moving("joint1", "link0", "link1", (0, 0, 0.333), (0, 0, 0), Z, (-2.8973, 2.8973), 2.175),
    Moving("joint2", "link1", "link2", (0, 0, 0), (-pi / 2, 0, 0), Z, (-1.7628, 1.7628), 2.175),
    Moving("joint3", "link2", "link3", (0, -0.316, 0), (pi / 2, 0, 0), Z, (-2.8973, 2.8973), 2.175),
    Moving("joint4", "link3", "link4", (0.0825, 0, 0), (pi / 2, 0, 0), Z, (-3.0718, -0.0698), 2.175),
    Moving("joint5", "link4", "link5", (-0.0825, 0.384, 0), (-pi / 2, 0, 0), Z, (-2.8973, 2.8973), 2.61),
    Moving("joint6", "link5", "link6", (0, 0, 0), (pi / 2, 0, 0), Z, (-0.0175, 3.7525), 2.61),
    Moving("joint7", "link6", "link7", (0.088, 0, 0), (pi / 2, 0, 0), Z, (-2.8973, 2.8973), 2.61),
    Fixed("link7", "hand", (0, 0, 0.107), (0, 0, -pi / 4)),
    Moving("finger_joint1", "hand", "left_finger", *_PANDA_FINGER, "0 1 0", (0.0, 0.04), 0.2, "prismatic"),
    Moving(
        "finger_joint2",
        "hand",
        "right_finger",
        *_PANDA_FINGER,
        "0 -1 0",
        (0.0, 0.04),
        0.2,
        "prismatic",
        ("finger_joint1", 1.0),
    ),
    Fixed("hand", "hand_tcp", (0, 0, 0.1034)),
]


def urdf(name: str, joints: Sequence[Moving | Fixed]) -> str:
    """The description of a robot of these joints."""
    links = dict.fromkeys(link for joint in joints for link in (joint.parent, joint.child))
    lines = [f'<robot name="{name}">', *(f'<link name="{link}"/>' for link in links)]
    for joint in joints:
        moves = isinstance(joint, Moving)
        called, kind = (joint.name, joint.kind) if moves else (f"{joint.child}_fixed", "fixed")
        xyz, rpy = (" ".join(f"{number!r}" for number in numbers) for numbers in (joint.xyz, joint.rpy))
        lines.append(
            f'<joint name="{called}" type="{kind}"><parent link="{joint.parent}"/><child link="{joint.child}"/>'
        )
        lines.append(f'<origin xyz="{xyz}" rpy="{rpy}"/>')
        if moves:
            low, high = joint.range
            lines.append(f'<axis xyz="{joint.axis}"/><limit lower="{low!r}" upper="{high!r}"')
            lines.append(f' velocity="{joint.velocity!r}" effort="50"/>')
        if moves and joint.follows is not None:
            lines.append(f'<mimic joint="{joint.follows[0]}" multiplier="{joint.follows[1]}"/>')
        lines.append("</joint>")
    return "\n".join([*lines, "</robot>"])


class Robot(NamedTuple):
    """What a test has to know of a robot: where it rests, its fingertip, and its gripper's joint."""

    joints: list[Moving | Fixed]
    base: str
    tip: str
    box: list[list[float]]
    rest: dict[str, float]
    gripper: dict[str, Any]

    @property
    def arm(self) -> list[str]:
        return [name for name in self.rest if name != self.gripper["name"]]


ROBOTS = {
    "ur5e_2f85": Robot(
        UR5E + GRIPPER_2F85,
        "base_link",
        "tcp",
        [[0.3, 0.65], [-0.35, 0.35], [0.05, 0.4]],
        {
            "shoulder_pan_joint": 0.0,
            "shoulder_lift_joint": -1.6,
            "elbow_joint": 1.9,
            "wrist_1_joint": -1.87,
            "wrist_2_joint": -1.57,
            "wrist_3_joint": -1.57,
            KNUCKLE: 0.4,
        },
        {"name": KNUCKLE, "closed": 0.7929, "open": 0.0},
    ),
    "panda": Robot(
        PANDA,
        "link0",
        "hand_tcp",
        [[0.3, 0.65], [-0.35, 0.35], [0.05, 0.4]],
        dict(zip([f"joint{i}" for i in range(1, 8)], [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785]))
        | {"finger_joint1": 0.02},
        {"name": "finger_joint1", "closed": 0.0, "open": 0.04},
    ),
}


def real_robot(folder: Path, name: str, parts: list[dict[str, Any]], more: dict[str, Any] | None = None) -> Contract:
    """The contract of a robot with an action of parts, in a folder that gets its URDF.

    Args:
        more: what is added to the parts of the contract, by name; lists are made longer.
    """
    robot = ROBOTS[name]
    (folder / f"{name}.urdf").write_text(urdf(name, robot.joints), encoding="utf-8")
    units = {
        joint.name: "m" if joint.kind == "prismatic" else "rad" for joint in robot.joints if isinstance(joint, Moving)
    }
    data: dict[str, Any] = {
        "format": 1,
        "name": name,
        "interface": {
            "tick_hz": 10.0,
            "base_frame": robot.base,
            "joints": [{"name": joint, "unit": units[joint]} for joint in robot.rest],
            "streams": [
                {
                    "kind": "joints",
                    "name": "joints",
                    "joints": list(robot.rest),
                    "fields": ["position", "velocity"],
                    "rate_hz": 100.0,
                }
            ],
            "action": {"kind": "parts", "parts": parts},
            "targets": [],
            "labels": [],
        },
        "deployment": {
            "urdf": f"{name}.urdf",
            "streams": [
                {
                    "name": "joints",
                    "topic": "joint_states",
                    "type": "sensor_msgs/msg/JointState",
                    "max_age_s": 0.2,
                    "required": True,
                }
            ],
            "labels": [],
            "targets": [],
            "limits": [{"name": joint, "rest": at} for joint, at in robot.rest.items()],
            "command": {"interface": "joint_trajectory", "topic": "arm_controller/joint_trajectory"},
        },
    }
    tips = [part["link"] for part in parts if part["kind"] == "tip_displacement"]
    data["interface"]["targets"] = [{"name": link, "kind": "fingertip", "link": link} for link in tips]
    for section, fields in (more or {}).items():
        for field, value in fields.items():
            there = data[section].get(field)
            data[section][field] = there + value if isinstance(there, list) else value
    return contract_from_text(yaml.safe_dump(data), folder=folder)
