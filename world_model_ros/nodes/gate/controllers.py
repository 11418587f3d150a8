"""Converts the gate's output to messages for each kind of controller: trajectory, position, velocity or twist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from geometry_msgs.msg import TwistStamped
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import Controller
from world_model_ros.convert.encodings.trajectory_cdr import trajectory_cdr
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.gate.output import GateOutput
from world_model_ros.kinematics.twist import LinkTwist


class Told:
    """Messages for one controller, of the joints that are its.

    Attributes:
        kind: class of the messages. message: ``(output, now_ns)`` -> message or its bytes; None to say nothing.

    Raises:
        UserError: the link of a twist does not fit the URDF.
    """

    kind: type
    message: Callable[[GateOutput, int], Any]

    def __init__(self, contract: Contract, controller: Controller) -> None:
        names = contract.joint_names
        self._columns = np.array([names.index(name) for name in names if name in controller.joints])
        self._names = tuple(names[i] for i in self._columns)
        self._frame, self._make = contract.interface.base_frame, MessageMaker(ros_class)
        if controller.link is not None:
            self._twist = LinkTwist(contract, controller.link, controller.joints)
        self.kind, self.message = {
            "joint_trajectory": (JointTrajectory, self._trajectory),
            "forward_position": (Float64MultiArray, self._position),
            "forward_velocity": (Float64MultiArray, self._velocity),
            "twist": (TwistStamped, self._moved),
        }[controller.interface]

    def _trajectory(self, output: GateOutput, _: int) -> bytes | None:
        sent, columns = output.outgoing, self._columns
        if sent is None:
            return None
        if len(columns) == len(sent.names):
            return trajectory_cdr(sent)
        assert sent.accelerations is not None
        rows = {name: getattr(sent, name)[:, columns] for name in ("positions", "velocities", "accelerations")}
        return trajectory_cdr(replace(sent, names=self._names, **rows))

    def _position(self, output: GateOutput, _: int) -> Float64MultiArray | None:
        motion = output.setpoint
        return None if motion is None else Float64MultiArray(data=motion.position[self._columns].tolist())

    def _velocity(self, output: GateOutput, _: int) -> Float64MultiArray | None:
        motion = output.setpoint
        return None if motion is None else Float64MultiArray(data=motion.velocity[self._columns].tolist())

    def _moved(self, output: GateOutput, now_ns: int) -> TwistStamped | None:
        motion = output.setpoint
        if motion is None:
            return None
        return self._make.twist(self._twist.at(motion.position, motion.velocity), now_ns, self._frame)
