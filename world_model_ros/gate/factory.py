"""Builds the gate that a contract describes; finds the stream of joint states, and how old joint states may be."""

from __future__ import annotations

import numpy as np

from world_model_ros.contract.contract import Contract, require_contract
from world_model_ros.contract.hands import gripper_joints, grippers
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.gate.conditions.driver_state import DriverState
from world_model_ros.gate.conditions.ownership import Ownership
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.gripper.squeeze import Squeeze
from world_model_ros.gate.motion.collision import Collision


def gate_for(contract: Contract, brain_alone: bool = False) -> Gate:
    """A gate with everything that the contract sets up.

    Args:
        brain_alone: whether the brain owns it, and neither other sources nor clouds are there, whatever the contract
            says.

    Raises:
        UserError: the robot is not commanded, lacks a limit or joint states, or its URDF does not fit.
    """
    require_contract(contract)
    deployment = contract.deployment
    if deployment.command is None:
        raise UserError("deployment.command", None, "a controller topic; this robot can only be watched")
    settings = deployment.gate.model_copy(update={"clouds": []}) if brain_alone else deployment.gate
    return Gate(
        contract.limits(),
        settings,
        1.0 / contract.interface.tick_hz,
        deployment.command.rate_hz,
        joints_max_age_s(contract),
        Collision(contract) if deployment.gate.collision is not None else None,
        streaming=deployment.command.streamed,
        arm_tolerance=_arm_tolerances(contract),
        watched=np.array([name not in gripper_joints(contract.interface.action) for name in contract.joint_names]),
        driver=DriverState(deployment.driver),
        squeeze=_squeeze(contract),
        ownership=Ownership(None if brain_alone else deployment.sources),
    )


def joints_max_age_s(contract: Contract) -> float:
    """How old joint states may be for the gate, s.

    Where joints differ, the largest: those that may be less old count as older by the difference, see `JointParts`.
    """
    return max(contract.joint_ages_s())


def _arm_tolerances(contract: Contract) -> Float:
    """How far (J,) from its last setpoint a joint may be and still be held there when the gate is armed again.

    A joint that the action does not move, as a gripper's, may hold something and not get all the way: it would let go.
    One that the action closes may hold something anywhere.
    """
    settings, moved, limits = contract.deployment.gate, _moved(contract), contract.limits()
    gripping, reach = gripper_joints(contract.interface.action), dict(zip(limits.names, limits.upper - limits.lower))
    return np.array(
        [
            reach[joint.name]
            if joint.name in gripping
            else settings.tracking_tolerance
            if joint.name not in moved
            else _resting(settings.arm_tolerance, joint.unit)
            for joint in contract.interface.joints
        ]
    )


def _resting(arm_tolerance: float, unit: str) -> float:
    """The tolerance of arming for a joint by its unit: what is rad for one that turns is a fifth of it in m."""
    return arm_tolerance / (5.0 if unit == "m" else 1.0)


def _squeeze(contract: Contract) -> Squeeze | None:
    """The bound of how far grippers are led ahead of where they are measured, if the contract has one."""
    deployment, joints = contract.deployment, contract.interface.joints
    most = {limit.name: limit.squeeze for limit in deployment.limits if limit.squeeze is not None}
    if not most or deployment.command is None:
        return None
    named = [joint for gripper in grippers(contract.interface.action) for joint in gripper.joints]
    closing = {joint.name: 1.0 if joint.closed > joint.open else -1.0 for joint in named}
    slack = np.array([_resting(deployment.gate.arm_tolerance, joint.unit) for joint in joints])
    return Squeeze(contract.limits(), most, closing, slack, 1.0 / deployment.command.rate_hz)


def _moved(contract: Contract) -> set[str]:
    """Joints that the action moves."""
    action = contract.interface.action
    named = set(action.joints) if action.kind == "joint_displacement" else set()
    if action.kind == "parts":  # a gripper may hold something
        named = {name for part in action.parts if part.kind == "joint_displacement" for name in part.joints}
    if not action.tips:
        return named
    description = contract.description
    leaders = {joint.name: joint.mimics for joint in description.joints}
    carrying = {joint.name for tip in action.tips for joint in description.above(tip.link)}
    while followed := {leaders[name] or name for name in carrying} - carrying:
        carrying |= followed
    return named | carrying


def joint_stream(contract: Contract) -> JointStream:
    """The stream that measures every joint, for robots that have one."""
    for stream in contract.interface.of(JointStream):
        if set(stream.joints) == set(contract.joint_names):
            return stream
    raise UserError("interface.streams", "no stream of all joints", f"one with {list(contract.joint_names)}")
