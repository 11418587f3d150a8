"""A robot with two hands: each sense is that of its own hand or ear, and gestures are for both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import load_contract
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.collection.collect import FIRST_SEED, collect_episode, collection_scene
from world_model_ros.sim.collection.gestures import SHARES_OF_HANDS, Desk, make_gesture
from world_model_ros.sim.collection.operators import make_operator
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot

CONTRACT = load_contract("humanoid_upper_body")
ARMS = ArmKinematics(CONTRACT)
DESK = Desk.of(CONTRACT)
MS = 1_000_000


def pushing(hand: int) -> SimRobot:
    """After a second in which one hand pushed an object 5 cm inward."""
    side = 1.0 if hand == 0 else -1.0
    item = ObjectConfig(start=(0.38, 0.13 * side, 0.0), friction=0.9, mass=0.6)
    robot = SimRobot(CONTRACT, SceneConfig(objects=(item,)), 0)
    move = np.zeros(4)
    move[2 * hand + 1] = -0.012 * side
    assert robot.set_trajectory(ARMS.chunk_trajectory(CONTRACT.rest, np.tile(move, (9, 1)), 0, 0.1)) is None
    robot.step_to(800 * MS)
    return robot


@pytest.mark.parametrize("hand", [0, 1])
def test_the_hand_that_pushes_feels_it_and_the_nearer_ear_hears_it_more(hand):
    robot = pushing(hand)
    names = ("left", "right") if hand == 0 else ("right", "left")
    felt, other = (np.linalg.norm(robot.taxels(f"{name}_taxels").sum((0, 1))) for name in names)
    pulled, still = (np.linalg.norm(robot.wrench(f"{name}_wrench")[:3]) for name in names)
    assert felt > 1.0 > 5 * other
    assert pulled > 1.0 > 2 * still
    assert pulled == pytest.approx(felt, rel=0.3)
    near, far = (
        np.concatenate([block for _, block in robot.audio_blocks(f"{name}_ear")]).astype(float).std() for name in names
    )
    assert near > 1.2 * far
    robot.close()


def test_each_sense_has_noise_of_its_own():
    robot = SimRobot(CONTRACT, SceneConfig(objects=()), 0)
    robot.step_to(100 * MS)
    one, other = robot.taxels("left_taxels").ravel(), robot.taxels("right_taxels").ravel()
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.35
    robot.close()


def test_objects_stand_on_the_table_and_the_head_sees_all_three_colours():
    scene = scene_for_seed(CONTRACT, 3)
    robot = SimRobot(CONTRACT, scene, 0)
    robot.step_to(200 * MS)
    top = CONTRACT.simulation.table.top_m
    assert robot.object_pose()[2] == pytest.approx(top + scene.objects[0].half_size[2], abs=2e-3)
    image = robot.image("head").astype(int)
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    assert ((red > 120) & (green > 40) & (green < 0.7 * red) & (blue < 40)).sum() > 20, "orange fingertip"
    assert ((red > 120) & (green < 40) & (blue < 60)).sum() > 20, "red fingertip"
    assert (np.maximum(green, blue) > 1.3 * red).sum() > 20, "object"
    robot.close()


@pytest.mark.parametrize("name", SHARES_OF_HANDS)
def test_gestures_stay_in_bounds_repeat_under_a_seed_and_keep_hands_apart(name):
    runs = []
    for _ in range(2):
        gesture, tips, item = make_gesture(name, 4, DESK), DESK.rest.copy(), np.array([0.43, 0.02])
        moves = []
        for _ in range(80):
            moves.append(gesture.act(tips, item))
            tips = tips + moves[-1]
            assert (tips[0] - tips[1])[1] > 0.04
        runs.append(np.array(moves))
    assert np.abs(runs[0]).max() < 0.05
    assert np.abs(runs[0]).max(0).max() > 0.01
    np.testing.assert_array_equal(*runs)


@pytest.mark.slow
def test_an_episode_has_every_stream_and_both_hands_act(tmp_path: Path):
    seed = FIRST_SEED + 2
    with BagWriter(tmp_path / "bag", CONTRACT) as writer:
        scene = collection_scene(CONTRACT, seed)
        collect_episode(CONTRACT, scene, seed, 30, make_operator("reach", seed, CONTRACT), writer)
    episode = aligned_episode(tmp_path / "bag", CONTRACT)
    assert episode.fresh[5:].all()
    assert not episode.refused.get("head", 0)
    assert episode.applied.std(0).min() > 1e-3
    assert np.isfinite(episode.labels[5:]).all()
    heights = episode.labels[5:, :2, 2]
    assert np.abs(heights - 0.08).max() < 0.012  # fingertips stay clear of the table
