"""A gripper that sees its table with a camera in front of it and one at its wrist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import load_contract
from world_model_ros.sim.collection.collect import FIRST_SEED, collect_episode, collection_scene
from world_model_ros.sim.collection.operators import make_operator
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.scene import build_model
from world_model_ros.sim.sim_robot import SimRobot

CONTRACT = load_contract("gripper_arm")


def test_the_camera_at_the_bench_is_moved_and_that_at_the_wrist_sits_firm():
    at: dict[str, list[np.ndarray]] = {"scene": [], "wrist": []}
    for seed in range(25):
        model = build_model(CONTRACT, scene_for_seed(CONTRACT, seed, "varied"))
        for name, places in at.items():
            places.append(model.camera(name).pos.copy())
        np.testing.assert_array_equal(model.camera("scene").pos, model.camera("scene_depth").pos)
        np.testing.assert_array_equal(model.camera("scene").quat, model.camera("scene_depth").quat)
    moved = {name: np.abs(places - np.mean(places, 0)).max() for name, places in at.items()}
    assert 0.02 < moved["scene"] < 0.07
    assert moved["wrist"] < 0.007


def test_both_cameras_see_the_objects_and_nothing_floats_between_the_fingers():
    robot = SimRobot(CONTRACT, scene_for_seed(CONTRACT, 2), 0)
    try:
        seen = {name: robot.image(name).astype(int) for name in ("scene", "wrist")}
        for picture in seen.values():
            assert (picture[..., 1] - picture[..., 0] > 60).sum() > 20  # both are green
        model = robot._model
        drawn = [model.site(index).name for index in range(model.nsite) if model.site_group[index] < 3]
        assert "grasp_point" not in drawn
        depth = robot.image("scene_depth")
        assert depth.dtype == np.uint16
        assert 0.5 < np.median(depth[depth > 0]) * 1e-3 < 1.6
    finally:
        robot.close()


@pytest.mark.slow
def test_an_episode_has_pictures_depth_sound_and_forces(tmp_path: Path):
    seed = FIRST_SEED + 3
    with BagWriter(tmp_path / "bag", CONTRACT) as writer:
        scene = collection_scene(CONTRACT, seed, "varied")
        collect_episode(CONTRACT, scene, seed, 25, make_operator("skills", seed, CONTRACT), writer)
    episode = aligned_episode(tmp_path / "bag", CONTRACT)
    assert episode.fresh[5:].all()
    assert np.asarray(episode.streams["wrist"]).shape[1:] == (64, 64, 3)
    assert np.asarray(episode.streams["wrist"])[5:].std() > 5
    assert np.nanmax(np.asarray(episode.streams["scene_depth"])[5:]) < 3.0
