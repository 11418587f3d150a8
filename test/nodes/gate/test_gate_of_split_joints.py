"""A gate whose arm and gripper publish their joint states themselves, on two topics or on one."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from peer import Peer
from sensor_msgs.msg import JointState
from split_joints import ARM_JOINTS, HAND_JOINTS, split_contract, split_text
from std_msgs.msg import String
from std_srvs.srv import Trigger

from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox
from world_model_ros.nodes.qos import LATCHED

REST = load_contract("tabletop_arm").rest
MAKE = MessageMaker(ros_class)


class Drivers(Peer):
    """Two drivers, and somebody who talks to the gate."""

    def __init__(self, topics: tuple[str, str]) -> None:
        super().__init__("drivers")
        self.state: dict[str, Any] = {}
        self.diagnostics: dict[str, str] = {}
        self.node.create_subscription(String, "gate/state", self._on_state, LATCHED)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.publishers = [self.node.create_publisher(JointState, topic, 10) for topic in topics]
        self.running = [True, False]
        self.velocity = 0.0
        self.node.create_timer(0.01, self._publish)

    def knows(self) -> str:
        return f"the gate says {self.state}, {self.diagnostics}"

    def arm(self) -> Trigger.Response:
        return self.call("gate/arm")

    def _publish(self) -> None:
        now_ns = self.node.get_clock().now().nanoseconds
        for publisher, running, names, positions in zip(
            self.publishers, self.running, (ARM_JOINTS, HAND_JOINTS), (REST[:5], REST[5:])
        ):
            if running:
                velocities = np.full(len(names), self.velocity)
                publisher.publish(MAKE.joint_state(names, positions, velocities, stamp_ns=now_ns))

    def _on_state(self, message: String) -> None:
        self.state = json.loads(message.data)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics = {pair.key: pair.value for pair in message.status[0].values}


@pytest.fixture(params=[("arm/joint_states", "hand/joint_states"), ("joint_states", "joint_states")])
def drivers(request, start_node, monkeypatch, tmp_path: Path) -> Iterator[Drivers]:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(random.randrange(1, 100)))
    contract = tmp_path / "split.yaml"
    contract.write_text(split_text(*request.param, hand_age_s=0.6).replace("max_age_s: 0.2", "max_age_s: 0.5"))
    start_node("command_gate_node", f"robot:={contract}")
    drivers = Drivers(request.param)
    yield drivers
    drivers.close()


@pytest.mark.slow
def test_it_waits_for_every_joint_and_notices_when_one_of_them_stops(drivers: Drivers) -> None:
    drivers.spin(lambda: drivers.diagnostics.get("joints_unheard") == "wrist_3_joint")
    refused = drivers.arm()
    assert not refused.success
    assert "joint_states_stale: none yet: nothing of ['wrist_3_joint'] yet" in refused.message
    drivers.running[1] = True
    drivers.spin(lambda: drivers.diagnostics["joints_unheard"] == "")
    drivers.spin(lambda: drivers.arm().success)
    drivers.spin(lambda: drivers.state["state"] == "holding")
    assert drivers.diagnostics["joint_states_ignored"] == "0"
    ahead_ns = drivers.node.get_clock().now().nanoseconds + 3600 * 10**9
    drivers.publishers[1].publish(MAKE.joint_state(HAND_JOINTS, REST[5:], np.zeros(1), stamp_ns=ahead_ns))
    drivers.spin(lambda: drivers.diagnostics["joint_states_ignored"] == "1")
    assert drivers.state["state"] == "holding"  # one wrong stamp costs its message
    drivers.running[1] = False
    drivers.spin(lambda: drivers.state["cause"] == "joint_states_stale" or drivers.state["state"] == "disarmed")
    drivers.spin(lambda: drivers.state["state"] == "disarmed")


@pytest.mark.slow
def test_it_says_why_it_takes_no_joint_states_of_a_driver_that_sends_nan(drivers: Drivers) -> None:
    """As joint_state_broadcaster does where the hardware measures no velocity."""
    drivers.running, drivers.velocity = [True, True], float("nan")
    drivers.spin(lambda: int(drivers.diagnostics.get("joint_states_ignored", "0")) > 0)
    refused = drivers.arm()
    assert not refused.success
    assert "joint_states_stale" in refused.message
    assert "leave velocity out, the driver sends nan" in refused.message
    drivers.velocity = 0.0
    drivers.spin(lambda: drivers.diagnostics["joints_unheard"] == "")
    drivers.spin(lambda: drivers.arm().success)


@pytest.mark.parametrize("topics", [("arm/joint_states", "hand/joint_states"), ("joint_states", "joint_states")])
def test_the_brain_hears_both_and_refuses_neither(topics: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(random.randrange(1, 100)))
    drivers = Drivers(topics)
    try:
        inbox = StreamInbox(drivers.node, split_contract(*topics))
        drivers.running[1] = True

        def both() -> bool:
            fresh = inbox.streams.observe(drivers.node.get_clock().now().nanoseconds).fresh
            return fresh["arm"] and fresh["hand"]

        drivers.spin(both)
        assert not inbox.bad
    finally:
        drivers.close()
