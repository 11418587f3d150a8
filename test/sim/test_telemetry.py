"""When a sense is due."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from tracked_robot import OBJECT, tracked, tracked_text

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.contract.contract import contract_from_text
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Telemetry, beats


@pytest.mark.parametrize("rate_hz", [10.0, 30.0, 50.0, 100.0])
@pytest.mark.parametrize("start_ns", [0, 1_795_326_720_270_000_000])
def test_beats_are_neither_lost_nor_doubled_at_the_edge_of_a_step(rate_hz, start_ns):
    steps = range(start_ns, start_ns + 10_000_000_000, 10_000_000)
    count = sum(beats(rate_hz, step + 10_000_000, step) for step in steps)
    assert count == pytest.approx(10 * rate_hz, abs=1)


def test_an_unknown_stream_cannot_be_unplugged(contract):
    with pytest.raises(UserError, match="front"):
        Telemetry(contract, MessageMaker(ros_class), ("nose",))


def test_objects_are_reported_as_a_tracker_does():
    contract, make = tracked(), MessageMaker(standard_types().types.__getitem__)
    robot = SimRobot(contract, scene_for_seed(contract, 3), 0, 1_000_000_000)
    try:
        (sample,) = [each for each in Telemetry(contract, make).read(robot, 0) if each.topic == OBJECT]
        assert sample.type == "geometry_msgs/msg/PoseStamped"
        place = sample.message.pose.position
        turn = sample.message.pose.orientation
        found = [place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w]
        np.testing.assert_allclose(found, robot.object_pose())
        assert sample.message.header.frame_id == contract.interface.base_frame
    finally:
        robot.close()


def test_what_no_object_is_cannot_be_tracked():
    data = tracked_text()
    for part in (data["interface"], data["deployment"]):
        part["streams"].append({**part["streams"][-1], "name": "cup"})
    data["deployment"]["streams"][-1]["topic"] = "tracker/cup/pose"
    with pytest.raises(UserError, match="cup"):
        Telemetry(contract_from_text(yaml.safe_dump(data)), MessageMaker(ros_class))


def test_what_is_tracked_in_another_frame_is_not_simulated():
    data = tracked_text()
    data["interface"]["streams"][-1]["frame"] = "camera"
    with pytest.raises(UserError, match=r"frame.*camera"):
        Telemetry(contract_from_text(yaml.safe_dump(data)), MessageMaker(ros_class))
