"""What joint states and trackers say, as a state: of the robots of this package, and of some that people have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from real_robots import ROBOTS, real_robot
from tracked_robot import tracked, tracked_text

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.learning.behaviour.state.forward_kinematics import ForwardKinematics
from world_model_ros.learning.behaviour.state.layout import StateLayout
from world_model_ros.learning.behaviour.state.state_reader import StateReader

CUBE = [0.5, 0.1, 0.03, 0.0, 0.0, 0.0, 1.0]
SAMPLES = 40


def gripping(name: str, folder: Path) -> Contract:
    """An arm that people have, with a gripper and a cube that is tracked."""
    robot = ROBOTS[name]
    parts = [
        {
            "kind": "tip_displacement",
            "link": robot.tip,
            "axes": ["x", "y", "z"],
            "bound_m": 0.02,
            "workspace_m": robot.box,
        },
        {"kind": "tip_rotation", "link": robot.tip, "axes": ["yaw"], "bound_rad": 0.1},
        {"kind": "gripper", "name": "hand", "joints": [robot.gripper], "bound": 0.2},
    ]
    text = yaml.safe_load(real_robot(folder, name, parts).text)
    pose = {"kind": "pose", "name": "cube_0", "frame": robot.base, "rate_hz": 50.0}
    text["interface"]["streams"].append(pose)
    text["interface"]["targets"] = [{"name": "cube_0", "kind": "object", "orientation": "yaw", "symmetry": 4}]
    text["interface"]["labels"] = [{"name": "cube_0", "target": "cube_0"}]
    source = {"name": "cube_0", "topic": "cube_0/pose", "type": "geometry_msgs/msg/PoseStamped"}
    text["deployment"]["streams"].append(source | {"max_age_s": 0.2})
    text["deployment"]["labels"] = [source]
    return contract_from_text(yaml.safe_dump(text), folder=folder)


def random_positions(contract: Contract) -> np.ndarray:
    limits = contract.limits()
    return np.random.default_rng(0).uniform(limits.lower, limits.upper, (SAMPLES, len(limits.lower)))


def values(contract: Contract, positions: np.ndarray) -> list[torch.Tensor]:
    """Of all streams, for joints at ``positions`` (N, J), with the cube in its place."""
    found = []
    for stream in contract.interface.streams:
        if stream.kind == "joints":
            columns = [contract.joint_names.index(name) for name in stream.joints]
            told = np.zeros((len(positions), *stream.shape))
            told[:, :, 0] = positions[:, columns]
        else:
            told = np.tile(CUBE, (len(positions), 1))
        found.append(torch.tensor(told, dtype=torch.float32))
    return found


@pytest.mark.parametrize("name", ["tabletop_arm", "humanoid_upper_body", *ROBOTS])
def test_fingertips_are_where_kinematics_has_them(name: str, tmp_path: Path):
    contract = gripping(name, tmp_path) if name in ROBOTS else tracked(name)
    reader, motion = StateReader(contract), motion_for(contract)
    assert isinstance(motion, ArmKinematics)
    positions = random_positions(contract)
    states = reader(values(contract, positions))
    for hand, entry in enumerate(reader.layout.hands):
        place = reader.layout.place(entry)
        expected = [motion.tips(each)[hand] for each in positions]
        np.testing.assert_allclose(states[:, place], expected, atol=2e-6)


@pytest.mark.parametrize("name", ROBOTS)
def test_a_gripper_is_as_far_open_as_its_joint_says(name: str, tmp_path: Path):
    contract, gripper = gripping(name, tmp_path), ROBOTS[name].gripper
    reader, positions = StateReader(contract), np.tile(contract.rest, (3, 1))
    way = gripper["open"] - gripper["closed"]
    positions[:, contract.joint_names.index(gripper["name"])] = gripper["closed"] + way * np.array([0.0, 0.25, 1.0])
    (hand,) = [entry for entry in reader.layout.entries if entry.name == "hand"]
    opened = reader(values(contract, positions))[:, reader.layout.columns(hand)]
    np.testing.assert_allclose(opened[:, 0], [0.0, 0.25, 1.0], atol=1e-6)


@pytest.mark.parametrize("symmetry", [1, 2])
def test_the_yaw_of_a_fingertip_is_that_of_its_x_axis(tmp_path: Path, symmetry: int):
    data = yaml.safe_load(gripping("panda", tmp_path).text)
    tip = {"name": "tip", "kind": "fingertip", "link": ROBOTS["panda"].tip, "orientation": "yaw", "symmetry": symmetry}
    data["interface"]["targets"].append(tip)
    contract = contract_from_text(yaml.safe_dump(data), folder=tmp_path)
    reader, motion = StateReader(contract), motion_for(contract)
    assert isinstance(motion, ArmKinematics)
    positions = random_positions(contract)
    place = reader.layout.columns(reader.layout.hands[0])
    for row, position in zip(reader(values(contract, positions)), positions):
        rotation = motion.tip(position, ROBOTS["panda"].tip)[1]
        yaw = symmetry * np.arctan2(rotation[1, 0], rotation[0, 0])
        np.testing.assert_allclose(row[place.start + 3 : place.stop], [np.cos(yaw), np.sin(yaw)], atol=1e-3)
    assert [times for _, _, times in reader.layout.turned()] == [4 // symmetry]


def test_what_an_action_moves_is_as_fresh_as_all_joints_that_carry_it():
    data = tracked_text()
    joints, source = data["interface"]["streams"][0], data["deployment"]["streams"][0]
    wrist = {**joints, "name": "wrist", "joints": joints["joints"][3:]}
    data["interface"]["streams"].append(wrist)
    joints["joints"] = joints["joints"][:3]
    data["deployment"]["streams"].append({**source, "name": "wrist", "topic": "wrist_states"})
    reader = StateReader(contract_from_text(yaml.safe_dump(data)))
    assert [entry.name for entry in reader.layout.entries] == ["fingertip", "object_0"]
    assert reader.streams == ["arm", "object_0", "wrist"]
    fresh = torch.tensor([[1.0, 1, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]])
    assert reader.fresh(fresh).tolist() == [[1, 1], [0, 1], [0, 1], [1, 0]]


def test_forward_kinematics_comes_back_without_its_urdf():
    contract = tracked()
    arm = ForwardKinematics.of(contract, "fingertip")
    again = ForwardKinematics(**arm.arguments())
    positions = torch.tensor(random_positions(contract), dtype=torch.float32)
    for one, other in zip(arm(positions), again(positions)):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    lost = contract_from_text(contract.text.replace("tabletop_arm.urdf", "lost.urdf"))
    with pytest.raises(UserError, match=r"deployment\.urdf"):
        StateReader(lost)
    assert StateReader(lost, {"fingertip": again}).layout == StateReader(contract).layout


def test_two_hands_are_each_what_things_are_seen_from():
    layout = StateLayout.of(tracked("humanoid_upper_body").interface)
    left, right, cube = layout.entries
    assert layout.hands == [left, right]
    assert layout.objects == [cube]
    places = {name: layout.place(entry) for name, entry in zip("lrc", layout.entries)}
    assert layout.relative() == [(places[a], places[b]) for a, b in ("rl", "cl", "cr")]


def test_names_of_what_moves_and_of_streams_differ():
    data = tracked_text()
    data["interface"]["streams"][-1]["name"] = data["deployment"]["streams"][-1]["name"] = "fingertip"
    data["interface"]["labels"][0]["name"] = data["deployment"]["labels"][0]["name"] = "fingertip"
    with pytest.raises(UserError, match=r"fingertip.*no two are the same"):
        StateLayout.of(contract_from_text(yaml.safe_dump(data)).interface)


def test_a_joint_that_moves_and_that_no_stream_has_is_named():
    data = tracked_text()
    data["interface"]["streams"][0]["joints"].remove("elbow_joint")
    with pytest.raises(UserError, match=r"none with \['elbow_joint'\].*move fingertip"):
        StateReader(contract_from_text(yaml.safe_dump(data)))


def changed(name: str, folder: Path, change: Callable[[dict], None]) -> StateLayout:
    data = yaml.safe_load(gripping(name, folder).text)
    change(data["interface"])
    return StateLayout.of(contract_from_text(yaml.safe_dump(data), folder=folder).interface)


def test_what_a_state_cannot_hold_is_refused_by_name(tmp_path: Path):
    def elsewhere(interface: dict) -> None:
        interface["streams"][-1]["frame"] = "camera"

    def tilted(interface: dict) -> None:
        interface["action"]["parts"][1]["axes"] = ["x", "z"]

    def lone(interface: dict) -> None:
        interface["targets"] = [{"name": "tip", "kind": "fingertip", "link": ROBOTS["panda"].tip}]
        interface["labels"] = []

    for change, said in ((elsewhere, "frame.*camera.*link0"), (tilted, r"tip_rotation.*\[yaw\]")):
        with pytest.raises(UserError, match=said):
            changed("panda", tmp_path, change)
    data = yaml.safe_load(gripping("panda", tmp_path).text)
    lone(data["interface"])
    data["deployment"]["labels"] = []
    with pytest.raises(UserError, match="an object or something articulated"):
        StateLayout.of(contract_from_text(yaml.safe_dump(data), folder=tmp_path).interface)


def test_a_base_that_joints_move_is_refused():
    data = tracked_text()
    data["interface"]["base_frame"] = data["interface"]["action"]["frame"] = "forearm_link"
    data["interface"]["streams"][-1]["frame"] = "forearm_link"
    with pytest.raises(UserError, match=r"base_frame.*forearm_link.*no joint"):
        StateReader(contract_from_text(yaml.safe_dump(data)))
