"""A picture of a goal: the scene with the fingertip somewhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Float
from world_model_ros.kinematics.arm import ArmKinematics, tool_down
from world_model_ros.sim.scene import HOME, SceneConfig
from world_model_ros.sim.sim_robot import SimRobot


def goal_image(contract: Contract, scene: SceneConfig, tip_xy: Sequence[float] | Float) -> NDArray[np.uint8]:
    """What the camera sees with the fingertip at x, y (m, base frame) and the objects where ``scene`` has them.

    Returns:
        RGB of the contract's source shape.

    Raises:
        UserError: the fingertip cannot get there.
    """
    home = tip_configuration(contract, tip_xy)
    robot = SimRobot(contract, replace(scene, home=tuple(home.tolist())), seed=0)
    try:
        return robot.image()
    finally:
        robot.close()


def tip_configuration(contract: Contract, tip_xy: Sequence[float] | Float) -> Float:
    """Joint positions (J,) with the fingertip at x, y at the workspace's height, pointing down, elbow up."""
    action = contract.interface.action
    if action.kind != "fingertip_displacement":
        raise UserError("interface.action.kind", action.kind, "fingertip_displacement")
    place = np.array([*tip_xy, action.workspace_m[2][0]], dtype=np.float64)
    solution = ArmKinematics(contract).solve(np.array(HOME), place, tool_down())
    if solution is None:
        raise UserError("fingertip", place.tolist(), f"a place that the arm reaches, in {action.workspace_m}")
    return solution
