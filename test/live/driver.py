"""Somebody else who drives the simulated arm: a scripted sweep, straight to the controller, without brain or gate."""

from __future__ import annotations

import threading
import time

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.kinematics.arm import ArmKinematics

_CHUNK_TICKS, _EVERY_S = 12, 0.4


class Driver:
    """Moves the fingertip back and forth along y for as long as it lives; a context manager."""

    def __init__(self, contract: Contract) -> None:
        self._arm, self._make = ArmKinematics(contract), MessageMaker(ros_class)
        self._convert = JointConverter("arm", contract.joint_names)
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = Node("driver", context=self._context)
        command = contract.deployment.command
        assert command is not None
        self._sender = self.node.create_publisher(JointTrajectory, command.topic, 10)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._q: np.ndarray | None = None
        self.node.create_subscription(JointState, "joint_states", self._hear, 10)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._executor.spin, self._drive)]

    def __enter__(self) -> Driver:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._threads[1].join(5.0)
        self._executor.shutdown()
        rclpy.try_shutdown(context=self._context)
        self._threads[0].join(5.0)
        self.node.destroy_node()

    def _hear(self, message: JointState) -> None:
        if self._q is None:
            self._q = self._convert(message)[1][:, 0].astype(np.float64)

    def _drive(self) -> None:
        sign, done = 1.0, 0.0
        while not self._ended.wait(_EVERY_S):
            if self._q is None:
                continue
            chunk = np.tile([0.0, 0.015 * sign], (_CHUNK_TICKS, 1))
            now_ns = time.time_ns()
            trajectory = self._arm.chunk_trajectory(self._q, chunk, now_ns, 0.1)
            self._sender.publish(self._make.trajectory(trajectory))
            self._q = trajectory.sample(now_ns + round(_EVERY_S * 1e9))[0]
            done += sign * 0.06
            sign = -1.0 if done > 0.15 else 1.0 if done < -0.15 else sign
