"""Arms the gate, gives the brain goals and judges: random places for the hand, then the hand closed and opened.

``python panda_goals.py --goals 10 --seed 1``; ends with 0 only if every goal was reached.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import panda_model
import rclpy
from geometry_msgs.msg import PoseStamped
from panda_teleop import BOX_M, Kinematics
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

NEAR_M, FINGER_M, HELD_S, PATIENCE_S = 0.01, 0.002, 0.5, 10.0


class Judge(Node):
    def __init__(self) -> None:
        super().__init__("panda_goals")
        self._kinematics, self.joints = Kinematics(), dict[str, float]()
        self._pose = self.create_publisher(PoseStamped, "goal/fingertip/pose", 10)
        self._joints = self.create_publisher(JointState, "goal/joints", 10)
        self._gate = self.create_client(Trigger, "gate/arm")
        self.create_subscription(JointState, "panda/joint_states", self._hear, 10)

    def _hear(self, state: JointState) -> None:
        self.joints = dict(zip(state.name, state.position))

    def heard(self) -> bool:
        """Whether there is a brain."""
        return all(each.get_subscription_count() for each in (self._pose, self._joints))

    def place(self) -> np.ndarray:
        """Where the hand is measured, (3,) m."""
        return self._kinematics.place(np.array([self.joints[name] for name in panda_model.ARM]))[0]

    def arm(self) -> str:
        """What the gate answers."""
        self._gate.wait_for_service(20.0)
        answer = self._gate.call_async(Trigger.Request())
        rclpy.spin_until_future_complete(self, answer, timeout_sec=5.0)
        return f"{answer.result().success}: {answer.result().message}" if answer.done() else "False: no answer"

    def reach(self, name: str, place: np.ndarray) -> bool:
        goal = PoseStamped()
        goal.header.frame_id, goal.pose.orientation.w = "panda_link0", 1.0
        goal.pose.position.x, goal.pose.position.y, goal.pose.position.z = place.tolist()
        again = lambda: self._pose.publish(goal)  # noqa: E731
        return self._judged(name, again, lambda: float(np.linalg.norm(self.place() - place)), NEAR_M)

    def open(self, name: str, width_m: float) -> bool:
        finger = panda_model.FINGERS[0]
        again = lambda: self._joints.publish(JointState(name=[finger], position=[width_m]))  # noqa: E731
        return self._judged(name, again, lambda: abs(self.joints[finger] - width_m), FINGER_M)

    def _judged(self, name: str, give: Callable[[], None], left: Callable[[], float], near: float) -> bool:
        """Whether what is left stays under ``near`` for `HELD_S`. The goal is given each second, as it may be lost."""
        begin, since, first, given = time.monotonic(), None, left(), -1
        while time.monotonic() < begin + PATIENCE_S:
            if int(time.monotonic() - begin) > given:
                give()
                given += 1
            rclpy.spin_once(self, timeout_sec=0.02)
            since = (since or time.monotonic()) if left() < near else None
            if since is not None and time.monotonic() > since + HELD_S:
                took = f"{since - begin:.1f} s, from {first:.3f} m away"
                print(f"{name}: reached after {took}; {left() * 1e3:.1f} mm left")
                return True
        print(f"{name}: not reached, {left() * 1e3:.0f} mm left of {first:.3f} m")
        return False


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--goals", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--margin", type=float, default=0.03, help="m that places stay away from the workspace's edge")
    arguments = parser.parse_args()
    rclpy.init()
    judge, random = Judge(), np.random.default_rng(arguments.seed)
    while not (judge.joints and judge.heard()):
        rclpy.spin_once(judge, timeout_sec=0.1)
    print("gate/arm", judge.arm())
    inner = BOX_M + arguments.margin * np.array([[1.0], [-1.0]])
    reached = [judge.reach(f"place {i}", random.uniform(*inner)) for i in range(arguments.goals)]
    reached += [judge.open("closed", 0.0), judge.open("open", 0.04), judge.reach("last place", BOX_M.mean(axis=0))]
    print(f"{sum(reached)} of {len(reached)} goals reached")
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
