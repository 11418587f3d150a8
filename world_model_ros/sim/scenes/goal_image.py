"""Renders a goal image of a scene with the fingertips at given places, and finds the joint positions for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics, tool_down
from world_model_ros.sim.scenes.scene import SceneConfig
from world_model_ros.sim.sim_robot import SimRobot


def goal_image(contract: Contract, scene: SceneConfig, tips: Sequence[float] | Float) -> NDArray[np.uint8]:
    """What the first camera sees with the fingertips at x, y (m, base frame) and the objects where ``scene`` has them.

    Args:
        tips: (T, 2), or (2,) of the only fingertip.

    Returns:
        RGB of the contract's source shape.

    Raises:
        UserError: a fingertip cannot get there.
    """
    home = tip_configuration(contract, tips)
    robot = SimRobot(contract, replace(scene, home=tuple(home.tolist())), seed=0)
    try:
        return robot.image()
    finally:
        robot.close()


def tip_configuration(contract: Contract, tips: Sequence[float] | Float) -> Float:
    """Joint positions (J,) with the fingertips at x, y at their workspaces' heights, pointing down, near to rest."""
    action = contract.interface.action
    if not action.tips:
        raise UserError("interface.action.kind", action.kind, "one that displaces fingertips")
    heights = [tip.workspace_m[2][0] for tip in action.tips]
    places = np.column_stack([np.reshape(tips, (len(action.tips), 2)), heights])
    solution = ArmKinematics(contract).solve(contract.rest, places, tool_down())
    if solution is None:
        legal = f"places that the robot reaches, in {[tip.workspace_m for tip in action.tips]}"
        raise UserError("fingertips", places.round(4).tolist(), legal)
    return solution
