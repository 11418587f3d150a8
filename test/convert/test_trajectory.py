"""Joint trajectories to arrays and back."""

import numpy as np
import pytest

from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.trajectory import trajectory_from
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory

STAMP_NS = 1_700_000_000_000_000_000


def swing() -> Trajectory:
    times_s = np.array([0.0, 0.1, 0.25])
    positions = np.array([[0.0, 1.0], [0.1, 1.5], [0.3, 1.8]])
    velocities = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
    return Trajectory(("a", "b"), times_s, positions, velocities, STAMP_NS)


def test_a_trajectory_survives_the_way_through_a_message(make: MessageMaker) -> None:
    back = trajectory_from(make.trajectory(swing()))
    assert back.names == ("a", "b")
    assert back.stamp_ns == STAMP_NS
    for field in ("times_s", "positions", "velocities"):
        assert np.allclose(getattr(back, field), getattr(swing(), field))


def test_joints_come_out_in_the_order_asked_for(make: MessageMaker) -> None:
    back = trajectory_from(make.trajectory(swing()), ("b", "a"))
    assert np.allclose(back.positions, swing().positions[:, ::-1])
    assert np.allclose(back.velocities, swing().velocities[:, ::-1])
    for joints in (("a",), ("a", "b", "c"), ("a", "c")):
        with pytest.raises(UserError, match="joint_names"):
            trajectory_from(make.trajectory(swing()), joints)


def test_missing_velocities_are_finite_differences_that_end_at_rest(make: MessageMaker) -> None:
    message = make.trajectory(swing())
    for point in message.points:
        point.velocities = point.accelerations  # empty, of the right array type
    back = trajectory_from(message)
    assert np.allclose(back.velocities[0], [1.0, 5.0])
    assert np.allclose(back.velocities[-1], 0.0)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("times_s", np.array([0.0, 0.1, 0.1]), "time_from_start"),
        ("positions", np.full((3, 2), np.nan), "positions.*finite"),
        ("positions", np.zeros((3, 3)), "length of positions"),
        ("velocities", np.full((3, 2), np.inf), "velocities.*finite"),
        ("times_s", np.zeros(0), "points"),
        ("names", ("a", "a"), "joint_names"),
        ("names", (), "joint_names"),
    ],
)
def test_bad_trajectories_are_refused(make: MessageMaker, field: str, value: object, error: str) -> None:
    fields = {name: getattr(swing(), name) for name in ("names", "times_s", "positions", "velocities", "stamp_ns")}
    with pytest.raises(UserError, match=error):
        trajectory_from(make.trajectory(Trajectory(**{**fields, field: value})))


def test_some_points_without_velocities_are_refused(make: MessageMaker) -> None:
    message = make.trajectory(swing())
    message.points[1].velocities = message.points[1].accelerations
    with pytest.raises(UserError, match="length of velocities"):
        trajectory_from(message)
