"""Actions of parts: what a trajectory does is read back as the action that it was made of."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.contract.share_folder import share_folder
from world_model_ros.core.errors import UserError
from world_model_ros.goals.workspace import Workspace
from world_model_ros.kinematics.arm import tool_down
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.kinematics.parts import PartsKinematics

ROBOTS = share_folder("config") / "robots"
TICK_S = 0.1
HORIZON = 3
CHUNKS = 1000  # of each kind of part, over all starts
SHARE = 1e-3  # of the bound, within which it is read back
# Two knuckles of a gripper as on a 2F-85: the second one follows by itself, or has a motor of its own.
HAND = """<link name="left_knuckle"/><link name="right_knuckle"/>
<joint name="finger_joint" type="revolute"><parent link="fingertip"/><child link="left_knuckle"/><axis xyz="0 1 0"/>
<limit lower="0" upper="0.8" velocity="2" effort="50"/></joint>
<joint name="right_knuckle_joint" type="revolute"><parent link="fingertip"/><child link="right_knuckle"/>
<axis xyz="0 1 0"/>{}<limit lower="-0.8" upper="0" velocity="2" effort="50"/></joint></robot>"""
MIMIC = '<mimic joint="finger_joint" multiplier="-1"/>'
FINGER = {"name": "finger_joint", "closed": 0.8, "open": 0.0}
OTHER = {"name": "right_knuckle_joint", "closed": -0.8, "open": 0.0}
BOX = [[0.28, 0.72], [-0.32, 0.32], [0.03, 0.4]]


def tip(link: str = "fingertip", axes: str = "xyz", box: Any = BOX) -> dict[str, Any]:
    return {"kind": "tip_displacement", "link": link, "axes": list(axes), "bound_m": 0.02, "workspace_m": box}


def rotation(*axes: str, link: str = "fingertip") -> dict[str, Any]:
    return {"kind": "tip_rotation", "link": link, "axes": list(axes), "bound_rad": 0.1}


def gripper(*joints: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "gripper", "joints": list(joints or (FINGER,)), "bound": 0.15}


def robot(folder: Path, parts: list[dict[str, Any]], name: str = "tabletop_arm", motors: int = 1) -> Contract:
    """A robot of this package with another action; the arm has a hand of one or two motors."""
    data = deepcopy(yaml.safe_load((ROBOTS / f"{name}.yaml").read_text(encoding="utf-8")))
    data["interface"]["action"] = {"kind": "parts", "parts": parts}
    if not any(part["kind"] == "tip_displacement" for part in parts):
        data["interface"]["targets"] = [each for each in data["interface"]["targets"] if each["kind"] != "fingertip"]
    urdf = (ROBOTS / f"{name}.urdf").read_text(encoding="utf-8")
    if name == "tabletop_arm":
        urdf = urdf.replace("</robot>", HAND.format(MIMIC if motors == 1 else ""))
        for joint in (FINGER, OTHER)[:motors]:
            data["interface"]["joints"].append({"name": joint["name"]})
            data["interface"]["streams"][-1]["joints"].append(joint["name"])
            limits = {"name": joint["name"], "acceleration": 20.0, "jerk": 300.0}
            data["deployment"]["limits"].append(limits)
        del data["deployment"]["simulation"]
    (folder / "robot.urdf").write_text(urdf, encoding="utf-8")
    data["deployment"]["urdf"] = "robot.urdf"
    return contract_from_text(yaml.safe_dump(data), folder=folder)


def start_of(motion: PartsKinematics, contract: Contract, random: np.random.Generator) -> np.ndarray | None:
    """Joint positions somewhere well inside of all boxes, with a hand that is half open."""
    boxes = np.array([part.workspace_m for part in contract.interface.action.tips])
    q = np.array(contract.rest)
    if len(boxes):
        room = np.minimum(0.08, 0.5 * (boxes[..., 1] - boxes[..., 0]))
        places = random.uniform(boxes[..., 0] + room, boxes[..., 1] - room)
        found = motion.solve(q, places, tool_down())
        if found is None:
            return None
        q = found
    for index, name in enumerate(contract.joint_names):
        if name in (FINGER["name"], OTHER["name"]):
            q[index] = 0.4 if name == FINGER["name"] else -0.4
    return q


def worst(contract: Contract, chunks: int = CHUNKS) -> np.ndarray:
    """(C,) largest difference between actions and what is read back of their trajectories, in bounds."""
    motion, random = motion_for(contract), np.random.default_rng(3)
    assert isinstance(motion, PartsKinematics)
    bounds, apart, done = np.array(contract.interface.action.bounds), np.zeros(contract.interface.action.size), 0
    slow = 0
    while done < chunks:
        q = start_of(motion, contract, random)
        if q is None:
            continue
        chunk = random.uniform(-1, 1, (HORIZON, len(bounds))) * bounds
        way = motion.chunk_trajectory(q, chunk, 0, TICK_S).positions
        # A stop takes the last action over two ticks.
        stops = [*way[:HORIZON], way[-1]]
        read = np.array([motion.applied_action(*pair) for pair in pairwise(stops)])
        speed = np.abs(np.diff(way[:HORIZON], axis=0)).max(0) / (motion.limits.velocity * TICK_S)
        if speed.max() > 0.9:  # what is shortened for the joints' sake is no legal chunk
            slow += 1
            assert slow < chunks
            continue
        apart, done = np.maximum(apart, (np.abs(read - chunk) / bounds).max(0)), done + 1
    return apart


@pytest.mark.parametrize(
    ("parts", "motors"),
    [
        ([tip()], 1),
        ([tip(), rotation("yaw"), gripper()], 1),
        ([gripper(FINGER, OTHER), rotation("x", "y", "z"), tip()], 2),
        ([{"kind": "joint_displacement", "joints": ["elbow_joint", "wrist_3_joint"], "bound": 0.1}, gripper()], 1),
    ],
    ids=["tip", "tip-yaw-gripper", "gripper-turns-tip", "joints-gripper"],
)
def test_actions_of_an_arm_with_a_hand_are_read_back(parts, motors, tmp_path):
    apart = worst(robot(tmp_path, parts, motors=motors))
    assert apart.max() < SHARE, apart


def test_actions_of_two_hands_are_read_back(tmp_path):
    boxes = {"left": [[0.28, 0.58], [-0.08, 0.3], [0.08, 0.08]], "right": [[0.28, 0.58], [-0.3, 0.08], [0.08, 0.08]]}
    parts = [tip(f"{side}_fingertip", "xy", box) for side, box in boxes.items()]
    apart = worst(robot(tmp_path, parts, "humanoid_upper_body"), 200)
    assert apart.max() < SHARE, apart


def test_a_gripper_goes_from_closed_to_open_and_no_farther(tmp_path):
    contract = robot(tmp_path, [tip(), gripper(FINGER, OTHER)], motors=2)
    motion = motion_for(contract)
    q = np.array(contract.rest)
    q[-2:] = [0.8, -0.8]
    chunk = np.zeros((8, 4))
    chunk[:, 3] = 9.0
    way = motion.chunk_trajectory(q, chunk, 0, TICK_S).positions
    assert way[1, -2:] == pytest.approx([0.68, -0.68])  # as far as the bound
    assert way[-1, -2:] == pytest.approx([0.0, 0.0])
    assert way[:, :6] == pytest.approx(np.tile(way[-1, :6], (len(way), 1)), abs=1e-2)


def test_a_tool_without_rotation_keeps_pointing_down(tmp_path):
    contract = robot(tmp_path, [tip(), rotation("yaw")])
    motion = motion_for(contract)
    q = motion.solve(np.array(contract.rest), np.array([0.45, 0.0, 0.2]), tool_down())
    way = motion.chunk_trajectory(q, np.tile([0.01, 0.01, 0, 0.1], (5, 1)), 0, TICK_S).positions
    for step in range(5):  # the last action takes two ticks
        assert motion.tip(way[step])[1] == pytest.approx(tool_down(0.1 * step), abs=1e-5)


def test_bounds_of_a_plan_keep_the_columns_of_each_part(tmp_path):
    contract = robot(tmp_path, [gripper(), tip(), rotation("yaw")])
    low, high = Workspace.of(contract).bounds(3, np.array([[0.71, 0.0, 0.2]]))
    assert high[0].tolist() == pytest.approx([0.15, 0.01, 0.02, 0.02, 0.1])  # 1 cm is left along x
    assert high[1].tolist() == pytest.approx([0.15, 0.02, 0.02, 0.02, 0.1])
    assert low == pytest.approx(-np.tile(high[1], (3, 1)))


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([tip(), {"kind": "free", "columns": [{"name": "x", "bound": 1.0}]}], ["all of kind free, or none"]),
        ([rotation("yaw")], ["tip_rotation", "fingertip"]),
        ([tip(), rotation("yaw", "x")], ["yaw alone"]),
        ([tip(), gripper({**FINGER, "open": 0.8})], ["open", "another position"]),
        ([tip(), gripper({**FINGER, "name": "thumb"})], ["thumb"]),
        ([tip(), tip()], ["twice"]),
    ],
)
def test_parts_that_cannot_be_meant_are_refused(parts, told, tmp_path):
    with pytest.raises(UserError) as caught:
        robot(tmp_path, parts)
    for word in told:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([tip(), {"kind": "joint_displacement", "joints": ["elbow_joint"], "bound": 0.1}], "elbow_joint"),
        ([tip(), gripper({**FINGER, "closed": 1.2})], "finger_joint"),
    ],
)
def test_parts_that_do_not_fit_the_robot_are_refused(parts, told, tmp_path):
    with pytest.raises(UserError, match=told):
        motion_for(robot(tmp_path, parts))
