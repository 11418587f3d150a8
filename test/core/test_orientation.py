"""What of an orientation counts, and how far two are apart; against rotation matrices."""

import numpy as np
import pinocchio as pin
import pytest

from world_model_ros.core.orientation import apart_rad, axis, unique, yaw

RANDOM = np.random.default_rng(7)


def some_quaternion():
    numbers = RANDOM.standard_normal(4)
    return numbers / np.linalg.norm(numbers)


def quaternion(roll=0.0, pitch=0.0, turn=0.0):
    return pin.Quaternion(pin.rpy.rpyToMatrix(roll, pitch, turn)).coeffs()


def turned(of, angle):
    """After a turn about its own z axis."""
    return pin.Quaternion(pin.Quaternion(of).matrix() @ pin.rpy.rpyToMatrix(0, 0, angle)).coeffs()


@pytest.mark.parametrize("number", range(20))
def test_yaw_and_axis_are_those_of_the_matrix(number):
    some = some_quaternion()
    matrix = pin.Quaternion(some).matrix()
    assert yaw(some) == pytest.approx(np.arctan2(matrix[1, 0], matrix[0, 0]))
    assert axis(some) == pytest.approx(matrix[:, 2])
    other = some_quaternion()
    between = pin.log3(matrix.T @ pin.Quaternion(other).matrix())
    assert apart_rad(some, other, "full") == pytest.approx(np.linalg.norm(between), abs=1e-6)
    assert apart_rad(some, -other, "full") == pytest.approx(np.linalg.norm(between), abs=1e-6)
    assert apart_rad(some, other, "free") == 0.0


@pytest.mark.parametrize("counts", ["yaw", "full"])
@pytest.mark.parametrize("symmetry", [1, 2, 4])
def test_turns_that_look_the_same_are_no_way(counts, symmetry):
    start = quaternion(turn=0.3) if counts == "yaw" else some_quaternion()
    for turn in range(-symmetry, symmetry + 1):
        alike = turned(start, 2 * np.pi * turn / symmetry)
        assert apart_rad(start, alike, counts, symmetry) == pytest.approx(0.0, abs=1e-6)
    assert apart_rad(start, turned(start, np.pi / symmetry), counts, symmetry) == pytest.approx(np.pi / symmetry)
    assert apart_rad(start, turned(start, 0.2), counts, symmetry) == pytest.approx(0.2)


def test_of_an_axis_only_where_it_points_counts():
    start = quaternion(0.4, -0.2, 1.0)
    assert apart_rad(start, turned(start, 2.0), "axis") == pytest.approx(0.0, abs=1e-6)
    assert apart_rad(quaternion(), quaternion(roll=0.5), "axis") == pytest.approx(0.5)
    assert apart_rad(quaternion(), quaternion(roll=np.pi), "axis") == pytest.approx(np.pi)


def test_one_of_two_quaternions_of_an_orientation_is_taken():
    for _ in range(50):
        some = RANDOM.standard_normal(4)
        assert np.array_equal(unique(some), unique(-some))
        assert unique(some)[3] > 0
    for half in ([0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [-1, 0, 1, 0]):
        assert np.array_equal(unique(np.array(half, float)), unique(-np.array(half, float)))
        assert not np.signbit(unique(-np.array(half, float))[3])
