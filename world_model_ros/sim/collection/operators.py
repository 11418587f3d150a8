"""Scripted operators of a simulated robot for gathering data: fingertips in a plane, or a gripper with its skills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import GRIPPER_PARTS, grippers, grips
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.orientation import rotation, x_axis_yaw
from world_model_ros.goals.hands import Hands
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.collection.gestures import Desk, make_gesture
from world_model_ros.sim.collection.skills import Sight, Skills
from world_model_ros.sim.collection.table_skills import Table, TableSkills, Thing
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scenes.fixtures import placed

CHUNK = 4  # ticks a command reaches ahead
_SLEW_M = 0.02  # how much an action may differ from the one before it, on each axis
_SKILLS = "skills"
_LEVEL = 0.7  # of an axis of length 1, its part in the plane
_POSE = 7  # numbers of a pose; a value has one
_BEYOND_M = 0.03  # of a workspace, where an object is lost
_GRIPPING = f"parts {', '.join(GRIPPER_PARTS)}, in this order, of one hand along x, y and z, with yaw"


class Operator(Protocol):
    """Policy that moves a simulated robot while data is gathered.

    Attributes:
        patient: whether an episode goes on for a while after an object was lost.
    """

    patient: bool

    def chunk(self, rig: Rig) -> Float:
        """Actions (H, C) from now on."""

    def lost(self, rig: Rig) -> str:
        """The name of an object that is where no hand gets at it; empty if there is none."""


def operator_shares(contract: Contract) -> dict[str, float]:
    """Shares of the operators that move a robot, by name; `UserError` for a robot that none of them can move."""
    if grips(contract.interface.action):
        return {_SKILLS: 1.0}
    try:
        return Desk.of(contract).shares
    except UserError as error:
        legal = f"displacements of fingertips along x and y, or {_GRIPPING}"
        raise UserError(error.field, error.value, legal) from error


def out_of_reach(hands: Hands, place: Float) -> bool:
    """Whether a place (2 or more,) m is outside of the workspaces of all hands."""
    return all(hands.outside(hand, place[:2]) > 0 for hand in range(len(hands)))


def make_operator(name: str, seed: int, contract: Contract) -> Operator:
    """Who moves a robot; ``name`` is one of `operator_shares`."""
    if name != _SKILLS:
        return Pusher(contract, name, seed)
    return TableGrasper(contract, seed) if contract.simulation.furnished else Grasper(contract, seed)


class _OfOneObject:
    """What the policies for a table with one object have in common."""

    patient = True
    _hands: Hands

    def lost(self, rig: Rig) -> str:
        """As `Operator.lost`: the object, if it is outside of all workspaces."""
        return "object_0" if out_of_reach(self._hands, rig.robot.object_pose()) else ""


class Pusher(_OfOneObject):
    """Fingertips that move in a plane.

    Args:
        contract: of the robot.
        gesture: name of it. seed: of it.
    """

    def __init__(self, contract: Contract, gesture: str, seed: int) -> None:
        self._arm, desk = ArmKinematics(contract), Desk.of(contract)
        self._gesture, self._hands = make_gesture(gesture, seed, desk), desk.hands
        self._moves = np.zeros((len(self._hands), 2))

    def chunk(self, rig: Rig) -> Float:
        """Actions (H, C) from now on, all alike."""
        tips, item = self._arm.tips(rig.reference)[:, :2], rig.robot.object_pose()[:2]
        self._moves += np.clip(self._gesture.act(tips, item) - self._moves, -_SLEW_M, _SLEW_M)
        return np.tile(self._moves.ravel(), (CHUNK, 1))


class GripperSight:
    """What skills of a gripper see.

    Args:
        contract: of the robot.
    """

    def __init__(self, contract: Contract) -> None:
        action = contract.interface.action
        if not grips(action):
            raise UserError("interface.action", action.kind, _GRIPPING)
        (hand,), (gripper,) = contract.interface.hands, grippers(action)
        self.box, self.bounds = hand.box, np.array(action.bounds)
        self._arm, self._link = ArmKinematics(contract), str(hand.link)
        (joint, *_) = gripper.joints
        self._finger, self._closed, self._wide = contract.joint_names.index(joint.name), joint.closed, joint.open

    def see(self, reference: Float, item: Float) -> Sight:
        """Sight with joints commanded to ``reference`` (J,), and the object's pose (7,)."""
        return Sight(*self._hand(reference), item[:3], _side_yaw(item[3:]))

    def table(self, reference: Float, places: Mapping[str, Float]) -> Table:
        """Table with joints commanded to ``reference`` (J,), poses (7,) of objects and values (1,) of fixtures."""
        things = {name: Thing(at[:3], _side_yaw(at[3:])) for name, at in places.items() if len(at) == _POSE}
        values = {name: float(at[0]) for name, at in places.items() if len(at) != _POSE}
        return Table(*self._hand(reference), things, values)

    def _hand(self, reference: Float) -> tuple[Float, float, float]:
        """Place (3,), yaw and opening that are commanded."""
        place, rotation = self._arm.tip(reference, self._link)
        opening = (reference[self._finger] - self._closed) / (self._wide - self._closed)
        return place, x_axis_yaw(rotation), float(opening)


class Grasper(_OfOneObject):
    """A gripper with its skills.

    Args:
        contract: of the robot. seed: of what is done.
    """

    def __init__(self, contract: Contract, seed: int) -> None:
        self._sight, self._hands = GripperSight(contract), Hands.of(contract.interface.hands)
        area = np.array(contract.simulation.objects_m).T
        self._skills = Skills(seed, self._sight.box, area, self._sight.bounds)

    def chunk(self, rig: Rig) -> Float:
        """Actions (H, C) from now on, all alike."""
        return np.tile(self._skills.act(self._sight.see(rig.reference, rig.robot.object_pose())), (CHUNK, 1))


class TableGrasper:
    """A gripper with skills at a table with several objects and fixtures.

    Args:
        contract: of the robot. seed: of what is done.
    """

    patient = False

    def __init__(self, contract: Contract, seed: int) -> None:
        self._sight, self._hands = GripperSight(contract), Hands.of(contract.interface.hands)
        self._top_m = contract.simulation.table.top_m
        area = np.array(contract.simulation.objects_m).T
        self._skills = TableSkills(seed, self._sight.box, area, self._sight.bounds, placed(contract))

    def chunk(self, rig: Rig) -> Float:
        """Actions (H, C) from now on, all alike."""
        return np.tile(self._skills.play(self._sight.table(rig.reference, rig.robot.places())), (CHUNK, 1))

    def lost(self, rig: Rig) -> str:
        """As `Operator.lost`: one that left the workspace, or fell from the table."""
        poses = {name: place for name, place in rig.robot.places().items() if len(place) == _POSE}
        for name, pose in poses.items():
            if self._hands.outside(0, pose[:2]) > _BEYOND_M or pose[2] < self._top_m:
                return name
        return ""


def _side_yaw(quaternion: Float) -> float:
    """Yaw of the x axis of an object, or of its y axis where it was toppled onto x; from its quaternion x, y, z, w."""
    first, second, _ = rotation(quaternion)[:2].T
    level = first if np.hypot(*first) > _LEVEL else second
    return float(np.arctan2(level[1], level[0]))
