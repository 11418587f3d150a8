"""A simulated gripper: what it grasps it holds, what it lets go falls; and the skills that data are gathered with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skill_run import played

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.sim.collection.collect import FIRST_SEED, collect_episode, collection_scene
from world_model_ros.sim.collection.operators import GripperSight, make_operator, operator_shares
from world_model_ros.sim.collection.skills import Carry, Sight, Skills
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.goal_image import tip_configuration
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot

CONTRACT = load_contract("gripper_arm_tracked")
SIGHT = GripperSight(CONTRACT)
CLOSED, OPEN = np.array([0.0, 0, 0, 0, -0.3]), np.array([0.0, 0, 0, 0, 0.3])


def rig_of(seed: int) -> Rig:
    scene = scene_for_seed(CONTRACT, seed)
    rig = Rig(CONTRACT, scene, seed, MessageMaker(standard_types().types.__getitem__))
    rig.advance(rig.now_ns + 3 * CONTRACT.tick_ns)
    return rig


def step(rig: Rig, action: np.ndarray) -> None:
    way = motion_for(CONTRACT).chunk_trajectory(rig.reference, np.tile(action, (4, 1)), rig.now_ns, CONTRACT.tick_s)
    rig.send(way, rig.now_ns + 40_000_000)
    rig.advance(rig.now_ns + CONTRACT.tick_ns)
    assert rig.take_refusal() is None


@pytest.mark.slow
def test_what_is_grasped_is_held_and_what_is_let_go_falls():
    rig = rig_of(4)
    try:
        start = rig.robot.object_pose()[:3]
        goal = start + np.array([0.0, 0.0, 0.12])
        carry = Carry(goal, SIGHT.box, SIGHT.bounds)
        for _ in range(50):
            step(rig, carry.act(SIGHT.see(rig.reference, rig.robot.object_pose())))
        assert np.linalg.norm(rig.robot.object_pose()[:3] - goal) < 0.02
        half = rig.robot.scene.objects[0].half_size[0]
        finger = rig.robot.joint_state()[0][-1]
        assert finger == pytest.approx(half, abs=0.002)  # stopped by what it holds
        for _ in range(10):
            step(rig, CLOSED)
        assert rig.robot.object_pose()[2] > start[2] + 0.1
        for _ in range(10):
            step(rig, OPEN)
        assert rig.robot.object_pose()[2] == pytest.approx(start[2], abs=0.003)
        assert rig.robot.joint_state()[0][-1] > 0.035
    finally:
        rig.robot.close()


@pytest.mark.slow
def test_the_right_finger_follows_the_left_one():
    rig = rig_of(1)
    try:
        for _ in range(8):
            step(rig, CLOSED)
        fingers = [float(rig.robot._data.joint(name).qpos[0]) for name in ("finger_joint", "right_finger_joint")]
        assert fingers[0] < 0.03
        assert fingers[0] == pytest.approx(fingers[1], abs=5e-4)
    finally:
        rig.robot.close()


def test_what_stands_between_open_fingers_is_not_touched_when_they_begin_there():
    home = tip_configuration(CONTRACT, (0.45, 0.0))
    cube = ObjectConfig(half_size=(0.03, 0.03, 0.03), start=(0.45, 0.0, 0.0))
    robot = SimRobot(CONTRACT, SceneConfig(objects=(cube,), home=tuple(home.tolist())), 0)
    fingers = [float(robot._data.joint(name).qpos[0]) for name in ("finger_joint", "right_finger_joint")]
    assert fingers == pytest.approx([0.04, 0.04], abs=5e-4)
    np.testing.assert_allclose(robot.object_pose()[:2], [0.45, 0.0], atol=5e-4)
    robot.close()


def test_skills_stay_in_bounds_and_repeat_under_a_seed():
    area, item = np.array(CONTRACT.simulation.objects_m).T, np.array([0.5, 0.1, 0.03])

    def run() -> Float:
        skills = Skills(5, SIGHT.box, area, SIGHT.bounds)
        return played(lambda *hand: skills.act(Sight(*hand, item, 0.4)), SIGHT.box, 300)

    runs = run(), run()
    assert (np.abs(runs[0]) <= SIGHT.bounds + 1e-9).all()
    assert (np.abs(runs[0]).max(0) > 0.6 * SIGHT.bounds).all()
    np.testing.assert_array_equal(*runs)


@pytest.mark.slow
def test_an_episode_of_skills_is_aligned_and_has_things_in_the_air(tmp_path: Path):
    assert operator_shares(CONTRACT) == {"skills": 1.0}
    seed = FIRST_SEED + 3
    with BagWriter(tmp_path / "bag", CONTRACT) as writer:
        scene = collection_scene(CONTRACT, seed)
        done = collect_episode(CONTRACT, scene, seed, 150, make_operator("skills", seed, CONTRACT), writer)
    assert done == (150, "", "")
    episode = aligned_episode(tmp_path / "bag", CONTRACT)
    assert episode.fresh[5:].all()
    assert episode.applied.shape[1] == 5
    assert (np.abs(episode.applied).max(0) > 0.3 * SIGHT.bounds).all()
    height = np.asarray(episode.streams["object_0"])[:, 2]
    assert height.max() > 0.06
    assert np.median(height) < 0.06


def test_a_robot_that_neither_pushes_nor_grips_gathers_nothing():
    with pytest.raises(UserError, match="along x, y and z"):
        operator_shares(load_contract("unitree_g1"))
