"""What controllers of some of the joints are told."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_msgs.msg import TwistStamped
from rclpy.serialization import deserialize_message
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.output import GateOutput
from world_model_ros.gate.states import Event, State
from world_model_ros.nodes.gate.controllers import Told

WHOLE = "command: {interface: joint_trajectory, topic: joint_trajectory_controller/joint_trajectory, rate_hz: 100.0}"
NOW_NS = 1_700_000_000_000_000_001


def commanded(contract: Contract, command: str) -> Contract:
    assert contract.text.count(WHOLE) == 1
    return contract_from_text(contract.text.replace(WHOLE, f"command: {command}"), folder=contract.folder)


def beside(contract: Contract, arm: str, hand: str, joints: list[str], topic: str = "hand") -> Contract:
    other = f"{{interface: {hand}, topic: {topic}, joints: [{', '.join(joints)}]}}"
    return commanded(contract, f"{{interface: {arm}, topic: arm, others: [{other}]}}")


def output(contract: Contract) -> GateOutput:
    count, random = len(contract.joint_names), np.random.default_rng(0)
    rows = random.normal(size=(3, 4, count))
    sent = Trajectory(contract.joint_names, np.array([0.01, 0.02, 0.1, 0.4]), rows[0], rows[1], NOW_NS, rows[2])
    motion = Motion(*random.uniform(-0.5, 0.5, (3, count)))
    return GateOutput(State.TRACKING, Event.COMMAND, motion, sent, motion, ())


def told(contract: Contract, said: GateOutput) -> list:
    controllers = contract.deployment.command.controllers(contract.joint_names)
    return [Told(contract, each).message(said, NOW_NS) for each in controllers]


def test_each_controller_is_told_of_its_own_joints(contract: Contract) -> None:
    names = contract.joint_names
    split = beside(contract, "joint_trajectory", "joint_trajectory", [names[5], names[2]])  # in any order
    said = output(split)
    arm, hand = (deserialize_message(each, JointTrajectory) for each in told(split, said))
    assert arm.joint_names == [names[i] for i in (0, 1, 3, 4)]
    assert hand.joint_names == [names[i] for i in (2, 5)]
    for message, columns in ((arm, [0, 1, 3, 4]), (hand, [2, 5])):
        assert len(message.points) == 4
        for i, point in enumerate(message.points):
            assert list(point.positions) == said.outgoing.positions[i, columns].tolist()
            assert list(point.accelerations) == said.outgoing.accelerations[i, columns].tolist()


def test_streamed_controllers_and_a_twist(contract: Contract) -> None:
    names, link = contract.joint_names, contract.interface.action.link
    split = beside(contract, "forward_velocity", "forward_position", [names[5]])
    said = output(split)
    arm, hand = told(split, said)
    assert isinstance(arm, Float64MultiArray)
    assert list(arm.data) == said.setpoint.velocity[:5].tolist()
    assert list(hand.data) == [said.setpoint.position[5]]
    (moved,) = told(commanded(contract, f"{{interface: twist, topic: servo, link: {link}}}"), said)
    assert isinstance(moved, TwistStamped)
    assert moved.header.frame_id == contract.interface.base_frame
    assert moved.header.stamp.nanosec == 1
    assert moved.twist.linear.x != 0
    still = GateOutput(State.DISARMED, Event.START, None, None, None, ())
    assert told(split, still) == [None, None]


@pytest.mark.parametrize(
    "command", ["{interface: twist, topic: t}", "{interface: forward_position, topic: t, link: a}"]
)
def test_a_link_is_for_a_twist(contract: Contract, command: str) -> None:
    with pytest.raises(UserError, match="link"):
        commanded(contract, command)


def test_controllers_that_do_not_fit_are_refused(contract: Contract) -> None:
    names = list(contract.joint_names)
    for hand, joints, topic, complaint in (
        ("forward_velocity", names[:1], "hand", "next to joint_trajectory"),
        ("gripper_command", names[:2], "hand", "one joint"),
        ("joint_trajectory", names[:1], "arm", "topic"),
        ("joint_trajectory", ["knee"], "hand", "knee"),
        ("joint_trajectory", names, "hand", "leave a joint"),
    ):
        with pytest.raises(UserError, match=complaint):
            beside(contract, "joint_trajectory", hand, joints, topic)


def test_a_gripper_beside_an_arm_that_is_told_trajectories_may_be_told_positions(contract: Contract) -> None:
    names = contract.joint_names
    said = output(split := beside(contract, "joint_trajectory", "forward_position", [names[5]]))
    arm, hand = told(split, said)
    assert deserialize_message(arm, JointTrajectory).joint_names == list(names[:5])
    assert list(hand.data) == [said.setpoint.position[5]]
    with pytest.raises(UserError, match="joint_trajectory next to forward_position"):
        beside(contract, "forward_position", "joint_trajectory", [names[5]])


def test_actions_of_grippers_are_not_for_arms_and_their_fields_not_for_others(contract: Contract) -> None:
    name = contract.joint_names[5]
    with pytest.raises(UserError, match="interface"):
        commanded(contract, "{interface: gripper_command, topic: t}")
    hand = f"{{interface: forward_position, topic: h, joints: [{name}], max_effort: 5.0}}"
    with pytest.raises(UserError, match="max_effort: is for gripper_command"):
        commanded(contract, f"{{interface: joint_trajectory, topic: t, others: [{hand}]}}")


def test_a_link_that_other_joints_move_too_is_refused(contract: Contract) -> None:
    other = f"others: [{{interface: forward_position, topic: u, joints: [{contract.joint_names[0]}]}}]"
    split = commanded(contract, f"{{interface: twist, topic: t, link: {contract.interface.action.link}, {other}}}")
    with pytest.raises(UserError, match=contract.joint_names[0]):
        told(split, output(split))
