"""Depth of the simulated robot: true where it measures, with holes where a stereo camera has them."""

from __future__ import annotations

import numpy as np
import pytest
from depth_arm import depth_arm

from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.sim.depth_sensor import measured_mm
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Telemetry


def wall(metres: float) -> np.ndarray:
    return np.full((120, 160), metres, np.float32)


def test_noise_grows_with_the_square_of_the_distance() -> None:
    spread = {}
    for metres in (0.5, 1.0, 2.0):
        seen = measured_mm(wall(metres), (0.2, 4.0))
        there = seen[seen > 0] * 1e-3
        assert there.mean() == pytest.approx(metres, abs=1e-3)
        spread[metres] = there.std()
    assert spread[2.0] / spread[1.0] == pytest.approx(4.0, rel=0.1)
    assert spread[1.0] / spread[0.5] == pytest.approx(4.0, rel=0.3)  # beside half a millimetre of rounding


def test_it_measures_nothing_out_of_its_range_and_less_towards_its_end() -> None:
    assert not measured_mm(wall(0.1), (0.2, 4.0)).any()
    assert not measured_mm(wall(4.5), (0.2, 4.0)).any()
    near, far = ((measured_mm(wall(metres), (0.2, 4.0)) == 0).mean() for metres in (0.4, 3.9))
    assert 0.0 < near < far < 0.1


def test_edges_of_near_things_are_holes_and_never_a_distance_in_between() -> None:
    metres = wall(2.0)
    metres[40:80, 60:100] = 1.0
    seen = measured_mm(metres, (0.2, 4.0)) * 1e-3
    assert (seen[40:80, [59, 60, 99, 100]] == 0).all()
    assert (seen[[39, 40, 79, 80], 60:100] == 0).all()
    there = seen[seen > 0]
    assert (np.minimum(np.abs(there - 1.0), np.abs(there - 2.0)) < 0.05).all()


def test_the_same_moment_gives_the_same_noise_and_another_another() -> None:
    one, other = wall(1.0), wall(1.0)
    other[0, 0] = 1.001
    assert np.array_equal(measured_mm(one, (0.2, 4.0)), measured_mm(one, (0.2, 4.0)))
    assert not np.array_equal(measured_mm(one, (0.2, 4.0))[10:], measured_mm(other, (0.2, 4.0))[10:])


def test_the_arm_sees_its_table_and_object_as_far_as_they_are() -> None:
    contract = depth_arm()
    scene = scene_for_seed(contract, 3, "plain")
    robot = SimRobot(contract, scene, 3)
    try:
        telemetry = Telemetry(contract, MessageMaker(ros_class))
        assert [each.name for each in telemetry.cameras] == ["front", "above"]
        sample = telemetry.image(robot, contract.stream("above"))
        colours = robot.image("front")
        again = telemetry.image(robot, contract.stream("above"))
    finally:
        robot.close()
    assert sample.topic == "camera/above/depth/image_rect_raw"
    assert sample.message.encoding == "16UC1"
    assert sample.message.data == again.message.data
    assert colours.dtype == np.uint8
    assert colours.shape == (128, 128, 3)
    _, depth = converter_for(contract.stream("above"), contract.source("above"))(sample.message)
    assert depth.shape == (32, 48, 1)
    camera = np.array([0.9, 0.0, 0.8])
    middle = np.nanmedian(depth[14:18, 22:26])
    assert 0.5 * np.linalg.norm(camera - [0.5, 0.0, 0.0]) < middle <= np.linalg.norm(camera - [0.5, 0.0, 0.0]) + 0.02
    assert 0.0 < np.isnan(depth).mean() < 0.3
