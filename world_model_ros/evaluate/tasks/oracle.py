"""Oracles: scripted policies that know true poses (push; grasp and table tasks), an upper reference for success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import grips
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.evaluate.tasks.table_errands import Errand
from world_model_ros.evaluate.tasks.task import TABLE, Task
from world_model_ros.goals.hands import Hands
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.sim.collection.gestures import action_in_plane
from world_model_ros.sim.collection.operators import CHUNK, GripperSight
from world_model_ros.sim.collection.policies import push_step, round_step
from world_model_ros.sim.collection.skills import Carry
from world_model_ros.sim.scenes.fixtures import placed

_ARRIVED_M = 0.006
_THERE_M = 0.02  # of a hand that steadies, from its place
_RAISED_M, _OVER_M = 0.02, 0.03  # of a goal on a shelf over where the object is; of the way there over the goal
_WAITING_M = 0.07  # of a hand that waits to push, from the middle of the object


class Oracle(Protocol):
    """Commands for a task from where the robot and the object truly are."""

    def command(self, task: Task, reference: Float, places: Mapping[str, Float], now_ns: int) -> Trajectory:
        """What to do now.

        Args:
            task: that is pursued.
            reference: commanded joint positions (J,).
            places: true pose (7,) of each object, m, base frame, and value (1,) of everything articulated.
            now_ns: stamp of the command.
        """


def oracle_for(contract: Contract) -> Oracle:
    """The oracle of a robot: `GraspOracle` of one that grips, else `PushOracle`, which refuses what it cannot move."""
    return GraspOracle(contract) if grips(contract.interface.action) else PushOracle(contract)


class GraspOracle:
    """Grasps the object, carries it to its goal and holds it there; or brings the fingertip to its own; or does what is
    asked at a table with several things.

    Args:
        contract: of a robot that grips.
    """

    def __init__(self, contract: Contract) -> None:
        self._sight, self._motion, self._tick_s = GripperSight(contract), motion_for(contract), contract.tick_s
        self._contract = contract
        self._skill: tuple[Task, Carry | Errand] | None = None

    def command(self, task: Task, reference: Float, places: Mapping[str, Float], now_ns: int) -> Trajectory:
        """As `Oracle.command`."""
        if self._skill is None or self._skill[0] is not task:
            self._skill = task, self._skill_for(task, places)
        skill = self._skill[1]
        if isinstance(skill, Errand):
            action = skill.play(self._sight.table(reference, places))
        else:
            action = skill.act(self._sight.see(reference, places.get(task.target, next(iter(places.values())))))
        chunk = np.tile(action, (CHUNK, 1))
        return self._motion.chunk_trajectory(reference, chunk, now_ns, self._tick_s)

    def _skill_for(self, task: Task, places: Mapping[str, Float]) -> Carry | Errand:
        box, bounds = self._sight.box, self._sight.bounds
        if task.kind in TABLE:
            return Errand(task, box, bounds, placed(self._contract))
        sides = 2 if task.kind == "unseen" else 4  # it may be long
        start = places.get(task.target)
        raised = task.kind == "place" and start is not None and task.position[2] > start[2] + _RAISED_M
        over_m = _OVER_M if raised else 0.0
        return Carry(task.position, box, bounds, start is not None, task.yaw, task.symmetry, sides, over_m)


class PushOracle:
    """Moves fingertips in a plane, and pushes the object with them.

    Args:
        contract: of a robot whose action displaces fingertips along x and y.
    """

    def __init__(self, contract: Contract) -> None:
        action = action_in_plane(contract)
        self._arm, self._bound = ArmKinematics(contract), action.bounds[0]
        self._tick_s = contract.tick_s
        self._hands = Hands.of(contract.interface.hands)
        by_link = {target.link: target.name for target in contract.interface.targets if target.link is not None}
        self._names = [by_link.get(link) for link in self._arm.links]

    def command(self, task: Task, reference: Float, places: Mapping[str, Float], now_ns: int) -> Trajectory:
        """As `Oracle.command`."""
        tips = self._arm.tips(reference)[:, :2]
        moves = np.zeros_like(tips)
        goals = {part.target: part.position[:2] for part in task.parts}
        pushed = next((name for name in goals if name in places), None)
        busy = {hand for hand, name in enumerate(self._names) if name in goals}
        if pushed is not None:
            item, goal = places[pushed][:2], goals[pushed]
            left = float(np.hypot(*(goal - item)))
            hand = self._hands.pusher(tips, item, goal, busy)
            late = [np.hypot(*(goals[str(self._names[other])] - tips[other])) > _THERE_M for other in busy]
            if any(late):  # first everybody takes their places
                behind = item - _WAITING_M * (goal - item) / max(left, 1e-9)
                moves[hand] = round_step(tips[hand], item, behind, self._bound)
            elif left >= _ARRIVED_M:
                moves[hand] = push_step(tips[hand], item, goal, min(self._bound, 0.5 * left + 0.01))
        for hand in busy:
            goal = goals[str(self._names[hand])]
            if pushed is None:
                moves[hand] = self._straight(goal - tips[hand])
            else:
                moves[hand] = round_step(tips[hand], places[pushed][:2], goal, self._bound)
        moves = self._hands.kept_apart(tips, moves)
        return self._arm.chunk_trajectory(reference, np.tile(moves.ravel(), (CHUNK, 1)), now_ns, self._tick_s)

    def _straight(self, left: Float) -> Float:
        """Half the way at most: no overshoot."""
        return left * min(0.5, self._bound / max(float(np.abs(left).max()), 1e-9))
