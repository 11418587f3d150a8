"""Camera images that another process draws are those that the physics' process would draw."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from queue import Queue

import numpy as np
import pytest
from depth_arm import depth_arm

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.sim.camera_process import Cost, Shot, Studio
from world_model_ros.sim.camera_rates import CameraRates, affordable_hz
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.sim_robot import SimRobot

MS = 1_000_000


def test_it_draws_what_the_camera_saw_though_the_robot_moved_on_and_the_scene_is_another(contract: Contract) -> None:
    scene, shots = scene_for_seed(contract, 5, "cluttered"), Queue[Shot]()
    robot, studio = SimRobot(contract, scene, 5), Studio(contract, scene, shots.put)
    try:
        assert 0 < studio.ready().cpu_s < 10
        for seed in (5, 6):
            robot.reset(scene := scene_for_seed(contract, seed, "cluttered"))
            studio.set_scene(scene)
            goal = contract.rest + 0.2
            still = np.zeros((1, len(goal)))
            robot.set_trajectory(Trajectory(contract.joint_names, np.array([0.4]), goal[None], still, robot.now_ns))
            for _ in range(3):
                robot.step_to(robot.now_ns + 100 * MS)
                assert studio.draw("front", robot.now_ns, robot.view())
                expected, at_ns = robot.image("front"), robot.now_ns
                robot.step_to(robot.now_ns + 50 * MS)  # what is drawn is of before
                shot = shots.get(timeout=30)
                assert (shot.camera, shot.stamp_ns) == ("front", at_ns)
                np.testing.assert_array_equal(shot.pixels, expected)
                assert not np.array_equal(robot.image("front"), expected)
    finally:
        studio.close()
        robot.close()


def test_depth_and_its_noise_are_the_same_in_both_processes() -> None:
    contract = depth_arm()
    scene, shots = scene_for_seed(contract, 5, "plain"), Queue[Shot]()
    robot, studio = SimRobot(contract, scene, 5), Studio(contract, scene, shots.put)
    try:
        studio.ready()
        assert studio.draw("above", 7, robot.view())
        shot = shots.get(timeout=30)
        assert shot.pixels.dtype == np.uint16
        np.testing.assert_array_equal(shot.pixels, robot.image("above"))
        assert 0 < (shot.pixels == 0).mean() < 0.5
    finally:
        studio.close()
        robot.close()


def test_a_camera_whose_last_image_is_being_drawn_gets_none_more_and_waits_for_nothing(contract: Contract) -> None:
    scene, shots = scene_for_seed(contract, 1, "plain"), Queue[Shot]()
    robot, studio = SimRobot(contract, scene, 1), Studio(contract, scene, shots.put)
    try:
        studio.ready()
        view = robot.view()
        taken = [studio.draw("front", stamp, view) for stamp in range(200)]
        assert taken[0]
        assert taken.count(True) < 200
        for stamp in np.flatnonzero(taken):
            assert shots.get(timeout=30).stamp_ns == stamp
        assert shots.empty()
    finally:
        studio.close()
        robot.close()


@pytest.mark.parametrize(
    ("image_s", "cameras", "expected_hz"),
    [
        (0.002, 1, 30.0),
        (0.0133, 1, 30.0),
        (0.014, 1, 15.0),
        (0.03, 1, 10.0),
        (0.002, 3, 30.0),
        (0.006, 3, 15.0),
        (1.0, 1, 0.4),
    ],
)
def test_as_many_images_are_affordable_as_fit_into_two_fifths_of_a_core(
    image_s: float, cameras: int, expected_hz: float
) -> None:
    assert affordable_hz(30.0, image_s, cameras) == pytest.approx(expected_hz)


def test_the_rate_of_a_camera_is_what_is_affordable_and_what_is_kept_is_counted(contract: Contract) -> None:
    now = [100.0]
    camera = contract.stream("front")
    assert camera.kind == "camera"
    rates = CameraRates(
        [camera, camera.model_copy(update={"name": "wrist", "rate_hz": 10.0})], Cost(0.01, 0.02), lambda: now[0]
    )
    assert rates.lines()[0] == "camera front: 15 images a second, 30 asked; an image takes 10.0 ms of a core"
    due = [rates.due(at * 10 * MS, (at - 1) * 10 * MS) for at in range(1, 1001)]
    assert [sum(name in each for each in due) for name in ("front", "wrist")] == pytest.approx([150, 100], abs=1)
    for beat in range(100):  # ten seconds, of which the camera draws all in the first five and every third later
        now[0] += 0.1
        rates.drawn("wrist")
        if beat < 50 or beat % 3 == 0:
            rates.drawn("front")
        if beat == 49:
            assert rates.kept_hz("front") == pytest.approx(10.0, abs=0.3)
    assert rates.kept_hz("front") == pytest.approx(10 / 3, abs=0.3)
    values = rates.values()
    assert (values["front_asked_hz"], values["front_affordable_hz"], values["wrist_affordable_hz"]) == (
        30.0,
        15.0,
        10.0,
    )
    assert [line.split(" makes ")[0] for line in rates.behind()] == ["camera front"]


def test_the_scene_is_the_one_that_was_set_last(contract: Contract) -> None:
    scene = scene_for_seed(contract, 1, "plain")
    bare, shots = replace(scene, objects=()), Queue[Shot]()
    robot, studio = SimRobot(contract, bare, 1), Studio(contract, scene, shots.put)
    try:
        studio.ready()
        studio.set_scene(bare)
        assert studio.draw("front", 0, robot.view())
        np.testing.assert_array_equal(shots.get(timeout=30).pixels, robot.image())
    finally:
        studio.close()
        robot.close()


def test_a_machine_that_nothing_can_be_drawn_on_is_said(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    studio = Studio(contract, scene_for_seed(contract, 1, "plain"), print)
    with pytest.raises(UserError, match="rendering"):
        studio.ready()
    studio.close()


def test_a_drawing_process_that_ends_before_it_is_told_anything_is_said_too(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(subprocess.Popen):
        def __init__(self, *args, **settings) -> None:
            super().__init__(*args, **settings)
            self.wait(30)

    monkeypatch.setattr("world_model_ros.sim.camera_process._PROGRAM", "import sys; sys.exit(3)")
    monkeypatch.setattr("world_model_ros.sim.camera_process.subprocess.Popen", Ended)
    studio = Studio(contract, scene_for_seed(contract, 1, "plain"), print)
    with pytest.raises(UserError, match="rendering: got 'it ended with status 3'"):
        studio.ready()
    studio.close()
