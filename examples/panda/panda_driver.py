"""The "driver" of the arm, which knows nothing of world_model_ros: joint states, a camera, two trajectory controllers.

Out: ``panda/joint_states`` (100 Hz; names in alphabetical order, fingers among them), ``overhead/color/image_raw``
(rgb8, 14 Hz, best effort, stamped 60 ms after it was seen, as many cameras do). In:
``panda/arm_controller/joint_trajectory`` and ``panda/hand_controller/joint_trajectory``.
"""

from __future__ import annotations

import os
import time
from collections import deque

os.environ["MUJOCO_GL"] = os.environ.get("MUJOCO_GL", "egl")  # of a machine without a screen; read when it is imported

import mujoco
import numpy as np
import panda_model
import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

PERIOD_S = 0.01
CAMERA_EVERY, CAMERA_LATE = 7, 6  # periods
STEPS = 5  # of physics, 2 ms each, in a period


class Follower:
    """Follows joint trajectories by straight lines between their points. A new one replaces the old."""

    def __init__(self, names: tuple[str, ...], start: np.ndarray) -> None:
        self.names = names
        self._times, self._points = np.zeros(1), start[None]

    def setpoint(self, now: float) -> np.ndarray:
        """Positions (J,) at ``now``, s; past the end the last ones."""
        return np.array([np.interp(now, self._times, column) for column in self._points.T])

    def take(self, message: JointTrajectory, now: float) -> str | None:
        """Why a trajectory is refused, or None. It is begun from where the last one has led to."""
        if sorted(message.joint_names) != sorted(self.names):
            return f"expected the joints {list(self.names)}, got {list(message.joint_names)}"
        start = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9 or now
        times = [start + each.time_from_start.sec + each.time_from_start.nanosec * 1e-9 for each in message.points]
        order = [message.joint_names.index(name) for name in self.names]
        points = np.array([each.positions for each in message.points])[:, order]
        later = np.array(times) > now
        if not later.any() or not np.isfinite(points).all():
            return "nothing of it is in the future, or it is not finite"
        self._points = np.vstack([self.setpoint(now), points[later]])
        self._times = np.array([now, *np.array(times)[later]])
        return None


class Driver(Node):
    """The physics in real time, and topics."""

    def __init__(self) -> None:
        super().__init__("panda_driver")
        self._model = panda_model.load()
        self._data = mujoco.MjData(self._model)
        self._names = sorted((*panda_model.ARM, *panda_model.FINGERS))
        joints = [self._model.joint(name) for name in self._names]
        self._q, self._v = [int(joint.qposadr[0]) for joint in joints], [int(joint.dofadr[0]) for joint in joints]
        for name, at in zip((*panda_model.ARM, *panda_model.FINGERS), panda_model.HOME):
            self._data.joint(name).qpos[0] = at
        home = np.array(panda_model.HOME)
        self._arm, self._hand = Follower(panda_model.ARM, home[:7]), Follower(panda_model.FINGERS[:1], home[7:8])
        self._renderer = mujoco.Renderer(self._model, panda_model.HEIGHT, panda_model.WIDTH)
        self._seen: deque[np.ndarray] = deque()
        self._periods = 0
        self._joint_states = self.create_publisher(JointState, "panda/joint_states", 10)
        self._images = self.create_publisher(Image, "overhead/color/image_raw", qos_profile_sensor_data)
        for name, follower in (("arm", self._arm), ("hand", self._hand)):
            topic = f"panda/{name}_controller/joint_trajectory"
            self.create_subscription(JointTrajectory, topic, lambda m, f=follower: self._take(f, m), 10)
        self._begin = time.monotonic()
        self.create_timer(PERIOD_S, self._run)

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _take(self, follower: Follower, message: JointTrajectory) -> None:
        reason = follower.take(message, self._now())
        if reason is not None:
            self.get_logger().warning(f"trajectory refused: {reason}", throttle_duration_sec=2.0)

    def _run(self) -> None:
        """Bring the physics to the present; a period that comes late is made up for."""
        while self._begin + self._periods * PERIOD_S <= time.monotonic():
            self._periods += 1
            finger = self._hand.setpoint(self._now())
            self._data.ctrl[:] = np.concatenate([self._arm.setpoint(self._now()), finger, finger])
            mujoco.mj_step(self._model, self._data, STEPS)
            if self._periods % CAMERA_EVERY == 0:
                self._renderer.update_scene(self._data, panda_model.CAMERA)
                self._seen.append(self._renderer.render())
            if self._seen and self._periods % CAMERA_EVERY == CAMERA_LATE:
                self._send_image(self._seen.popleft())
        state = JointState(name=self._names)
        state.header.stamp = self.get_clock().now().to_msg()
        state.position, state.velocity = self._data.qpos[self._q].tolist(), self._data.qvel[self._v].tolist()
        self._joint_states.publish(state)

    def _send_image(self, pixels: np.ndarray) -> None:
        message = Image(height=panda_model.HEIGHT, width=panda_model.WIDTH, step=3 * panda_model.WIDTH, encoding="rgb8")
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = panda_model.CAMERA
        message.data.frombytes(pixels.tobytes())
        self._images.publish(message)


def main() -> None:
    rclpy.init()
    rclpy.spin(Driver())


if __name__ == "__main__":
    main()
