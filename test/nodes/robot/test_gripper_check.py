"""A live check looks for the action of a gripper as for the topics of other controllers."""

from __future__ import annotations

import time

import rclpy
from rclpy.node import Node
from real_robots import ROBOTS, real_robot
from std_srvs.srv import Trigger

from world_model_ros.bringup.domain import free_domain
from world_model_ros.contract.deployment.gate import Controller
from world_model_ros.nodes.robot.live_check import LiveCheck


def test_an_action_server_is_found_by_its_service(tmp_path):
    robot = ROBOTS["panda"]
    contract = real_robot(tmp_path, "panda", [{"kind": "gripper", "joints": [robot.gripper], "bound": 0.2}])
    right, wrong = (
        Controller(interface="gripper_command", topic=topic, joints=["finger_joint1"])
        for topic in ("hand/grip", "grip")
    )
    rclpy.init(domain_id=free_domain())
    try:
        check, hand = LiveCheck(contract, False), Node("hand")
        assert [each.level for each in check._controller(right)] == ["wrong"]
        hand.create_service(Trigger, "hand/grip/_action/send_goal", lambda _, response: response)
        end = time.monotonic() + 10.0
        while check._controller(right)[0].level != "ok":
            assert time.monotonic() < end
            time.sleep(0.05)
        found = check._controller(wrong)[0]
        assert found.level == "wrong"
        assert str(found.change).endswith("one of ['/hand/grip']")
    finally:
        rclpy.shutdown()
