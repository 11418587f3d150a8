"""A cloth drapes over what it falls on, gives way to fingers, is dragged by them, and is no object."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.sim.cameras import take_view
from world_model_ros.sim.scenes.cloth import ClothConfig
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.goal_image import tip_configuration
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig, build_model
from world_model_ros.sim.sim_robot import SimRobot

CONTRACT = load_contract("gripper_arm")
MS = 1_000_000


def with_cloth(sides: object) -> Contract:
    data = yaml.safe_load(CONTRACT.text)
    data["deployment"]["simulation"]["cloth_m"] = sides
    return contract_from_text(yaml.safe_dump(data), folder=CONTRACT.folder)


def balls(robot: SimRobot) -> Float:
    """Where (N, 3) the balls of the cloth are."""
    model = robot._model
    there = [index for index in range(model.nbody) if model.body(index).name.startswith("cloth/")]
    return np.array(robot._data.xpos[there])


def test_it_drapes_over_what_it_falls_on_and_comes_to_rest():
    block = ObjectConfig(half_size=(0.022, 0.022, 0.03), mass=0.2, start=(0.5, -0.1, 0.3))
    robot = SimRobot(CONTRACT, SceneConfig((block,), cloth=ClothConfig((0.53, -0.1, 0.2), 0.18)), 0)
    robot.step_to(robot.now_ns + 500 * MS)
    places = balls(robot)
    on_top = places[:, 2] > 0.055
    assert 1 <= on_top.sum() < 10
    assert (places[:, 2] < 0.01).mean() > 0.5
    assert places[:, 2].min() > 0.0
    assert (np.hypot(*(places[:, :2] - [0.53, -0.1]).T) < 0.15).all()
    np.testing.assert_allclose(robot.object_pose()[:3], [0.5, -0.1, 0.03], atol=3e-3)
    robot.step_to(robot.now_ns + 3000 * MS)
    places = balls(robot)
    robot.step_to(robot.now_ns + 500 * MS)
    assert np.abs(balls(robot) - places).max() < 2e-3
    robot.close()


def test_fingers_take_a_block_from_under_it_and_drag_it_along():
    place, moved_m = (0.45, -0.05), 0.15
    home, away = tip_configuration(CONTRACT, place), tip_configuration(CONTRACT, (place[0], place[1] + moved_m))
    finger, block = CONTRACT.joint_names.index("finger_joint"), ObjectConfig(half_size=(0.022, 0.022, 0.03), mass=0.2)
    cloth = ClothConfig((place[0], place[1] + 0.02, 0.0), 0.16)
    scene = SceneConfig((replace(block, start=(*place, 0.0)),), tuple(home.tolist()), cloth=cloth)
    robot = SimRobot(CONTRACT, scene, 0)

    def go(to: Float, seconds: float) -> None:
        still = np.zeros((1, len(to)))
        robot.set_trajectory(Trajectory(CONTRACT.joint_names, np.array([seconds]), to[None], still, robot.now_ns))
        robot.step_to(robot.now_ns + int(seconds * 1e9) + 300 * MS)

    go(home, 0.5)
    before, shut = balls(robot), home.copy()
    shut[finger] = away[finger] = 0.018
    go(shut, 0.5)
    assert robot.object_pose()[1] == pytest.approx(place[1], abs=5e-3)
    go(away, 1.5)
    assert robot.object_pose()[1] == pytest.approx(place[1] + moved_m, abs=0.01)
    dragged_m = (balls(robot) - before)[:, 1]
    assert dragged_m.max() > 0.8 * moved_m
    assert np.median(dragged_m) > 0.5 * moved_m
    robot.close()


def test_it_is_unheard_and_seen_where_it_lies():
    scene = SceneConfig((), cloth=ClothConfig((0.5, -0.1, 0.0), 0.2, rgb=(1.0, 0.0, 0.0)))
    robot, bare = SimRobot(CONTRACT, scene, 0), SimRobot(CONTRACT, replace(scene, cloth=None), 0)
    for each in (robot, bare):
        each.step_to(each.now_ns + 100 * MS)
    assert robot.places() == bare.places() == {}
    blocks = [np.array([block for _, block in each.audio_blocks()]) for each in (robot, bare)]
    np.testing.assert_array_equal(*blocks)
    image, without = (each.image("scene").astype(float) for each in (robot, bare))
    red = (image - without)[..., 0] - (image - without)[..., 1] > 40.0
    assert 0.01 < red.mean() < 0.1
    bare.reset(scene)  # the same cloth, drawn elsewhere from a copy of where it is, which never moved it itself
    model = build_model(CONTRACT, scene)
    take_view(bare._data, robot.view())
    np.testing.assert_array_equal(bare.image("scene"), robot.image("scene"))
    assert model.nskin == 1
    for each in (robot, bare):
        each.close()


def test_scenes_have_one_in_the_area_for_objects_and_are_else_as_without():
    contract = with_cloth([0.14, 0.2])
    low, high = np.array(CONTRACT.simulation.objects_m).T
    scenes = [scene_for_seed(contract, seed) for seed in range(30)]
    for seed, scene in enumerate(scenes):
        assert scene.cloth is not None
        assert replace(scene, cloth=None) == scene_for_seed(CONTRACT, seed)
        assert 0.14 <= scene.cloth.side <= 0.2
        assert ((low <= scene.cloth.place[:2]) & (scene.cloth.place[:2] <= high)).all()
    assert scenes[3] == scene_for_seed(contract, 3)
    assert len({scene.cloth for scene in scenes}) == 30


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ([0.2, 0.1], "cloth_m: the least must not be over the most"),
        ([0.0, 0.1], r"cloth_m\[0\]: got 0.0"),
        (0.1, "cloth_m"),
    ],
)
def test_sides_that_are_none_are_refused(sides, said):
    with pytest.raises(UserError, match=said):
        with_cloth(sides)
