"""Actions of parts: what a trajectory does is read back as the action that it was made of."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from real_robots import ROBOTS as REAL
from real_robots import Moving, real_robot

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.rules import judge
from world_model_ros.goals.workspace import Workspace
from world_model_ros.kinematics.arm import tool_down
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.kinematics.parts import PartsKinematics
from world_model_ros.kinematics.twist import LinkTwist

ROBOTS = share_folder("config") / "robots"
TICK_S = 0.1
HORIZON = 3
CHUNKS = 1000  # of each kind of part, over all starts
SHARE = 1e-3  # of the bound, within which it is read back
# Two knuckles of a gripper as on a 2F-85: the second one follows by itself, or has a motor of its own.
HAND = """<link name="{0}left_knuckle"/><link name="{0}right_knuckle"/>
<joint name="{0}finger_joint" type="revolute"><parent link="{0}fingertip"/><child link="{0}left_knuckle"/>
<axis xyz="0 1 0"/><limit lower="0" upper="0.8" velocity="2" effort="50"/></joint>
<joint name="{0}right_knuckle_joint" type="revolute"><parent link="{0}fingertip"/><child link="{0}right_knuckle"/>
<axis xyz="0 1 0"/>{1}<limit lower="-0.8" upper="0" velocity="2" effort="50"/></joint></robot>"""
MIMIC = '<mimic joint="{}finger_joint" multiplier="-1"/>'
FINGER = {"name": "finger_joint", "closed": 0.8, "open": 0.0}
OTHER = {"name": "right_knuckle_joint", "closed": -0.8, "open": 0.0}
SIDES = ("left_", "right_")
BOX = [[0.28, 0.72], [-0.32, 0.32], [0.03, 0.4]]


def tip(link: str = "fingertip", axes: str = "xyz", box: Any = BOX) -> dict[str, Any]:
    return {"kind": "tip_displacement", "link": link, "axes": list(axes), "bound_m": 0.02, "workspace_m": box}


def rotation(*axes: str, link: str = "fingertip") -> dict[str, Any]:
    return {"kind": "tip_rotation", "link": link, "axes": list(axes), "bound_rad": 0.1}


def gripper(*joints: dict[str, Any], name: str = "gripper", bound: float = 0.15) -> dict[str, Any]:
    return {"kind": "gripper", "name": name, "joints": list(joints or (FINGER,)), "bound": bound}


def of_side(side: str, joint: dict[str, Any]) -> dict[str, Any]:
    return {**joint, "name": side + joint["name"]}


def robot(folder: Path, parts: list[dict[str, Any]], name: str = "tabletop_arm", motors: int = 1) -> Contract:
    """A robot of this package with another action; its arms have hands of one or two motors."""
    data = deepcopy(yaml.safe_load((ROBOTS / f"{name}.yaml").read_text(encoding="utf-8")))
    data["interface"]["action"] = {"kind": "parts", "parts": parts}
    if not any(part["kind"] == "tip_displacement" for part in parts):
        data["interface"]["targets"] = [each for each in data["interface"]["targets"] if each["kind"] != "fingertip"]
    urdf = (ROBOTS / f"{name}.urdf").read_text(encoding="utf-8")
    for side in ("",) if name == "tabletop_arm" else SIDES:
        urdf = urdf.replace("</robot>", HAND.format(side, MIMIC.format(side) if motors == 1 else ""))
        for joint in [of_side(side, each) for each in (FINGER, OTHER)[:motors]]:
            data["interface"]["joints"].append({"name": joint["name"]})
            data["interface"]["streams"][-1]["joints"].append(joint["name"])
            limits = {"name": joint["name"], "acceleration": 20.0, "jerk": 300.0}
            data["deployment"]["limits"].append(limits)
    del data["deployment"]["simulation"]
    (folder / "robot.urdf").write_text(urdf, encoding="utf-8")
    data["deployment"]["urdf"] = "robot.urdf"
    return contract_from_text(yaml.safe_dump(data), folder=folder)


def start_of(motion: PartsKinematics, contract: Contract, random: np.random.Generator) -> np.ndarray | None:
    """Joint positions somewhere well inside of all boxes, with hands that are half open."""
    action = contract.interface.action
    boxes = np.array([part.workspace_m for part in action.tips])
    q = np.array(contract.rest)
    if len(boxes):
        room = np.minimum(0.08, 0.5 * (boxes[..., 1] - boxes[..., 0]))
        places = random.uniform(boxes[..., 0] + room, boxes[..., 1] - room)
        found = motion.solve(q, places, tool_down())
        if found is None:
            return None
        q = found
    for part in action.parts:
        for joint in part.joints if part.kind == "gripper" else ():
            q[contract.joint_names.index(joint.name)] = 0.5 * (joint.closed + joint.open)
    return q


def worst(contract: Contract, chunks: int = CHUNKS) -> np.ndarray:
    """(C,) largest difference between actions and what is read back of their trajectories, in bounds."""
    motion, random = motion_for(contract), np.random.default_rng(3)
    assert isinstance(motion, PartsKinematics)
    bounds, apart, done = np.array(contract.interface.action.bounds), np.zeros(contract.interface.action.size), 0
    left_out = 0
    while done < chunks:
        assert left_out < chunks
        q = start_of(motion, contract, random)
        if q is None:
            left_out += 1
            continue
        chunk = random.uniform(-1, 1, (HORIZON, len(bounds))) * bounds
        way = motion.chunk_trajectory(q, chunk, 0, TICK_S).positions
        # A stop takes the last action over two ticks.
        stops = [*way[:HORIZON], way[-1]]
        read = np.array([motion.applied_action(*pair) for pair in pairwise(stops)])
        speed = np.abs(np.diff(stops, axis=0)).max(0) / (motion.limits.velocity * TICK_S)
        if speed.max() > 0.9:  # what is shortened for the joints' sake is no legal chunk
            left_out += 1
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


@pytest.mark.parametrize("turns", [["yaw"], ["x", "y", "z"]], ids="-".join)
@pytest.mark.parametrize("motors", [1, 2])
def test_actions_of_two_hands_are_read_back(turns, motors, tmp_path):
    boxes = {"left_": [[0.28, 0.58], [-0.08, 0.3], [0.05, 0.2]], "right_": [[0.28, 0.58], [-0.3, 0.08], [0.05, 0.2]]}
    parts: list[dict[str, Any]] = [tip(f"{side}fingertip", "xyz", boxes[side]) for side in SIDES]
    parts += [rotation(*turns, link=f"{side}fingertip") for side in SIDES]
    parts += [
        gripper(*(of_side(side, each) for each in (FINGER, OTHER)[:motors]), name=side + "hand") for side in SIDES
    ]
    apart = worst(robot(tmp_path, parts, "humanoid_upper_body", motors))
    assert apart.max() < SHARE, apart


@pytest.mark.parametrize("kinds", ["yaw", "turns", "joints"])
@pytest.mark.parametrize("name", list(REAL))
def test_actions_of_robots_that_people_have_are_read_back(name, kinds, tmp_path):
    real = REAL[name]
    hand = gripper(real.gripper, bound=0.05 if name == "ur5e_2f85" else 0.15)  # what its motor does in a tick
    parts = {
        "yaw": [tip(real.tip, box=real.box), rotation("yaw", link=real.tip), hand],
        "turns": [hand, rotation("x", "y", "z", link=real.tip), tip(real.tip, box=real.box)],
        "joints": [{"kind": "joint_displacement", "joints": real.arm, "bound": 0.1}, hand],
    }
    apart = worst(real_robot(tmp_path, name, parts[kinds]))
    assert apart.max() < SHARE, apart


LIFT = [
    Moving("lift_joint", "floor", "mast", (0, 0, 0), (0, 0, 0), "0 0 1", (0.0, 0.3), 0.5, "prismatic"),
    Moving(
        "carriage_joint",
        "mast",
        "link0",
        (0, 0, 0),
        (0, 0, 0),
        "0 0 1",
        (0.0, 0.3),
        0.5,
        "prismatic",
        ("lift_joint", 1.0),
    ),
]


@pytest.fixture
def lifted(tmp_path, monkeypatch) -> Contract:
    """An arm on a mast of two stages: the carriage goes as far on the mast as the mast does."""
    arm, box = REAL["panda"], [[0.3, 0.65], [-0.35, 0.35], [0.4, 0.6]]
    real = arm._replace(joints=LIFT + arm.joints, base="floor", box=box, rest={"lift_joint": 0.15} | arm.rest)
    monkeypatch.setitem(REAL, "lifted", real)
    return real_robot(tmp_path, "lifted", [tip(arm.tip, box=box), rotation("yaw", link=arm.tip)])


def test_a_joint_that_follows_carries_a_fingertip_too(lifted):
    motion, q = motion_for(lifted), np.array(lifted.rest)
    q[0] = 0.3
    assert motion.tip(q)[0] - motion.tip(lifted.rest)[0] == pytest.approx([0.0, 0.0, 0.3], abs=1e-9)
    apart = worst(lifted)
    assert apart.max() < SHARE, apart


def test_a_joint_that_follows_moves_a_link_too(lifted):
    carrying = lifted.joint_names[:8]
    twist, speeds = LinkTwist(lifted, REAL["panda"].tip, carrying), np.zeros(9)
    speeds[0] = 0.1
    assert twist.at(lifted.rest, speeds) == pytest.approx([0, 0, 0.2, 0, 0, 0])


def test_a_joint_that_only_moves_a_fingertip_by_what_follows_it_is_moved_by_the_action(tmp_path):
    real = REAL["panda"]
    contract = real_robot(tmp_path, "panda", [tip("right_finger", box=real.box)])
    gate = gate_for(contract)
    assert gate._arm_tolerance[-1] < contract.deployment.gate.tracking_tolerance


def test_a_fingertip_behind_a_finger_that_follows_shares_its_motor(tmp_path):
    real = REAL["panda"]
    parts = [tip("right_finger", box=real.box), gripper(real.gripper)]
    with pytest.raises(UserError, match="finger_joint1"):
        motion_for(real_robot(tmp_path, "panda", parts))


def test_a_gripper_opens_exactly_to_the_limit_of_its_joint(tmp_path):
    """Else the gate refuses what is beyond it by a rounding error."""
    real = REAL["panda"]
    closed, opened = 0.03, 0.29
    assert closed + (opened - closed) > opened
    joints = [each._replace(range=(0.0, opened)) if each[0] == "finger_joint1" else each for each in real.joints]
    hand = gripper({"name": "finger_joint1", "closed": closed, "open": opened})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REAL, "wide", real._replace(joints=joints))
        motion = motion_for(real_robot(tmp_path, "wide", [hand]))
    q = np.array([*list(real.rest.values())[:7], closed])
    way = motion.chunk_trajectory(q, np.full((200, 1), 0.1), 0, TICK_S).positions
    assert way[-1, 7] == opened


@pytest.mark.parametrize("bound", [0.09, 0.12, 0.15, 0.21])
def test_a_gripper_that_closes_to_the_limit_of_its_joint_is_commanded_within_it(bound, tmp_path):
    """The last step is a short one, which a spline that is as fast as before it passes by; then it opens again."""
    real = REAL["panda"]
    contract = real_robot(tmp_path, "panda", [gripper(real.gripper, bound=bound)])
    q = np.array(list(real.rest.values()))
    chunk = np.array([[-bound]] * 8 + [[bound]] * 3)
    for start in range(1, 7):
        way = motion_for(contract).chunk_trajectory(q, chunk[start:], 0, TICK_S)
        assert isinstance(judge(way, contract.limits(), 0, 1.0), Trajectory), judge(way, contract.limits(), 0, 1.0)


@pytest.mark.parametrize("start", [[0.8, -0.8], [0.795, -0.1], [0.0, 0.0]])
def test_a_gripper_without_action_stays_where_it_is(start, tmp_path):
    """Also beyond its ends, as one that is closed harder, and where its joints are not open alike."""
    contract = robot(tmp_path, [tip(), gripper({**FINGER, "closed": 0.79}, {**OTHER, "closed": -0.79})], motors=2)
    q = np.array(contract.rest)
    q[-2:] = start
    way = motion_for(contract).chunk_trajectory(q, np.zeros((3, 4)), 0, TICK_S).positions
    assert way[:, -2:] == pytest.approx(np.tile(start, (len(way), 1)))


def test_joints_of_a_gripper_that_are_apart_go_no_faster_than_they_may(tmp_path):
    contract = robot(tmp_path, [tip(), gripper(FINGER, OTHER)], motors=2)
    q = np.array(contract.rest)
    q[-2:] = [0.8, 0.0]
    chunk = np.zeros((8, 4))
    chunk[:, 3] = 0.15
    way = motion_for(contract).chunk_trajectory(q, chunk, 0, TICK_S).positions[:, -2:]
    assert np.abs(np.diff(way, axis=0)).max() <= 0.15 * 0.8 + 1e-9
    assert way[-1] == pytest.approx([0.0, 0.0])


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


def test_joints_of_a_part_may_have_bounds_of_their_own(tmp_path: Path) -> None:
    joints = {"kind": "joint_displacement", "joints": ["elbow_joint", "wrist_3_joint"], "bound": [0.02, 0.1]}
    contract = robot(tmp_path, [joints])
    start = contract.rest
    end = PartsKinematics(contract).chunk_trajectory(start, np.ones((1, 2)), 0, TICK_S).positions[-1]
    moved = dict(zip(contract.joint_names, end - start))
    assert (moved["elbow_joint"], moved["wrist_3_joint"]) == pytest.approx((0.02, 0.1))
