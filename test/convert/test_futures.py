"""Imagined futures carry the times that they are imagined for."""

from __future__ import annotations

import numpy as np

from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.futures import joints_ahead, path_message, stamps_ahead
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.stamps import time_ns

CONTRACT = load_contract("tabletop_arm")
TICK_NS = CONTRACT.tick_ns
NOW_NS = 1_700_000_000_000_000_000


def test_the_first_imagined_step_is_one_step_ahead_unless_it_is_said_to_be_now() -> None:
    assert stamps_ahead(CONTRACT, 3, NOW_NS) == [NOW_NS + TICK_NS, NOW_NS + 2 * TICK_NS, NOW_NS + 3 * TICK_NS]
    assert stamps_ahead(CONTRACT, 2, NOW_NS, first=0) == [NOW_NS, NOW_NS + TICK_NS]


def test_each_pose_of_a_path_has_the_time_of_its_step(make: MessageMaker) -> None:
    poses = np.tile([0.4, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0], (4, 1))
    path = path_message(make, CONTRACT, poses, NOW_NS)
    assert [time_ns(each.header.stamp) for each in path.poses] == [NOW_NS + step * TICK_NS for step in (1, 2, 3, 4)]
    assert {each.header.frame_id for each in path.poses} == {CONTRACT.interface.base_frame}


def test_imagined_joints_are_where_they_will_be_a_step_ahead_and_move_as_fast_as_they_change() -> None:
    positions = np.outer([0.1, 0.2, 0.4], np.ones(6))
    ahead = joints_ahead(CONTRACT, positions, NOW_NS)
    np.testing.assert_allclose(ahead.times_s, TICK_NS * 1e-9 * np.array([1, 2, 3]))
    np.testing.assert_allclose(ahead.sample(NOW_NS + 2 * TICK_NS)[0], 0.2)
    np.testing.assert_allclose(ahead.velocities[:, 0], [1.0, 1.5, 2.0])
