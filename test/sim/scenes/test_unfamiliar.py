"""Shapes that no data is gathered with: as large as they say, steady, drawn for their task alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from world_model_ros.contract.contract import load_contract
from world_model_ros.sim.collection.collect import collection_scene
from world_model_ros.sim.collection.operators import GripperSight
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig
from world_model_ros.sim.scenes.unfamiliar import FORMS, UNFAMILIAR, Unfamiliar
from world_model_ros.sim.sim_robot import SimRobot

CONTRACT = load_contract("gripper_arm_tracked")
ARM = load_contract("gripper_arm")


@pytest.mark.parametrize("shape", UNFAMILIAR)
def test_it_is_as_large_as_it_says_and_stays_where_it_is_put(shape: Unfamiliar):
    half = tuple(1.1 * each for each in FORMS[shape].half)
    item = ObjectConfig(shape, half, 0.3, start=(0.5, -0.1, 0.7))
    robot = SimRobot(CONTRACT, SceneConfig((item,)), 0)
    model, body = robot._model, robot._model.body("object_0")
    assert body.mass == pytest.approx(0.3)
    reaches = []
    for geom, piece in enumerate(FORMS[shape].pieces, int(body.geomadr[0])):
        axes = np.abs(Rotation.from_quat(np.roll(model.geom_quat[geom], -1)).as_matrix())
        radius, length, _ = model.geom_size[geom]
        reach = axes[:, 2] * length + radius if piece.shape == "capsule" else axes @ model.geom_aabb[geom, 3:]
        reaches += [model.geom_pos[geom] + reach, model.geom_pos[geom] - reach]
    np.testing.assert_allclose(np.abs(reaches).max(0), half, atol=0.006)
    assert np.min(reaches, 0)[2] == pytest.approx(-half[2], abs=1e-6)  # it stands on the table
    robot.step_to(robot.now_ns + 600_000_000)
    x, y, z, *turn = robot.object_pose()
    np.testing.assert_allclose([x, y, z], [0.5, -0.1, half[2]], atol=2e-3)
    np.testing.assert_allclose(Rotation.from_quat(turn).as_euler("xyz"), [0.0, 0.0, 0.7], atol=0.02)
    robot.close()


def test_all_of_them_come_up_in_their_task_and_in_no_other_scene():
    for contract in (CONTRACT, ARM):
        wished = [scene_for_seed(contract, seed, "varied", "unseen").objects for seed in range(40)]
        assert wished[3] == scene_for_seed(contract, 3, "varied", "unseen").objects
        assert {first.shape for first, *_ in wished} == set(UNFAMILIAR)
        assert all(first.breaks_n is None and first.young_pa is None for first, *_ in wished)
        others = [scene_for_seed(contract, seed) for seed in range(40)]
        others += [collection_scene(contract, seed) for seed in range(10)]
        assert {item.shape for scene in others for item in scene.objects} <= {"box", "cylinder", "ball"}


def test_a_hand_sees_how_what_is_long_is_turned_however_little_it_is_tilted():
    sight = GripperSight(CONTRACT)
    home = np.array(CONTRACT.rest)
    for tilt in ([0.02, 0.0], [0.0, 0.02], [-0.01, 0.03]):
        turn = Rotation.from_euler("ZYX", [0.4, *tilt]).as_quat()
        assert sight.see(home, np.array([0.5, 0.0, 0.03, *turn])).item_yaw == pytest.approx(0.4, abs=0.01)
    onto_x = Rotation.from_euler("ZYX", [0.4, 0.5 * np.pi, 0.0]).as_quat()
    assert sight.see(home, np.array([0.5, 0.0, 0.03, *onto_x])).item_yaw == pytest.approx(0.4 + 0.5 * np.pi)
