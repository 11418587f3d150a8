"""Somebody who drives the arm: reaches for places, jogs, rests, opens and closes the hand; straight to the controllers.

``python panda_teleop.py --seconds 120 --seed 3``
"""

from __future__ import annotations

import argparse

import mujoco
import numpy as np
import panda_model
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

TICK_S = 0.05
BOX_M = np.array([[0.3, -0.3, 0.12], [0.6, 0.3, 0.5]])  # of the point between the fingers
FASTEST_MPS, ACCELERATION = 0.25, 0.8
DOWN = np.diag([1.0, -1.0, -1.0])


class Kinematics:
    """Where the hand is, and the joints for it to be elsewhere, pointing down."""

    def __init__(self) -> None:
        self._model = panda_model.load()
        self._data = mujoco.MjData(self._model)
        self._dofs = [int(self._model.joint(name).dofadr[0]) for name in panda_model.ARM]
        self._body = self._model.body(panda_model.TIP).id

    def place(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position (3,) and rotation (3, 3) of the hand at joints (7,)."""
        self._data.qpos[self._dofs] = q
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        return self._data.xpos[self._body].copy(), self._data.xmat[self._body].reshape(3, 3).copy()

    def toward(self, q: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Joints (7,) a step on, toward the position (3,); joints to spare draw to where they began."""
        position, rotation = self.place(q)
        turn = 0.5 * sum(np.cross(rotation[:, axis], DOWN[:, axis]) for axis in range(3))
        jacobian = np.zeros((6, self._model.nv))
        mujoco.mj_jacBody(self._model, self._data, jacobian[:3], jacobian[3:], self._body)
        jacobian = jacobian[:, self._dofs]
        inverse = jacobian.T @ np.linalg.inv(jacobian @ jacobian.T + 1e-4 * np.eye(6))
        home = 0.02 * (np.array(panda_model.HOME[:7]) - q)
        step = inverse @ np.concatenate([goal - position, 0.3 * turn]) + home - inverse @ (jacobian @ home)
        return q + np.clip(step, -0.1, 0.1)


class Driving(Node):
    """Waits for the joints, then sends a short trajectory each tick; what it does changes at irregular times."""

    def __init__(self, seed: int) -> None:
        super().__init__("panda_teleop")
        self._kinematics, self._random = Kinematics(), np.random.default_rng(seed)
        self._q: np.ndarray | None = None
        self._velocity, self._left_s = np.zeros(3), 0.0
        self._senders = {
            name: self.create_publisher(JointTrajectory, f"panda/{name}_controller/joint_trajectory", 10)
            for name in ("arm", "hand")
        }
        self.create_subscription(JointState, "panda/joint_states", self._hear, 10)
        self.create_timer(TICK_S, self._tick)

    def _hear(self, state: JointState) -> None:
        if self._q is None:
            self._q = np.array([state.position[state.name.index(name)] for name in panda_model.ARM])
            self._place = self._kinematics.place(self._q)[0]

    def _tick(self) -> None:
        if self._q is None:
            return
        self._move()
        before, self._q = self._q, self._kinematics.toward(self._q, self._place)
        self._send("arm", panda_model.ARM, [self._q, 2 * self._q - before])
        if self._random.random() < TICK_S / 4.0:  # once in four seconds
            self._send("hand", panda_model.FINGERS[:1], [self._random.uniform(0.0, 0.04, 1)], 0.4)

    def _move(self) -> None:
        """Carry on the place where the hand shall be, with bounded acceleration."""
        self._left_s -= TICK_S
        if self._left_s <= 0.0:
            draw = self._random
            self._mood = str(draw.choice(["reach", "jog", "rest"], p=[0.45, 0.4, 0.15]))
            self._left_s = draw.uniform(0.3, 0.8) if self._mood == "jog" else draw.uniform(0.4, 2.0)
            self._aim, self._speed = draw.uniform(*BOX_M), draw.uniform(0.3, 1.0) * FASTEST_MPS
            way = draw.normal(size=3)
            self._jog = self._speed * way / np.linalg.norm(way)
        away = self._aim - self._place
        reach = away * min(2.0, self._speed / (np.linalg.norm(away) + 1e-9))
        change = {"reach": reach, "jog": self._jog, "rest": np.zeros(3)}[self._mood] - self._velocity
        self._velocity = self._velocity + change * min(1.0, ACCELERATION * TICK_S / (np.linalg.norm(change) + 1e-9))
        self._place = np.clip(self._place + self._velocity * TICK_S, *BOX_M)

    def _send(self, controller: str, names: tuple[str, ...], points: list[np.ndarray], every_s: float = TICK_S) -> None:
        message = JointTrajectory(joint_names=list(names))
        message.header.stamp = self.get_clock().now().to_msg()
        for index, positions in enumerate(points, 1):
            point = JointTrajectoryPoint(positions=positions.tolist())
            point.time_from_start.nanosec = round(index * every_s * 1e9)
            message.points.append(point)
        self._senders[controller].publish(message)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rclpy.init()
    node = Driving(arguments.seed)
    end = node.get_clock().now().nanoseconds + arguments.seconds * 1e9
    while rclpy.ok() and node.get_clock().now().nanoseconds < end:
        rclpy.spin_once(node, timeout_sec=0.1)


if __name__ == "__main__":
    main()
