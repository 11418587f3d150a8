"""A table with several objects, a drawer and a button: drawn, moved, reported, and played with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from skill_run import played

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.sim.collection.collect import FIRST_SEED, collect_episode, collection_scene
from world_model_ros.sim.collection.operators import GripperSight, TableGrasper, make_operator
from world_model_ros.sim.collection.table_skills import Table, TableSkills, Thing
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.fixtures import MECHANISMS, FixtureConfig, Placed, placed
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Telemetry

CONTRACT = load_contract("gripper_table_tracked")
SIGHT, FIXTURES = GripperSight(CONTRACT), placed(CONTRACT)
MAKE = MessageMaker(standard_types().types.__getitem__)


def changed(change) -> str:
    data = yaml.safe_load(CONTRACT.text)
    change(data)
    return yaml.safe_dump(data)


def test_scenes_have_all_objects_apart_and_fixtures_at_values_of_their_own():
    scenes = [scene_for_seed(CONTRACT, seed) for seed in range(60)]
    assert scenes[7] == scene_for_seed(CONTRACT, 7)
    assert {len(scene.objects) for scene in scenes} == {2}
    assert {scene.objects[1].shape for scene in scenes} == {"box", "cylinder", "ball"}
    for scene in scenes:
        first, second = (np.array(item.start[:2]) for item in scene.objects)
        assert np.hypot(*(first - second)) >= 0.1
        assert [fixture.name for fixture in scene.fixtures] == ["drawer", "button"]
        assert 0.0 <= scene.fixtures[0].value <= MECHANISMS["drawer"].most
    assert {scene.fixtures[1].value for scene in scenes} == {0.0, 1.0}
    assert 0.2 < np.mean([scene.fixtures[0].value > 0.03 for scene in scenes]) < 0.8


def test_a_scene_may_be_of_alike_things_or_of_such_as_can_be_stacked():
    for seed in range(30):
        first, second = scene_for_seed(CONTRACT, seed, wish="alike").objects
        assert replace(second, start=first.start) == first
        assert "ball" not in [item.shape for item in scene_for_seed(CONTRACT, seed, wish="upright").objects]


def test_scenes_that_were_played_with_have_stacks_and_things_in_the_drawer():
    scenes = [collection_scene(CONTRACT, seed) for seed in range(60)]
    stacked = [scene for scene in scenes if scene.objects[0].lift > 0.02]
    inside = [scene for scene in scenes if any(0.0 < item.lift < 0.02 for item in scene.objects)]
    assert len(stacked) > 2
    assert len(inside) > 2
    for scene in (stacked[0], inside[0]):
        robot = SimRobot(CONTRACT, scene, 0)
        robot.step_to(robot.now_ns + 500_000_000)
        for index, item in enumerate(scene.objects):
            pose = robot.object_pose(index)
            np.testing.assert_allclose(pose[:3], [*item.start[:2], item.lift + item.half_size[2]], atol=4e-3)
        robot.close()


def test_a_fixture_in_the_area_for_objects_is_refused():
    def into_the_area(data) -> None:
        data["deployment"]["simulation"]["fixtures"][1]["place_m"] = [0.5, -0.1]

    with pytest.raises(UserError, match=r"fixtures: button: place_m.*area for objects"):
        scene_for_seed(contract_from_text(changed(into_the_area)), 0)


def test_a_value_of_what_no_fixture_is_cannot_be_simulated():
    def without_button(data) -> None:
        del data["deployment"]["simulation"]["fixtures"][1]

    with pytest.raises(UserError, match=r"button.*\['drawer'\]"):
        Telemetry(contract_from_text(changed(without_button)), MAKE)


def test_a_button_is_on_after_one_press_and_off_after_the_next():
    scene = SceneConfig(objects=(), fixtures=(FixtureConfig("button", "button", (0.34, 0.25, 0.0)),))
    robot, said = SimRobot(CONTRACT, scene, 0), []

    def hold(force_n: float) -> None:
        robot._data.qfrc_applied[robot._model.joint("button").dofadr[0]] = force_n
        robot.step_to(robot.now_ns + 300_000_000)
        said.append(robot.value("button"))

    for force_n in (0.0, 8.0, 8.0, 0.0, 8.0, 0.0, 1.5):  # the last is too weak
        hold(force_n)
    assert said == [0, 1, 1, 1, 0, 0, 0]
    robot.close()


def test_a_button_that_is_on_stands_lower_and_a_drawer_stays_where_it_is():
    button = FixtureConfig("button", "button", (0.34, 0.25, 0.0), 1.0)
    drawer = FixtureConfig("drawer", "drawer", (0.5, 0.215, -np.pi / 2), 0.07)
    robot = SimRobot(CONTRACT, SceneConfig(objects=(), fixtures=(button, drawer)), 0)
    robot.step_to(robot.now_ns + 500_000_000)
    assert robot.value("button") == 1.0
    assert robot._data.joint("button").qpos[0] == pytest.approx(0.005, abs=5e-4)
    assert robot.value("drawer") == pytest.approx(0.07, abs=1e-3)
    robot.close()


def test_a_drawer_carries_what_is_in_it_along():
    drawer = replace(FIXTURES["drawer"].config, value=0.12)
    x, y, z = FIXTURES["drawer"].floor(0.12)
    item = ObjectConfig(half_size=(0.02, 0.02, 0.03), start=(x, y, 0.0), lift=float(z))
    robot = SimRobot(CONTRACT, SceneConfig(objects=(item,), fixtures=(drawer,)), 0)
    robot._data.qfrc_applied[robot._model.joint("drawer").dofadr[0]] = -3.0
    robot.step_to(robot.now_ns + 1_500_000_000)
    assert robot.value("drawer") == pytest.approx(0.0, abs=2e-3)
    assert FIXTURES["drawer"].holds(robot.object_pose()[:3], 0.0)
    assert robot.object_pose()[1] > y + 0.1
    assert FIXTURES["drawer"].covers(robot.object_pose()[:3])
    robot.close()


def test_a_lid_turns_about_its_hinge_and_its_bar_goes_where_it_says():
    lid = FixtureConfig("lid", "lid", (0.345, 0.2, -np.pi / 2), 0.4)
    robot, own = SimRobot(CONTRACT, SceneConfig(objects=(), fixtures=(lid,)), 0), Placed(lid, 0.0)
    bar = robot._model.body("lid").geomadr[0] + len(MECHANISMS["lid"].moving) - 1
    hinge = own.point(MECHANISMS["lid"].hinge)
    for force, value in ((0.0, 0.4), (0.3, 1.3), (-0.3, 0.0)):
        robot._data.qfrc_applied[robot._model.joint("lid").dofadr[0]] = force
        robot.step_to(robot.now_ns + 1_000_000_000)
        assert robot.value("lid") == pytest.approx(value, abs=0.02)
        place = robot._data.geom_xpos[bar]
        np.testing.assert_allclose(place, own.grip(robot.value("lid")), atol=1e-3)
        assert np.linalg.norm(place - hinge) == pytest.approx(0.162, abs=1e-3)
        assert place[2] > 0.05 + 0.1 * value
    assert own.meets(np.array([0.33, 0.15]), np.array([0.35, 0.16]))  # the bar, where the lid is closed
    robot.close()


def test_shelves_carry_things_and_stand_off_the_area_for_objects():
    def shelved(place_m: tuple[float, float]) -> Contract:
        data = yaml.safe_load(CONTRACT.text)
        data["deployment"]["simulation"]["shelves"] = [{"place_m": place_m, "size_m": [0.1, 0.2], "height_m": 0.07}]
        return contract_from_text(yaml.safe_dump(data), folder=CONTRACT.folder)

    item = ObjectConfig(half_size=(0.02, 0.02, 0.03), start=(0.65, 0.15, 0.0), lift=0.08)
    robot = SimRobot(shelved((0.63, 0.12)), SceneConfig(objects=(item,)), 0)
    robot.step_to(robot.now_ns + 300_000_000)
    np.testing.assert_allclose(robot.object_pose()[:3], [0.65, 0.15, 0.1], atol=2e-3)
    robot.close()
    with pytest.raises(UserError, match=r"shelves\[0\]: place_m must be off the area for objects"):
        shelved((0.63, 0.05))


def test_a_ball_rolls_and_stops():
    item = ObjectConfig("ball", (0.022, 0.022, 0.022), start=(0.4, -0.1, 0.0), rolling=0.0008)
    robot = SimRobot(CONTRACT, SceneConfig(objects=(item,)), 0)
    robot._data.joint("object_0").qvel[0] = 0.2
    ways = []
    for _ in range(8):
        robot.step_to(robot.now_ns + 1_000_000_000)
        ways.append(float(robot.object_pose()[0]))
    assert ways[0] > 0.43
    assert ways[-1] - ways[-2] < 1e-3
    robot.close()


def test_values_are_reported_and_labelled():
    robot = SimRobot(CONTRACT, scene_for_seed(CONTRACT, 3), 0, 1_000_000_000)
    telemetry = Telemetry(CONTRACT, MAKE)
    samples = [*telemetry.read(robot, 0), *telemetry.labels(robot, 0)]
    found = {each.topic: each.message.data for each in samples if each.type == "std_msgs/msg/Float32"}
    drawer, button = robot.value("drawer"), robot.value("button")
    assert found == {
        "tracker/drawer/position": drawer,
        "tracker/button/state": button,
        "labels/drawer/position": drawer,
        "labels/button/state": button,
    }
    robot.close()


def test_skills_at_a_table_stay_in_bounds_and_repeat_under_a_seed():
    area, values = np.array(CONTRACT.simulation.objects_m).T, {"drawer": 0.05, "button": 0.0}
    things = {"object_0": Thing(np.array([0.5, -0.1, 0.03]), 0.4), "object_1": Thing(np.array([0.4, -0.2, 0.03]), 0.0)}

    def run() -> Float:
        skills = TableSkills(5, SIGHT.box, area, SIGHT.bounds, FIXTURES)
        return played(lambda *hand: skills.play(Table(*hand, things, values)), SIGHT.box, 800)

    runs = run(), run()
    assert (np.abs(runs[0]) <= SIGHT.bounds + 1e-9).all()
    np.testing.assert_array_equal(*runs)


def test_an_object_that_leaves_the_table_ends_an_episode_and_is_named(tmp_path: Path):
    seed = FIRST_SEED + 3
    scene = collection_scene(CONTRACT, seed)

    class Thrower(TableGrasper):
        """Throws the second object away after a second."""

        def chunk(self, rig: Rig) -> np.ndarray:
            self.ticks = getattr(self, "ticks", 0) + 1
            if self.ticks == 10:
                rig.robot.move_object(1, (1.4, 0.0, 0.0))
            return super().chunk(rig)

    with BagWriter(tmp_path / "bag", CONTRACT) as writer:
        done = collect_episode(CONTRACT, scene, seed, 40, Thrower(CONTRACT, seed), writer)
    assert done == (10, "object_1", "")


@pytest.mark.slow
def test_an_episode_of_skills_at_a_table_is_aligned_and_moves_things(tmp_path: Path):
    seed = FIRST_SEED + 3
    with BagWriter(tmp_path / "bag", CONTRACT) as writer:
        scene = collection_scene(CONTRACT, seed)
        done = collect_episode(CONTRACT, scene, seed, 140, make_operator("skills", seed, CONTRACT), writer)
    episode = aligned_episode(tmp_path / "bag", CONTRACT)
    assert abs(len(episode.applied) - done.ticks) <= 3
    assert episode.fresh[5:].all()
    assert np.ptp(np.asarray(episode.streams["drawer"])) > 0.05
    assert max(np.asarray(episode.streams[f"object_{index}"])[:, 2].max() for index in (0, 1)) > 0.08
