"""Scenes at three levels of variety: drawn by the seed, built, seen and heard."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.sim.scenes.draw import VARIETIES, scene_for_seed
from world_model_ros.sim.scenes.scene import BackgroundConfig, OccluderConfig, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.sound import Background

CONTRACT = load_contract("tabletop_arm")


@pytest.fixture(scope="module")
def contract():
    return CONTRACT


def test_a_seed_is_the_same_scene_and_the_target_stays_where_it_was() -> None:
    for variety in VARIETIES:
        assert scene_for_seed(CONTRACT, 5, variety) == scene_for_seed(CONTRACT, 5, variety)
    assert scene_for_seed(CONTRACT, 5, "varied").objects[0].start == scene_for_seed(CONTRACT, 5).objects[0].start
    with pytest.raises(UserError, match=r"scenes.*plain.*varied.*cluttered"):
        scene_for_seed(CONTRACT, 5, "messy")  # type: ignore[arg-type]


@pytest.mark.slow
def test_variety_grows_from_level_to_level() -> None:
    def spread(variety: str) -> float:
        return float(np.std([scene_for_seed(CONTRACT, seed, variety).camera_shift for seed in range(200)]))

    assert spread("varied") > 1.5 * spread("plain")
    cluttered = [scene_for_seed(CONTRACT, seed, "cluttered") for seed in range(200)]
    assert {len(scene.objects) for scene in cluttered} >= {2, 3}
    assert 0.3 < np.mean([bool(scene.occluders) for scene in cluttered]) < 0.9
    for scene in cluttered:
        places = np.array([item.start[:2] for item in scene.objects])
        apart = [np.hypot(*(a - b)) for i, a in enumerate(places) for b in places[:i]]
        assert min(apart, default=1.0) > 0.09, scene


@pytest.mark.slow
def test_other_objects_are_never_of_the_targets_colours() -> None:
    import colorsys

    for seed in range(200):
        target, *others = scene_for_seed(CONTRACT, seed, "cluttered").objects
        assert 0.3 < colorsys.rgb_to_hsv(*target.rgb)[0] < 0.8
        for other in others:
            hue, saturation, _ = colorsys.rgb_to_hsv(*other.rgb)
            assert saturation < 0.15 or not 0.3 < hue < 0.8


def test_a_post_hides_what_is_behind_it_and_cannot_be_touched(contract) -> None:
    def image(scene: SceneConfig) -> np.ndarray:
        robot = SimRobot(contract, scene, 0)
        try:
            return robot.image().astype(int)
        finally:
            robot.close()

    free = SceneConfig()
    hidden = SceneConfig(occluders=(OccluderConfig((0.7, 0.0), 0.03, 0.25),))
    blue = [(picture[..., 2] - picture[..., 0] > 60).sum() for picture in (image(free), image(hidden))]
    assert blue[0] > 10 * max(blue[1], 1)
    robot = SimRobot(contract, SceneConfig(occluders=(OccluderConfig((0.45, 0.0), 0.05, 0.3),)), 0)
    robot.step_to(robot.now_ns + 200_000_000)  # the post stands in the fingertip
    assert np.abs(robot.taxels()).max() < 0.1
    robot.close()


def test_background_sound_has_its_level_and_never_knocks() -> None:
    assert not Background(BackgroundConfig(level=0.0), 16000.0, 0).block(320).any()
    for tone in (0.0, 0.5, 1.0):
        background = Background(BackgroundConfig(level=0.02, tone=tone), 16000.0, 1)
        sound = np.concatenate([background.block(320) for _ in range(200)])
        rms = np.sqrt(np.mean(sound**2))
        assert 0.005 < rms < 0.05
        assert np.abs(sound).max() < 8 * rms


def test_the_background_is_heard_through_the_microphone(contract) -> None:
    def heard(level: float) -> float:
        robot = SimRobot(contract, SceneConfig(objects=(), background=BackgroundConfig(level=level)), 0)
        robot.step_to(robot.now_ns + 400_000_000)
        sound = np.concatenate([block for _, block in robot.audio_blocks()]) / 32767.0
        robot.close()
        return float(np.sqrt(np.mean(sound**2)))

    assert heard(0.03) > 5 * heard(0.0)
