"""What is pressed harder than it stands breaks: it is heard, gone, and the episode says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.collection.collect import FIRST_SEED, collect_episode, collection_scene
from world_model_ros.sim.collection.operators import TableGrasper
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Telemetry

CONTRACT, TRACKED = load_contract("gripper_arm"), load_contract("gripper_arm_tracked")
STANDS_N, HALF_M = 15.0, 0.02
MS = 1_000_000


def held(lead_m: float, breaks_n: float | None = STANDS_N, contract=TRACKED) -> SimRobot:
    """A gripper that is told to close by so much beyond the sides of a tube between its fingers; it presses with 2 N a
    mm."""
    home = np.array(contract.rest)
    home[contract.joint_names.index("finger_joint")] = HALF_M - lead_m
    x, y, z = ArmKinematics(contract).tips(home)[0]
    size = (HALF_M, HALF_M, 0.03)
    glass = ObjectConfig("cylinder", size, 0.1, start=(x, y, 0.0), lift=z - 0.03, breaks_n=breaks_n)
    return SimRobot(contract, SceneConfig(objects=(glass,), home=tuple(home.tolist())), 0, 1000 * MS)


@pytest.mark.parametrize(
    ("lead_m", "breaks_n", "broken"),
    [(0.006, STANDS_N, False), (0.009, STANDS_N, True), (0.009, None, False), (0.006, 10.0, True)],
)
def test_what_is_pressed_harder_than_it_stands_breaks_and_nothing_else(lead_m, breaks_n, broken):
    robot = held(lead_m, breaks_n)
    robot.step_to(1300 * MS)
    assert robot.broken == (["object_0"] if broken else [])
    assert list(robot.places()) == ([] if broken else ["object_0"])
    assert robot.is_there(0) != broken
    finger = robot.joint_state()[0][-1]
    assert finger == pytest.approx(HALF_M - lead_m if broken else HALF_M, abs=1e-3)  # nothing is between them any more


def test_what_is_broken_is_neither_tracked_nor_labelled_and_stays_away():
    robot, telemetry = held(0.009), Telemetry(TRACKED, MessageMaker(standard_types().types.__getitem__))
    before = {each.topic for each in (*telemetry.read(robot, 0), *telemetry.labels(robot, 0))}
    robot.step_to(2000 * MS)
    after = {each.topic for each in (*telemetry.read(robot, 0), *telemetry.labels(robot, 0))}
    assert before - after == {"tracker/object_0/pose", "labels/object_0/pose"}
    assert robot.object_pose()[2] < -50.0
    robot.reset(robot.scene)
    assert robot.is_there(0)


def test_it_is_heard_when_it_breaks():
    loudest = []
    for breaks_n in (STANDS_N, None):
        robot = held(0.006, breaks_n, CONTRACT_WITH_NOTHING)
        robot.step_to(1300 * MS)
        assert not robot.broken
        robot.audio_blocks()
        tighter = robot.joint_state()[0]
        tighter[-1] = HALF_M - 0.009
        still = np.zeros((1, len(tighter)))
        robot.set_trajectory(Trajectory(CONTRACT.joint_names, np.array([0.2]), tighter[None], still, robot.now_ns))
        robot.step_to(1700 * MS)
        loudest.append(max(np.abs(block.astype(int)).max() for _, block in robot.audio_blocks()))
    assert loudest[0] > 3 * loudest[1]


def without_the_rest(data) -> None:
    data["deployment"]["simulation"]["fixtures"] = []


def changed(change, contract=CONTRACT):
    data = yaml.safe_load(contract.text)
    change(data)
    return contract_from_text(yaml.safe_dump(data), folder=contract.folder)


CONTRACT_WITH_NOTHING = changed(without_the_rest)


def test_some_of_the_first_objects_are_of_glass_light_pale_and_seen_through():
    items = [scene_for_seed(CONTRACT, seed, "varied").objects[0] for seed in range(60)]
    glass = [item for item in items if item.breaks_n is not None]
    assert 10 < len(glass) < 35
    assert {(item.shape, item.breaks_n) for item in glass} == {("cylinder", STANDS_N)}
    assert max(item.mass for item in glass) <= 0.15
    assert min(min(item.rgb) for item in glass) > 0.75 > max(min(item.rgb) for item in items if item not in glass)
    wished = [scene_for_seed(CONTRACT, seed, wish="fragile") for seed in range(10)]
    assert {scene.objects[0].breaks_n for scene in wished} == {STANDS_N}
    model = SimRobot(CONTRACT, next(scene for scene in wished if scene.objects[1].breaks_n is None), 0)._model
    assert model.geom("object_0").rgba[3] < 0.6 < model.geom("object_1").rgba[3]


def test_a_robot_without_one_cannot_be_asked_for_a_scene_with_one():
    with pytest.raises(UserError, match=r"objects\[0\].*one that breaks"):
        scene_for_seed(TRACKED, 0, wish="fragile")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ({"shape": "cylinder", "breaks_n": 0.0}, r"objects\[0\]\[0\].breaks_n: got 0.0; expected greater than 0"),
        (
            {"shape": "cup", "breaks_n": 5.0},
            r"objects\[0\]\[0\].shape: got 'cup'; expected 'box', 'cylinder' or 'ball'",
        ),
        ({"shape": "box", "breaks": 5.0}, r"no such key; legal here: \['breaks_n', 'shape', 'young_pa'\]"),
        ("cup", r"got 'cup'; expected 'box', 'cylinder' or 'ball'"),
        (3, r"got 3; expected 'box', 'cylinder' or 'ball'"),
    ],
)
def test_what_an_object_cannot_be_made_as_is_refused(make, said):
    with pytest.raises(UserError, match=said):
        changed(lambda data: data["deployment"]["simulation"].update(objects=[[make]]))


def test_what_breaks_ends_an_episode_and_is_named(tmp_path: Path):
    seed = FIRST_SEED + 3
    contract = load_contract("gripper_table_tracked")
    scene = collection_scene(contract, seed)
    glass = replace(scene.objects[1], breaks_n=5.0)

    class Dropper(TableGrasper):
        """Drops the second object after a second."""

        def chunk(self, rig: Rig) -> np.ndarray:
            self.ticks = getattr(self, "ticks", 0) + 1
            if self.ticks == 10:
                rig.robot._data.joint("object_1").qpos[2] += 0.2
            return super().chunk(rig)

    with BagWriter(tmp_path / "bag", contract) as writer:
        scene = replace(scene, objects=(scene.objects[0], glass))
        done = collect_episode(contract, scene, seed, 40, Dropper(contract, seed), writer)
    assert 10 < done.ticks < 16
    assert (done.lost, done.broken) == ("", "object_1")
