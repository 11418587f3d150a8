"""The oracle: a hand-made policy that is told the true poses. What a task allows at best, more or less."""

from __future__ import annotations

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Float, Trajectory
from world_model_ros.evaluate.task import Task
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.policies import push_step

_CHUNK = 4  # ticks a command reaches ahead
_ARRIVED_M = 0.006


class Oracle:
    """Commands for a task from where the fingertip and the object truly are.

    Args:
        contract: of an arm whose action is fingertip displacement along x and y.
    """

    def __init__(self, contract: Contract) -> None:
        action = contract.interface.action
        if action.kind != "fingertip_displacement" or action.axes != ["x", "y"]:
            raise UserError("interface.action", action.kind, "fingertip_displacement along x and y")
        self._arm, self._bound = ArmKinematics(contract), action.bound_m
        self._tick_s = contract.tick_ns * 1e-9

    def command(self, task: Task, reference: Float, item: Float, now_ns: int) -> Trajectory:
        """What to do now.

        Args:
            task: that is pursued.
            reference: commanded joint positions (J,).
            item: true position (3,) of the task's target, m, base frame.
            now_ns: stamp of the command.
        """
        tip = self._arm.tip(reference)[0][:2]
        if task.target.startswith("object"):
            left = task.position[:2] - item[:2]
            move = push_step(tip, item[:2], task.position[:2], min(self._bound, 0.5 * float(np.hypot(*left)) + 0.01))
            if np.hypot(*left) < _ARRIVED_M:
                move = np.zeros(2)
        else:
            left = task.position[:2] - tip
            share = min(0.5, self._bound / max(float(np.abs(left).max()), 1e-9))  # half the way at most: no overshoot
            move = left * share
        return self._arm.chunk_trajectory(reference, np.tile(move, (_CHUNK, 1)), now_ns, self._tick_s)
