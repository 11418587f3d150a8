"""The simulated robot: repeatable, and its senses say what happens."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from world_model_ros.contract.contract import load_contract
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.goal_image import goal_image
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot

CONTRACT = load_contract("tabletop_arm")
HOME, HOME_TIP = CONTRACT.rest, (0.45, 0.0)
OBJECT_AREA = CONTRACT.simulation.objects_m
MS = 1_000_000
BLUE = SceneConfig(objects=(ObjectConfig(start=(0.52, 0.0, 0.0)),))


def push(contract, robot: SimRobot, direction: tuple[float, float], ticks: int = 6) -> None:
    """Commands the fingertip to move by ``direction`` m in each of ``ticks`` ticks of 100 ms, without stepping."""
    arm = ArmKinematics(contract)
    chunk = np.tile(direction, (ticks, 1))
    assert robot.set_trajectory(arm.chunk_trajectory(HOME, chunk, robot.now_ns, 0.1)) is None


def test_the_home_puts_the_fingertip_at_its_place_pointing_down(contract):
    position, rotation = ArmKinematics(contract).tip(HOME)
    np.testing.assert_allclose(position, [*HOME_TIP, 0.03], atol=1e-4)
    np.testing.assert_allclose(rotation, np.diag([1.0, -1.0, -1.0]), atol=1e-4)
    robot = SimRobot(contract, BLUE, 0)
    np.testing.assert_allclose(robot.tip_positions()[0], position, atol=1e-4)


@pytest.mark.parametrize("pieces", [[600], [20] * 30, [7, 93, 100, 1, 399]])
def test_the_state_does_not_depend_on_how_time_is_cut(contract, pieces):
    robot = SimRobot(contract, BLUE, 3)
    push(contract, robot, (0.02, 0.0))
    passed = 0
    for piece in pieces:
        passed += piece * MS
        robot.step_to(passed)
    reference = SimRobot(contract, BLUE, 3)
    push(contract, reference, (0.02, 0.0))
    for stop in range(10, 601, 10):
        reference.step_to(stop * MS)
    for ours, theirs in zip(robot.joint_state(), reference.joint_state()):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(robot.object_pose(), reference.object_pose())
    np.testing.assert_array_equal(robot.taxels(), reference.taxels())
    np.testing.assert_array_equal(robot.wrench(), reference.wrench())
    sound = [np.concatenate([block for _, block in each.audio_blocks()]) for each in (robot, reference)]
    np.testing.assert_array_equal(*sound)


def test_another_seed_has_other_noise_in_the_same_world(contract):
    first, second = SimRobot(contract, BLUE, 1), SimRobot(contract, BLUE, 2)
    for robot in (first, second):
        robot.step_to(100 * MS)
    np.testing.assert_array_equal(first.object_pose(), second.object_pose())
    assert np.any(first.taxels() != second.taxels())


@pytest.mark.parametrize("direction", [(0.02, 0.0), (0.0, 0.02), (0.0, -0.02)])
def test_taxels_and_wrench_point_against_the_push_and_agree(contract, direction):
    start = np.array(HOME_TIP) + np.array(direction) * 3.5
    scene = SceneConfig(objects=(ObjectConfig(start=(*start.tolist(), 0.0), friction=0.9, mass=0.6),))
    robot = SimRobot(contract, scene, 0)
    push(contract, robot, direction)
    robot.step_to(300 * MS)
    felt, measured = [], []
    for stop in range(310, 560, 10):
        robot.step_to(stop * MS)
        felt.append(robot.taxels())
        measured.append(robot.wrench()[:3])
    assert np.hypot(*(robot.object_pose()[:2] - start)) > 0.02
    force = np.mean(felt, axis=0).sum(axis=(0, 1))  # fingertip axes: x, -y, -z of the base
    np.testing.assert_allclose(force, np.mean(measured, axis=0), atol=0.4)
    along = np.array([direction[0], -direction[1]]) / 0.02
    assert force[:2] @ along < -0.5
    cols = felt[0].shape[1]
    column = int(np.abs(np.mean(felt, axis=0) @ [*along, 0.0]).sum(axis=0).argmax())
    angle = 2 * np.pi * column / cols
    assert np.array([np.cos(angle), np.sin(angle)]) @ along > 0.7  # pressed on the side that leads


def test_nothing_is_felt_or_heard_away_from_the_object(contract):
    robot = SimRobot(contract, BLUE, 0)
    push(contract, robot, (0.0, 0.03))
    robot.step_to(500 * MS)
    assert np.abs(robot.taxels()).max() < 0.1
    sound = np.concatenate([block for _, block in robot.audio_blocks()]) / 32767.0
    assert np.sqrt(np.mean(sound**2)) < 0.003


def test_a_faster_hit_is_louder(contract):
    peaks = []
    for speed in (0.006, 0.03):
        robot = SimRobot(contract, SceneConfig(objects=(ObjectConfig(start=(0.515, 0.0, 0.0)),)), 0)
        push(contract, robot, (speed, 0.0), ticks=int(0.06 / speed))
        robot.step_to(1000 * MS)
        peaks.append(max(np.abs(block.astype(int)).max() for _, block in robot.audio_blocks()))
    assert peaks[1] > 2 * peaks[0] > 500


def test_audio_blocks_follow_one_another_without_a_gap(contract):
    robot = SimRobot(contract, BLUE, 0, start_ns=4_000 * MS)
    robot.step_to(4_110 * MS)
    blocks = robot.audio_blocks()
    assert [stamp for stamp, _ in blocks] == [4_000 * MS + 20 * MS * i for i in range(5)]
    assert {(block.shape, block.dtype.name) for _, block in blocks} == {((320,), "int16")}
    assert robot.audio_blocks() == []


def test_the_arm_follows_a_trajectory_closely_and_then_stands_still(contract):
    robot = SimRobot(contract, SceneConfig(objects=()), 0)
    arm = ArmKinematics(contract)
    trajectory = arm.chunk_trajectory(HOME, np.tile([0.02, 0.02], (6, 1)), 0, 0.1)
    robot.set_trajectory(trajectory)
    for stop in range(20, 601, 20):
        robot.step_to(stop * MS)
        aim = arm.tip(trajectory.sample(robot.now_ns)[0])[0]
        assert np.linalg.norm(robot.tip_positions()[0] - aim) < (3e-3 if stop < 200 else 1e-3)
    robot.step_to(1500 * MS)
    assert np.abs(robot.joint_state()[1]).max() < 0.02


def test_a_reset_puts_everything_back_and_time_goes_on(contract):
    robot = SimRobot(contract, BLUE, 0)
    before = robot.object_pose()
    push(contract, robot, (0.03, 0.0))
    robot.step_to(600 * MS)
    assert robot.object_pose()[0] > before[0] + 0.02
    robot.reset(BLUE)
    np.testing.assert_array_equal(robot.object_pose(), before)
    assert robot.now_ns == 600 * MS
    robot.step_to(700 * MS)
    np.testing.assert_allclose(robot.joint_state()[0], HOME, atol=1e-3)


def test_a_trajectory_that_is_not_finite_does_not_destroy_the_simulation(contract):
    robot = SimRobot(contract, BLUE, 0)
    rows = np.full((1, 6), np.nan)
    robot.set_trajectory(Trajectory(contract.joint_names, np.array([0.1]), rows, np.zeros((1, 6)), 0))
    robot.step_to(200 * MS)
    assert np.all(np.isfinite(robot.joint_state()[0]))


def test_fingertip_and_object_can_be_told_apart_in_the_models_image(contract):
    places = [(0.28, -0.32), (0.28, 0.32), (0.72, -0.32), (0.72, 0.32), (0.5, 0.0)]
    for seed, place in enumerate(places):
        scene = scene_for_seed(CONTRACT, seed)
        image = cv2.resize(goal_image(contract, scene, place), (64, 64), interpolation=cv2.INTER_AREA)
        hue, saturation, _ = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
        orange = (saturation > 150) & (hue < 18)
        coloured = (saturation > 130) & (hue > 45) & (hue < 165)
        assert orange.sum() >= 4, f"fingertip at {place}"
        assert coloured.sum() >= 8, f"object of seed {seed}"


def test_the_scene_of_a_seed_is_always_the_same_and_its_object_within_reach():
    scenes = [scene_for_seed(CONTRACT, seed) for seed in range(200)]
    assert scenes[7] == scene_for_seed(CONTRACT, 7)
    assert len({scene.objects[0].start for scene in scenes}) == 200
    for scene in scenes:
        x, y, _ = scene.objects[0].start
        assert OBJECT_AREA[0][0] <= x <= OBJECT_AREA[0][1]
        assert OBJECT_AREA[1][0] <= y <= OBJECT_AREA[1][1]
        assert np.hypot(x - HOME_TIP[0], y - HOME_TIP[1]) >= 0.09


def test_a_goal_image_shows_the_scene_with_the_fingertip_moved(contract):
    scene = scene_for_seed(CONTRACT, 5)
    here, there = (goal_image(contract, scene, (0.6, y)) for y in (-0.28, 0.28))
    assert here.shape == (128, 128, 3)
    assert here.dtype == np.uint8
    assert np.abs(here.astype(int) - there).max() > 100
    np.testing.assert_array_equal(here, goal_image(contract, scene, (0.6, -0.28)))


def test_objects_do_not_fall_over_when_they_settle(contract):
    for seed in range(6):
        scene = scene_for_seed(CONTRACT, seed)
        robot = SimRobot(contract, replace(scene, objects=(replace(scene.objects[0], mass=0.1),)), 0)
        robot.step_to(300 * MS)
        np.testing.assert_allclose(robot.object_pose()[:2], scene.objects[0].start[:2], atol=1e-3)
