"""Markers replace each other in place, go away by themselves, and never carry a number a viewer chokes on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from world_model_ros.contract.contract import load_contract
from world_model_ros.view.appearance import ramp
from world_model_ros.view.markers.future_markers import (
    candidate_marker,
    ghost_markers,
    goal_markers,
    path_marker,
    region_markers,
    robot_marker,
)
from world_model_ros.view.markers.ghosts import badge_marker, contact_markers, robot_ghost_markers
from world_model_ros.view.markers.marker_scene import Scene
from world_model_ros.view.markers.robot_shape import RobotShape

SHAPE = RobotShape(load_contract("tabletop_arm"))
PATH = np.stack([np.linspace(0.3, 0.6, 12), np.zeros(12), np.full(12, 0.03)], axis=1)


def everything(path: np.ndarray) -> list:
    return (
        path_marker("fingertip", path)
        + region_markers("object_0", path, np.full((12, 3), 0.01))
        + ghost_markers("fingertip", path, (3, 6, 9, 12))
        + candidate_marker(np.stack([path, path + 0.1]))
        + goal_markers("object_0", path[-1])
        + robot_marker(path)
        + contact_markers(path, np.linspace(0, 8, 12), (3, 6, 9, 12))
        + robot_ghost_markers(SHAPE, np.nan_to_num(path).repeat(2, axis=1), (3, 6, 9, 12))
        + badge_marker("tracking", (0, 0, 1))
    )


def test_names_are_unique_and_the_same_every_time():
    first, second = everything(PATH), everything(PATH + 0.01)
    names = [(marker.namespace, marker.id) for marker in first]
    assert len(set(names)) == len(names)
    assert names == [(marker.namespace, marker.id) for marker in second]


def test_every_marker_has_an_end():
    assert all(0 < marker.lifetime_s <= 5 for marker in everything(PATH))


@given(
    arrays(np.float64, (12, 3), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)),
)
def test_only_finite_numbers_reach_a_viewer(path):
    for marker in everything(path):
        assert np.isfinite(marker.points).all()
        assert np.isfinite(marker.scale).all()
        assert len(marker.colours) in (1, len(marker.points))
        assert ((marker.colours >= 0) & (marker.colours <= 1)).all()


def test_the_ramp_is_one_for_all_and_fades_with_time():
    colours = ramp(12)
    assert (np.diff(colours[:, 3]) < 0).all()
    np.testing.assert_array_equal(path_marker("fingertip", PATH)[0].colours, colours)
    np.testing.assert_array_equal(ghost_markers("fingertip", PATH, (3, 12))[0].colours, colours[[2, 11]])


def test_a_region_is_as_wide_as_its_semi_axes_on_both_sides():
    regions = region_markers("object_0", PATH, np.linspace(0.01, 0.12, 12)[:, None] * [1, 2, 3], every=6)
    assert [marker.id for marker in regions] == [6, 12]
    assert regions[1].scale == pytest.approx((0.24, 0.48, 0.72))
    np.testing.assert_allclose(regions[0].points, PATH[5:6], rtol=1e-6)


def test_candidates_become_separate_lines():
    first, second = PATH, PATH + np.array([0, 1, 0])
    (marker,) = candidate_marker(np.stack([first, second]))
    ends = marker.points.reshape(-1, 2, 3)
    assert len(ends) == 2 * 11
    assert np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).max() < 0.1


def test_the_scene_forgets_what_is_not_renewed_and_a_goal_that_was_taken_away():
    scene = Scene((6, 12))
    scene.path("fingertip", PATH, now_ns=0)
    scene.goal("fingertip", PATH[-1], now_ns=900_000_000)
    assert {marker.namespace for marker in scene.markers(900_000_000)} == {
        "fingertip/path",
        "fingertip/ghost",
        "fingertip/goal",
    }
    assert {marker.namespace for marker in scene.markers(1_500_000_000)} == {"fingertip/goal"}
    scene.goal(None, None, now_ns=1_500_000_000)
    assert scene.markers(1_500_000_000) == []


def test_ghosts_of_the_robot_get_fainter_and_leave_out_what_stands_still():
    joints = np.zeros((12, 6))
    joints[:, 0] = np.linspace(0, 0.6, 12)
    ghosts = robot_ghost_markers(SHAPE, joints, (3, 12))
    near, far = ([each for each in ghosts if each.namespace == f"robot/ghost/{step}"] for step in (3, 12))
    assert 0 < far[0].colours[0, 3] < near[0].colours[0, 3] < 1
    assert len(near) <= len(far) < len(SHAPE.parts)
    assert robot_ghost_markers(SHAPE, np.zeros((12, 6)), (3, 12)) == []


def test_contacts_are_drawn_from_a_force_on_and_say_how_large_it_is():
    forces = np.zeros(12)
    forces[[5, 11]] = 0.1, 7.0
    ball, words = contact_markers(PATH, forces, (6, 12))
    assert (ball.kind, ball.id, words.text) == ("sphere", 12, "7 N")


def test_ghosts_make_room_when_the_budget_is_spent():
    scene, joints = Scene((3, 6, 9, 12), ["fingertip"], budget=12), np.zeros((12, 6))
    joints[:, 0] = np.linspace(0, 0.6, 12)
    scene.ghosts(SHAPE, joints, 0)
    scene.path("fingertip", PATH, 0)
    scene.contact(np.full(12, 5.0), 0)
    markers = scene.markers(0)
    assert len(markers) == 12
    assert {"fingertip/path", "contact"} <= {marker.namespace for marker in markers}
    assert scene.dropped > 10
