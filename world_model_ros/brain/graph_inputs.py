"""Fills the inputs of the perceive and plan graphs from an observation and a goal; reads measured joint positions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.decision import Memory
from world_model_ros.bundle.manifest import Manifest
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.arrays import Floats
from world_model_ros.core.streams import Observation
from world_model_ros.goals.subgoal import Subgoal

Inputs = dict[str, NDArray[Any]]


def perceive_inputs(
    neutral: Inputs, observation: Observation, manifest: Manifest, applied: Floats | None, memory: Memory
) -> Inputs:
    """Inputs of perceive. What is not fresh stays zero and is masked by ``fresh``, so the model never reads it."""
    fresh = [name for name in manifest.streams if observation.fresh[name]]
    inputs = neutral | {name: np.asarray(observation.values[name]) for name in fresh}
    inputs["fresh"] = np.array([name in fresh for name in manifest.streams], np.float32)
    if applied is not None:
        inputs["applied"] = np.asarray(applied, np.float32)
    inputs["memory"] = memory.belief
    inputs["reset"] = np.array([memory.fresh_start], np.float32)
    if "since" in neutral and len(memory.past) == len(neutral["since"]):
        inputs["before"] = memory.past[0][0]
        inputs["since"] = np.stack([action for _, action in memory.past])
    return inputs


def goal_inputs(aim: Subgoal, belief_poses: Floats | None, targets: int) -> Inputs:
    """Goal inputs of plan; what is left out stays off.

    The planner sees the model's own belief. Where that differs from the place known by better means (kinematics),
    the goal is moved along with it: what has to be covered counts, not where it is thought to lie.
    """
    if aim.joints is not None:
        return {"goal_joints": aim.joints, "goal_joints_weight": np.ones(1, np.float32)}
    return _pose_inputs(aim, belief_poses, targets) | _value_inputs(aim, targets)


def _pose_inputs(aim: Subgoal, belief_poses: Floats | None, targets: int) -> Inputs:
    if not aim.ways or belief_poses is None:
        return {}
    poses, weights = np.zeros((targets, 7), np.float32), np.zeros(targets, np.float32)
    poses[:, 6] = 1.0
    for way in aim.ways:
        poses[way.target, :3] = belief_poses[way.target, :3] + (way.position - way.now)
        weights[way.target] = way.weight
    wants = {"goal_poses": poses, "goal_position_weights": weights}
    turned = [way for way in aim.ways if way.turn is not None]
    if turned:
        wants["goal_rotation_weights"] = np.zeros(targets, np.float32)
    for way in turned:
        poses[way.target, 3:] = way.turn
        wants["goal_rotation_weights"][way.target] = way.weight
    return wants if aim.hands is None else wants | {"goal_hands": aim.hands}


def _value_inputs(aim: Subgoal, targets: int) -> Inputs:
    if not aim.gaps:
        return {}
    values, weights = np.zeros(targets, np.float32), np.zeros(targets, np.float32)
    for gap in aim.gaps:
        values[gap.target], weights[gap.target] = gap.value, 1.0
    return {"goal_values": values, "goal_value_weights": weights}


def measured_positions(observation: Observation, contract: Contract) -> NDArray[np.float64] | None:
    """Measured joint positions (J,) in contract order; None without joints, or if one is in no fresh stream."""
    found: dict[str, float] = {}
    for stream in contract.interface.of(JointStream):
        if observation.fresh[stream.name]:
            found |= zip(stream.joints, np.asarray(observation.values[stream.name])[:, 0].tolist())
    if not contract.joint_names or not all(name in found for name in contract.joint_names):
        return None
    return np.array([found[name] for name in contract.joint_names])
