"""Robots of 7 and 29 joints made of cylinders, with contracts that state nothing but what a URDF cannot."""

from __future__ import annotations

from pathlib import Path

from world_model_ros.contract.contract import Contract, load_contract

AXES = ("0 0 1", "0 1 0", "1 0 0")
LINK = """<link name="{name}"><collision><origin xyz="{half} 0 0" rpy="0 1.5707963 0"/>
<geometry><cylinder radius="{radius}" length="{length}"/></geometry></collision></link>"""
JOINT = """<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/>
<origin xyz="{xyz}" rpy="{rpy}"/><axis xyz="{axis}"/>
<limit lower="-2.0" upper="2.0" velocity="2.5" effort="50"/></joint>"""


class _Robot:
    def __init__(self) -> None:
        self.parts = ['<link name="base_link"/>']
        self.joints: list[str] = []

    def chain(self, name: str, parent: str, xyz: str, rpy: str, count: int, length: float = 0.12) -> str:
        for i in range(count):
            link, joint = f"{name}_{i}", f"{name}_{i}_joint"
            self.parts.append(JOINT.format(name=joint, parent=parent, child=link, xyz=xyz, rpy=rpy, axis=AXES[i % 3]))
            body = LINK.format(name=link, half=length / 2, radius=0.04, length=0.8 * length)
            self.parts.append(body if i % 3 != 1 else f'<link name="{link}"/>')  # as in a wrist: axes without a body
            self.joints.append(joint)
            parent, xyz, rpy = link, f"{length if i % 3 != 1 else 0.0} 0 0", "0 0 0"
        return parent


def arm_of_7(folder: Path) -> Contract:
    robot = _Robot()
    robot.chain("arm", "base_link", "0 0 0.4", "0 0 0", 7, 0.2)
    return _contract(folder, robot)


def humanoid_of_29(folder: Path) -> Contract:
    """Two legs of 6, a waist of 3 and two arms of 7 joints."""
    robot = _Robot()
    chest = robot.chain("waist", "base_link", "0 0 0.1", "0 -1.5707963 0", 3)
    for side, y in (("left", 0.12), ("right", -0.12)):
        robot.chain(f"{side}_leg", "base_link", f"0 {y} -0.1", "0 1.5707963 0", 6)
        robot.chain(f"{side}_arm", chest, f"0.2 {2 * y} 0", f"0 0 {1.2 if y > 0 else -1.2}", 7)
    return _contract(folder, robot)


def _contract(folder: Path, robot: _Robot) -> Contract:
    names = robot.joints
    (folder / "robot.urdf").write_text(f'<robot name="made">{"".join(robot.parts)}</robot>')
    joints = ", ".join(f"{{name: {name}}}" for name in names)
    (folder / "robot.yaml").write_text(
        f"""
format: 1
name: made
interface:
  tick_hz: 10.0
  base_frame: base_link
  joints: [{joints}]
  streams: [{{kind: joints, name: body, joints: [{", ".join(names)}], fields: [position, velocity], rate_hz: 100.0}}]
  action: {{kind: joint_displacement, joints: [{", ".join(names)}], bound: 0.2}}
deployment:
  urdf: robot.urdf
  streams: [{{name: body, topic: joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.2, required: true}}]
  command: {{interface: joint_trajectory, topic: controller/joint_trajectory}}
  gate:
    collision: {{stop_m: 0.005, slow_m: 0.015}}
    obstacles: [{{name: wall, size_m: [0.1, 2.0, 2.0], position_m: [-0.8, 0.0, 0.0]}}]
"""
    )
    return load_contract(folder / "robot.yaml")
