"""Where joints are commanded to be, by what their controllers were sent."""

from __future__ import annotations

import numpy as np
import pytest
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from world_model_ros.convert.commanded_joints import CommandedJoints, together
from world_model_ros.core.errors import UserError

JOINTS = ("shoulder", "elbow", "finger")
NAN, S = np.nan, 10**9


def sent(names: list[str], *points: tuple[float, list[float]]) -> JointTrajectory:
    message = JointTrajectory(joint_names=names)
    for seconds, positions in points:
        point = JointTrajectoryPoint(positions=positions)
        point.time_from_start.sec, point.time_from_start.nanosec = divmod(round(seconds * 1e9), S)
        message.points.append(point)
    return message


def test_joints_are_found_by_name_among_others_and_the_rest_is_unknown():
    arm = CommandedJoints(JOINTS, "arm")
    assert np.isnan(arm.at(0)).all()
    arm.take(sent(["wheel", "elbow", "shoulder"], (0.0, [9.0, 2.0, 1.0]), (1.0, [9.0, 4.0, 1.0])), 5 * S)
    np.testing.assert_array_equal(arm.at(5 * S), [1.0, 2.0, NAN])
    np.testing.assert_allclose(arm.at(5 * S + S // 2), [1.0, 3.25, NAN])  # a spline that rests at its end
    np.testing.assert_array_equal(arm.at(60 * S), [1.0, 4.0, NAN])


def test_a_trajectory_of_other_joints_is_refused_and_changes_nothing():
    arm = CommandedJoints(JOINTS, "arm")
    arm.take(sent(["finger"], (0.0, [0.1])), S)
    with pytest.raises(UserError, match=r"arm: joint_names.*wheel.*shoulder"):
        arm.take(sent(["wheel"], (0.0, [9.0])), 2 * S)
    np.testing.assert_array_equal(arm.at(3 * S), [NAN, NAN, 0.1])


def test_a_point_that_lies_ahead_is_gone_to_from_where_the_last_trajectory_led():
    """As a jogging or a gripping driver sends: one point, to be reached in a while."""
    hand = CommandedJoints(JOINTS, "hand")
    hand.take(sent(["finger"], (0.5, [0.0])), 0)
    message = sent(["finger"], (1.0, [0.04]))
    hand.take(message, 2 * S)
    way = [hand.at(2 * S + step * S // 10)[2] for step in range(11)]
    assert way[0] == 0.0
    assert way[5] == pytest.approx(0.02)
    assert way[-1] == 0.04
    assert (np.diff(way) > 0).all()
    hand.take(message, 2 * S)  # the same message, read once more, does not begin again
    assert hand.at(2 * S + S // 2)[2] == pytest.approx(0.02)


def test_a_trajectory_that_begins_ahead_is_joined_at_the_speed_that_there_is():
    arm = CommandedJoints(("a",), "arm")
    first, next_ = sent(["a"], (0.0, [0.0]), (2.0, [2.0])), sent(["a"], (0.5, [1.5]))
    for point in (*first.points, *next_.points):
        point.velocities = [1.0]
    arm.take(first, 0)
    arm.take(next_, S)
    ahead_s = 0.05  # it goes on as fast as before: from rest it would have moved by a third of that
    assert arm.at(S + round(ahead_s * S))[0] - 1.0 == pytest.approx(ahead_s, rel=0.1)


def test_controllers_are_put_together_and_what_nobody_commands_is_where_it_is_measured():
    arm, hand, measured = np.array([1.0, 2.0, NAN]), np.array([NAN, NAN, 0.1]), np.array([7.0, 8.0, 9.0])
    np.testing.assert_array_equal(together([arm, hand], None), [1.0, 2.0, 0.1])
    np.testing.assert_array_equal(together([arm], measured), [1.0, 2.0, 9.0])
    assert together([arm], None) is None
    assert together([np.full(3, NAN)], measured) is None
    assert together([], measured) is None
