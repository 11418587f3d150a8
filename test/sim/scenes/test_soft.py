"""What is soft gives way as foam does, comes back, is heard less than what is stiff, and can be carried."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.fixtures import placed
from world_model_ros.sim.scenes.goal_image import tip_configuration
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot

CONTRACT = load_contract("gripper_arm")
SIZE = HALF_M, _, HIGH_M = 0.022, 0.022, 0.03
PLACE = 0.45, 0.0
HOME = tip_configuration(CONTRACT, PLACE)
FIXTURES = tuple(each.config for each in placed(CONTRACT).values())
MS = 1_000_000


def around(young_pa: float | None, yaw: float = 0.0) -> SimRobot:
    """Open fingers on both sides of a box on the table."""
    box = ObjectConfig("box", SIZE, 0.1, start=(*PLACE, yaw), young_pa=young_pa)
    return SimRobot(CONTRACT, SceneConfig((box,), tuple(HOME.tolist()), fixtures=FIXTURES), 0)


def close(robot: SimRobot, opening_m: float) -> tuple[float, float]:
    """Where the fingers are after a second in which they were told to go there, m, and how hard each presses, N."""
    to = HOME.copy()
    to[-1] = opening_m
    still = np.zeros((1, len(to)))
    robot.set_trajectory(Trajectory(CONTRACT.joint_names, np.array([0.5]), to[None], still, robot.now_ns))
    robot.step_to(robot.now_ns + 1000 * MS)
    return float(robot.joint_state()[0][-1]), -float(robot.joint_state()[2][-1]) / 2


@pytest.mark.parametrize("young_pa", [6e3, 1e4, 5e4])
@pytest.mark.parametrize("yaw", [0.0, np.pi / 2])
def test_a_side_gives_way_by_what_foam_does_and_comes_back(young_pa, yaw):
    robot = around(young_pa, yaw)
    finger, force_n = close(robot, HALF_M - 0.008)
    stiffness = young_pa * 2 * HIGH_M * 2 * HALF_M / HALF_M
    assert HALF_M - finger == pytest.approx(force_n / stiffness, abs=6e-4)
    assert force_n > 2.0
    np.testing.assert_allclose(robot.object_pose()[:2], PLACE, atol=1e-3)
    assert close(robot, 0.04)[0] == pytest.approx(0.04, abs=1e-3)
    springs = robot._data.qpos[robot._model.joint("object_0").qposadr[0] + 7 :][:8]
    np.testing.assert_allclose(springs, 0.0, atol=5e-4)
    robot.close()


def test_what_is_stiff_does_not_give_way_and_is_heard_more():
    loudest = []
    for young_pa in (1e4, None):
        robot = around(young_pa)
        robot.step_to(200 * MS)
        robot.audio_blocks()
        finger, _ = close(robot, HALF_M - 0.004)
        loudest.append(np.mean([np.abs(block.astype(float)).max() for _, block in robot.audio_blocks()]))
        robot.close()
    assert finger == pytest.approx(HALF_M, abs=6e-4)
    assert loudest[1] > 1.2 * loudest[0]


def test_some_are_of_foam_yellow_and_light():
    items = [scene_for_seed(CONTRACT, seed, "varied").objects[1] for seed in range(60)]
    foam = [item for item in items if item.young_pa is not None]
    assert 5 < len(foam) < 30
    assert {(item.shape, item.young_pa) for item in foam} == {("box", 1e4)}
    for item in foam:
        red, green, blue = item.rgb
        assert red > 0.9 * green > 2 * blue
        assert item.mass <= 0.15


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ({"shape": "ball", "young_pa": 1e4}, "young_pa: is for a box, and for none that breaks"),
        ({"shape": "box", "young_pa": 1e4, "breaks_n": 5.0}, "young_pa: is for a box, and for none that breaks"),
        ({"shape": "box", "young_pa": 1e6}, r"objects\[0\]\[0\].young_pa: got 1000000.0; expected less than .*50000"),
        ({"shape": "box", "young_pa": 10.0}, "young_pa: got 10.0; expected greater than .*2000"),
    ],
)
def test_what_cannot_be_soft_is_refused(make, said):
    data = yaml.safe_load(CONTRACT.text)
    data["deployment"]["simulation"]["objects"] = [[make]]
    with pytest.raises(UserError, match=said):
        contract_from_text(yaml.safe_dump(data))
