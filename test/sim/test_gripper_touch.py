"""Fingertips of a gripper feel how hard they press, and the weight of what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.contract.contract import load_contract
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.scenes.scene import ObjectConfig, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot

CONTRACT = load_contract("gripper_arm")
PADS = ("left_taxels", "right_taxels")
HALF_M, LEAD_M, STIFFNESS = 0.022, 0.004, 4000.0
MS = 1_000_000


def felt(mass: float, aside_m: float = 0.0, higher_m: float = 0.0) -> tuple[dict[str, np.ndarray], float]:
    """Mean forces (rows, cols, 3) on each pad of a gripper that is told to close ``LEAD_M`` beyond the sides of a cube
    between its fingers, and how hard its motor pulls, N."""
    home = np.array(CONTRACT.rest)
    home[CONTRACT.joint_names.index("finger_joint")] = HALF_M - LEAD_M
    x, y, z = ArmKinematics(CONTRACT).tips(home)[0]
    cube = ObjectConfig("box", (HALF_M,) * 3, mass, start=(x, y + aside_m, 0.0), lift=z + higher_m - HALF_M)
    robot = SimRobot(CONTRACT, SceneConfig(objects=(cube,), home=tuple(home.tolist())), 0)
    robot.step_to(400 * MS)
    said: dict[str, list[np.ndarray]] = {pad: [] for pad in PADS}
    for stop in range(410, 500, 10):
        robot.step_to(stop * MS)
        for pad in PADS:
            said[pad].append(robot.taxels(pad))
    pull = -float(robot.joint_state()[2][-1])
    robot.close()
    return {pad: np.mean(each, 0) for pad, each in said.items()}, pull


@pytest.mark.parametrize("mass", [0.1, 0.4])
def test_both_fingertips_together_feel_the_weight_and_each_half_of_the_squeeze(mass):
    pads, pull = felt(mass)
    forces = {pad: each.sum((0, 1)) for pad, each in pads.items()}  # x, y outward, z out of the end of the finger
    assert sum(force[2] for force in forces.values()) == pytest.approx(9.81 * mass, abs=0.05)
    assert 0.8 * STIFFNESS * LEAD_M < pull <= STIFFNESS * LEAD_M
    for force in forces.values():
        assert force[1] == pytest.approx(pull / 2, abs=0.1)
        assert abs(force[0]) < 0.1


def test_it_is_felt_on_the_sides_that_face_each_other():
    for each in felt(0.2)[0].values():
        columns = each[:, :, 1].sum(0)
        assert columns[5:].sum() > 5 * columns[1:4].sum() > 0.0


def test_fingers_that_hold_nothing_feel_nothing():
    for each in felt(0.2, aside_m=0.15)[0].values():
        assert np.abs(each).max() < 0.03


def test_what_touches_a_finger_above_its_pad_is_not_felt():
    pads, pull = felt(0.2, higher_m=0.065)
    assert pull > 0.8 * STIFFNESS * LEAD_M
    assert max(np.abs(each).max() for each in pads.values()) < 0.03
