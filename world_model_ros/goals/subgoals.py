"""Turns a goal into the planner's subgoal of this tick, for all targets at once and for hands with nothing to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from world_model_ros.bundle.session import Graph
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.orientation import apart_rad
from world_model_ros.goals.hands import Hands
from world_model_ros.goals.pursuit import Pursuit
from world_model_ros.goals.recovery import LOOKING
from world_model_ros.goals.subgoal import (
    REACHED_VALUE,
    Subgoal,
    TargetError,
    ValueGap,
    aim_at_image,
    aim_at_joints,
    aim_at_poses,
    choose_target,
    pose_goals,
    target_index,
)
from world_model_ros.goals.workspace import Workspace
from world_model_ros.kinematics.arm import ArmKinematics

_IDLE = 0.1  # weight of a hand with nothing to do that goes to where it rests, or stays


class Aiming:
    """Turns a goal into the subgoal of this tick, which is what the planner aims at.

    Args:
        contract: of the robot.
        arm: its kinematics; None if its action does not displace fingertips.
        workspace: of the action.
        reader: the graph that reads goal images; None of a bundle without it.
        aside: indices of the joints that no action moves.
        turned: indices of the targets whose orientation the planner reads; those of others are let be.
    """

    def __init__(
        self,
        contract: Contract,
        arm: ArmKinematics | None,
        workspace: Workspace,
        reader: Graph | None,
        aside: Sequence[int] = (),
        turned: Collection[int] = (),
    ) -> None:
        self._aside, self._turned = tuple(aside), frozenset(turned)
        self._contract, self._arm, self._workspace, self._reader = contract, arm, workspace, reader
        self._camera = first_camera(contract.interface)
        self._targets = contract.interface.targets
        links = () if arm is None else arm.links
        # Fingertips that the action moves: target, and number among the hands.
        self._tips = {k: links.index(target.link) for k, target in enumerate(self._targets) if target.link in links}
        self._fingers = list(contract.interface.fingertips)
        self._hands = Hands.of(contract.interface.hands)
        self._rest = None if arm is None else arm.tips(contract.rest)

    def aim(
        self,
        goal: Goal | None,
        measured: Float | None,
        belief_poses: Floats | None,
        seen: Floats | None,
        pursuit: Pursuit | None,
        since: float = 1.0,
        belief_values: Floats | None = None,
    ) -> tuple[Subgoal, Pursuit | None]:
        """What to do about the goal now.

        Args:
            measured: (J,); None of a robot without joints. belief_poses: (K, 7).
            seen: (K, 3) read from the camera; None if it is not fresh.
            pursuit: of the goal image so far. since: steps of the model since the last tick.
            belief_values: (K,) of what is articulated; None of a model that believes none.
        """
        if goal is None:
            return Subgoal("idle"), None
        if goal.kind == "joints":
            assert measured is not None
            return aim_at_joints(goal, measured, self._contract, self._aside), None
        tips = None if self._arm is None or measured is None else self._arm.tips(measured).astype(np.float32)
        if goal.kind in ("pose", "value"):
            ways = [
                self._way(target, pose, self._position(target, tips, belief_poses), belief_poses)
                for target, pose in pose_goals(goal, self._contract)
            ]
            reaches = [self._workspace.for_target(self._targets[way.target]) for way in ways]
            gaps = self._gaps(goal, belief_values)
            return self._with_hands(aim_at_poses(ways, reaches, self._targets, gaps), tips, self._rest), None
        assert goal.image is not None
        assert self._camera is not None
        assert self._reader is not None
        if pursuit is None or pursuit.stamp_ns != goal.stamp_ns:
            read = self._reader.run(self._reader.neutral() | {self._camera.name: goal.image})
            pursuit = Pursuit(goal.stamp_ns, read["seen"], read["codes"])
        named = None if goal.target is None else target_index(goal, self._contract)
        believed = None if belief_poses is None else belief_poses[:, :3]
        pursuit = choose_target(pursuit, seen, believed, named, self._contract)
        assert pursuit.target is not None
        now = self._position(pursuit.target, tips, belief_poses)
        reach = self._workspace.for_target(self._targets[pursuit.target])
        aim, pursuit = aim_at_image(pursuit, self._camera.name, now, seen, reach, self._targets, since)
        return self._with_hands(aim, tips, tips), pursuit

    def _way(self, target: int, pose: Floats, now: Floats, belief_poses: Floats | None) -> TargetError:
        """What a target has to cover to a pose (7,), with its orientation as far as that counts."""
        about = self._targets[target]
        if target not in self._turned or about.orientation == "free" or belief_poses is None or not pose[3:].any():
            return TargetError(target, pose[:3], now)
        away = apart_rad(pose[3:], belief_poses[target, 3:], about.orientation, about.symmetry)
        return TargetError(target, pose[:3], now, turn=pose[3:], apart_rad=away)

    def _gaps(self, goal: Goal, belief_values: Floats | None) -> list[ValueGap]:
        """What each value of a goal has to cover, held to its range."""
        names, gaps = [target.name for target in self._targets], []
        for each in goal.values:
            index = names.index(each.target)
            target = self._targets[index]
            now = None if belief_values is None else float(belief_values[index])
            value = self._workspace.value_inside(target, each.value)
            gaps.append(ValueGap(index, value, now, REACHED_VALUE[target.unit]))
        return gaps

    def out_of_the_way(self, aim: Subgoal, measured: Float | None) -> Subgoal:
        """All hands go to where they rest, so that the camera sees what they hid; what was pushed stays there."""
        if self._arm is None or self._rest is None or measured is None:
            return Subgoal(LOOKING, errors=aim.errors)
        tips = self._arm.tips(measured).astype(np.float32)
        ways = [TargetError(k, np.asarray(self._rest[hand], np.float32), tips[hand]) for k, hand in self._tips.items()]
        ways += [replace(way, position=way.now) for way in aim.ways if self._targets[way.target].kind == "object"]
        reaches = [self._workspace.for_target(self._targets[way.target]) for way in ways]
        return replace(aim_at_poses(ways, reaches, self._targets), status=LOOKING, errors=aim.errors)

    def _with_hands(self, aim: Subgoal, tips: Float | Floats | None, idle: Float | Floats | None) -> Subgoal:
        """The aim, where there are several hands with which of them pushes, and the others on their way to ``idle``."""
        if tips is None or idle is None or len(self._hands) < 2 or not aim.ways:
            return aim
        places = np.asarray(tips, np.float64)[:, :2]
        busy = {self._tips[way.target] for way in aim.ways if way.target in self._tips}
        pushed = [way for way in aim.ways if self._targets[way.target].kind == "object"]
        pushing = {
            self._hands.pusher(places, way.now[:2].astype(np.float64), way.position[:2].astype(np.float64), busy)
            for way in pushed
        }
        weights = np.array([float(self._tips.get(k) in pushing) for k in self._fingers], np.float32)
        rest = [
            TargetError(target, np.asarray(idle[hand], np.float32), np.asarray(tips[hand], np.float32), _IDLE)
            for target, hand in self._tips.items()
            if hand not in busy and hand not in pushing
        ]
        return replace(aim, ways=(*aim.ways, *rest), hands=weights if pushed else None)

    def _position(self, target: int, tips: Float | Floats | None, belief_poses: Floats | None) -> Floats:
        """Where a target is (3,): a link that the action moves by its joints, anything else as believed."""
        if tips is not None and target in self._tips:
            return np.asarray(tips[self._tips[target]], np.float32)
        assert belief_poses is not None
        position: Floats = belief_poses[target, :3]
        return position
