"""What judges a simulated robot hears of every joint stream, and of every label by its name and type."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import Pose, PoseArray
from quiet_node import QuietNode
from split_joints import ARM_JOINTS, HAND_JOINTS, split_contract
from std_msgs.msg import Header

from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.nodes.robot.true_state import TrueState

MAKE = MessageMaker(ros_class)


def test_labels_are_those_of_their_names_in_whatever_order_the_sources_are() -> None:
    plain = load_contract("gripper_arm")
    data = yaml.safe_load(plain.text)
    data["deployment"]["labels"].reverse()
    contract, node = contract_from_text(yaml.safe_dump(data), folder=plain.folder), QuietNode()
    true = TrueState(node, contract)
    for each, target in enumerate(["object_0", "object_1"]):
        pose = MAKE.pose([0.1, 0.2, each, 0, 0, 0, 1], node.now_ns(), contract.interface.base_frame)
        node.heard[f"labels/{target}/pose"][0](pose)
    node.heard["labels/drawer/position"][0](MAKE.float32(0.5))
    node.heard["labels/button/state"][0](MAKE.float32(1.0))
    found = {name: place.round(6).tolist() for name, place in true.positions.items()}
    assert found == {"object_0": [0.1, 0.2, 0], "object_1": [0.1, 0.2, 1], "drawer": [0.5], "button": [1.0]}
    assert sorted(true.poses) == ["object_0", "object_1"]


def test_labels_of_any_type_that_a_contract_takes_are_read() -> None:
    plain = load_contract("gripper_arm")
    data = yaml.safe_load(plain.text)
    data["deployment"]["labels"][0] |= {"type": "geometry_msgs/msg/PoseArray", "topic": "poses", "index": 1}
    contract, node = contract_from_text(yaml.safe_dump(data), folder=plain.folder), QuietNode()
    true = TrueState(node, contract)
    array = PoseArray(header=Header(frame_id=contract.interface.base_frame), poses=[Pose(), Pose()])
    array.poses[1].position.x = 0.25
    node.heard["poses"][0](array)
    assert true.positions["object_0"].tolist() == [0.25, 0.0, 0.0]


def test_joints_of_several_publishers_say_where_a_fingertip_is() -> None:
    contract = split_contract("arm/joint_states", "hand/joint_states")
    node, rest = QuietNode(), np.array(load_contract("tabletop_arm").rest)
    true = TrueState(node, contract)
    for topic, names, positions in (
        ("hand/joint_states", HAND_JOINTS, rest[5:]),
        ("arm/joint_states", ARM_JOINTS, rest[:5]),
    ):
        assert not true.positions
        hear = node.heard[topic][0]
        hear(MAKE.joint_state(["another"], [0.0], [0.0], stamp_ns=node.now_ns()))
        hear(MAKE.joint_state(names, positions, np.full(len(names), np.nan), stamp_ns=node.now_ns()))
    tips = ArmKinematics(contract)
    assert true.tip_positions() == {name: pytest.approx(tips.tip(rest, link)[0]) for name, link in true.tips.items()}
