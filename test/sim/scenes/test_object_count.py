"""Scenes have as many objects as the contract says, none of which meets another one at the start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
import yaml

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.tasks.table_tasks import TableTasks
from world_model_ros.evaluate.tasks.task_draw import draw_task
from world_model_ros.sim.collection.collect import FIRST_SEED, collect_episode, collection_scene
from world_model_ros.sim.collection.operators import make_operator
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.scene import SceneConfig, build_model
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Telemetry

CONTRACT = load_contract("gripper_mess_tracked")


def changed(**fields: object) -> Contract:
    data = yaml.safe_load(CONTRACT.text)
    data["deployment"]["simulation"] |= fields
    return contract_from_text(yaml.safe_dump(data), folder=CONTRACT.folder)


def deepest_m(scene: SceneConfig) -> float:
    """How deep objects are in one another at the start."""
    model = build_model(CONTRACT, replace(scene, cloth=None))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    objects = {model.body(f"object_{index}").id for index in range(len(scene.objects))}
    depths = [0.0]
    for pair, distance in zip(data.contact.geom.tolist(), data.contact.dist.tolist()):
        if {int(model.geom_bodyid[geom]) for geom in pair} <= objects:
            depths.append(-distance)
    return max(depths)


def test_scenes_have_one_to_six_objects_the_first_ones_of_the_list():
    scenes = [scene_for_seed(CONTRACT, seed) for seed in range(60)]
    scenes += [collection_scene(CONTRACT, seed) for seed in range(20)]
    assert {len(scene.objects) for scene in scenes} == {1, 2, 3, 4, 5, 6}
    assert scenes[4] == scene_for_seed(CONTRACT, 4)
    assert {len(scene_for_seed(changed(objects_there=[2, 3]), seed).objects) for seed in range(20)} == {2, 3}
    assert {len(scene_for_seed(changed(objects_there=None), seed).objects) for seed in range(5)} == {6}
    for wish in ("alike", "upright"):
        assert min(len(scene_for_seed(CONTRACT, seed, wish=wish).objects) for seed in range(20)) == 2


@pytest.mark.parametrize("wish", [None, "alike", "unseen"])
def test_no_object_is_in_another_one_at_the_start(wish):
    contract = changed(objects_there=[4, 4])
    for seed in range(15):
        assert deepest_m(scene_for_seed(contract, seed, wish=wish)) == 0.0, seed


def test_no_room_is_said():
    with pytest.raises(UserError, match=r"objects_m: got .*room for 6 objects"):
        scene_for_seed(changed(objects_there=[6, 6], objects_m=[[0.4, 0.5], [-0.2, -0.1]]), 0)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([3, 2], "objects_there: the least must not be over the most"),
        ([1, 7], "objects_there: at most 6, as many as there are objects"),
        ([0, 2], r"objects_there\[0\]: got 0"),
    ],
)
def test_counts_that_cannot_be_are_refused(there, said):
    with pytest.raises(UserError, match=said):
        changed(objects_there=there)


def test_what_is_not_there_is_neither_reported_nor_asked_for():
    contract = changed(objects_there=[1, 1])
    robot = SimRobot(contract, scene_for_seed(contract, 0), 0, 1_000_000_000)
    telemetry = Telemetry(contract, MessageMaker(standard_types().types.__getitem__))
    topics = {each.topic for each in (*telemetry.read(robot, 0), *telemetry.labels(robot, 0))}
    assert {topic for topic in topics if "object" in topic} == {"tracker/object_0/pose", "labels/object_0/pose"}
    places = {name: place[:3] for name, place in robot.places().items()} | {"grasp_point": robot.tip_positions()[0]}
    assert draw_task("place", 0, contract, places).target == "object_0"
    assert TableTasks(contract, {}).lacks("two_alike") == ""
    with pytest.raises(UserError, match=r"two_alike.*two objects"):
        draw_task("two_alike", 0, contract, places)
    robot.close()


@pytest.mark.slow
def test_an_episode_with_fewer_objects_is_aligned(tmp_path: Path):
    contract, seed = changed(objects_there=[1, 1], cloth_m=None), FIRST_SEED + 2
    with BagWriter(tmp_path / "bag", contract) as writer:
        scene = collection_scene(contract, seed)
        done = collect_episode(contract, scene, seed, 40, make_operator("skills", seed, contract), writer)
    episode = aligned_episode(tmp_path / "bag", contract)
    assert abs(len(episode.applied) - done.ticks) <= 3
    assert np.ptp(np.asarray(episode.streams["object_0"])[:, :3], axis=0).max() >= 0.0
    fresh = dict(zip(episode.streams, episode.fresh.T))
    assert fresh["object_0"][5:].all()
    assert not fresh["object_3"].any()
