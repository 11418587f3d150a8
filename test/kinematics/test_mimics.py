"""A gripper whose second finger mimics the first: it is where it really is, for the gate, its judge and the view."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.bench.gate.checker import World
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.kinematics.collision.distances import PairDistances
from world_model_ros.kinematics.urdf_model import followers, urdf_model
from world_model_ros.view.markers.robot_shape import RobotShape

FINGER = """<link name="{0}"><{2}><geometry><box size="0.02 0.02 0.02"/></geometry></{2}></link>
<joint name="{0}_joint" type="prismatic"><parent link="hand"/><child link="{0}"/><axis xyz="0 {1} 0"/>{3}
<limit lower="-0.3" upper="0.3" velocity="1" effort="1"/></joint>"""
CONTRACT = """format: 1
name: made
interface:
  tick_hz: 10.0
  base_frame: base_link
  joints: [{name: turn}, {name: left_joint, unit: m}]
  streams: [{kind: joints, name: body, joints: [turn, left_joint], fields: [position, velocity], rate_hz: 100.0}]
  action: {kind: joint_displacement, joints: [turn, left_joint], bound: 0.1}
deployment:
  urdf: robot.urdf
  streams: [{name: body, topic: joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.2, required: true}]
  command: {interface: joint_trajectory, topic: controller/joint_trajectory}
  gate:
    collision: {stop_m: 0.005, slow_m: 0.02}
    obstacles: [{name: wall, size_m: [1.0, 0.1, 1.0], position_m: [0.0, -0.25, 0.0]}]
"""
MIMIC = '<mimic joint="left_joint" multiplier="0.5" offset="0.03"/>'


def gripper(folder: Path, kind: str = "collision") -> Contract:
    """Fingers that open along y, the right one half as far and 3 cm farther out; a wall 20 cm on the right."""
    hand = """<link name="hand"/><joint name="turn" type="revolute"><parent link="base_link"/><child link="hand"/>
<axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="1" effort="1"/></joint>"""
    fingers = FINGER.format("left", 1, kind, "") + FINGER.format("right", -1, kind, MIMIC)
    (folder / "robot.urdf").write_text(f'<robot name="made"><link name="base_link"/>{hand}{fingers}</robot>')
    (folder / "robot.yaml").write_text(CONTRACT)
    return load_contract(folder / "robot.yaml")


def test_a_joint_that_mimics_follows(tmp_path: Path) -> None:
    contract = gripper(tmp_path)
    model = urdf_model(contract)
    moves, rest = followers(contract, model)
    q = moves @ np.array([0.7, 0.1]) + rest
    found = {name: q[model.joints[model.getJointId(name)].idx_q] for name in ("turn", "left_joint", "right_joint")}
    assert found == pytest.approx({"turn": 0.7, "left_joint": 0.1, "right_joint": 0.08})


def test_the_gate_and_its_judge_measure_the_finger_that_mimics(tmp_path: Path) -> None:
    contract = gripper(tmp_path)
    distances, world = PairDistances(contract), World(contract, list(contract.joint_names))
    assert ("right_0", "obstacle wall") in distances.pairs
    path = np.array([[0.0, opening] for opening in (0.0, 0.1, 0.2, 0.28)])
    for position in path:
        right = position[1] * 0.5 + 0.03
        expected = 0.2 - right - 0.01
        near, now = distances.now(position[None], 9.0, 8.0)
        pair = list(distances.pairs).index(("right_0", "obstacle wall"))
        assert now[list(near).index(pair)] == pytest.approx(expected, abs=1e-6)
        assert world.nearest(position) == pytest.approx(min(expected, position[1] + right - 0.02), abs=1e-6)
    near, now = distances.now(path, 0.02, 0.04)
    assert pair in near, "the opening finger comes within 4 cm of the wall"
    assert distances.below(path, near, now, np.full(len(near), 0.04))[list(near).index(pair)]


def test_the_view_draws_the_finger_that_mimics(tmp_path: Path) -> None:
    shape = RobotShape(gripper(tmp_path, "visual"))
    places = dict(zip((part.name for part in shape.parts), (place for _, place in shape.placed([0.0, 0.1]))))
    assert sorted(round(float(place[1]), 6) for place in places.values()) == [-0.08, 0.1]
