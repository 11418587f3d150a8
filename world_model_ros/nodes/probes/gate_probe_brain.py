"""A stand-in brain that only swings joints, as a process that can be killed: see `nodes.probes.gate_probe`.

Example::

    python -m world_model_ros.nodes.probes.gate_probe_brain robot.yaml first  # joint; or all
"""

from __future__ import annotations

import sys

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.topics import APPLIED, COMMAND
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.spin import run_node

_SPEED = 0.1  # of the velocity limit
_SWING_TICKS = 10
_TIMES_S = np.array([0.0, 0.6, 0.9])


class GateProbeBrain(Node):
    """Commands once a tick from where the gate says it is."""

    def __init__(self) -> None:
        super().__init__("gate_probe_brain")
        contract = load_contract(sys.argv[1])
        self._limits, self._make = contract.limits(), MessageMaker(ros_class)
        self._others = 1.0 if "all" in sys.argv[2:] else 0.0  # share of the first joint's motion
        self._at: JointState | None = None
        self._ticks = 0
        self._toward = np.ones(len(self._limits.names))
        self._commands = self.create_publisher(JointTrajectory, COMMAND, 5)
        self.create_subscription(JointState, APPLIED, self._on_applied, 1)
        self.create_timer(contract.tick_s, self._think)

    def _on_applied(self, message: JointState) -> None:
        self._at = message

    def _think(self) -> None:
        if self._at is None:
            return
        here = np.array(self._at.position)
        if self._ticks == 0:  # at first toward the middle, or many such brains would lead the arm to a limit
            self._toward = np.where(here < 0.5 * (self._limits.lower + self._limits.upper), 1.0, -1.0)
        velocity = _SPEED * self._limits.velocity * self._toward * (-1 if (self._ticks // _SWING_TICKS) % 2 else 1)
        velocity[1:] *= self._others
        self._ticks += 1
        positions = here + np.outer([0.0, 0.6, 0.75], velocity)
        velocities = np.outer([1.0, 1.0, 0.0], velocity)
        now_ns = clock_ns(self)
        self._commands.publish(
            self._make.trajectory(Trajectory(self._limits.names, _TIMES_S, positions, velocities, now_ns))
        )


def main() -> int:
    """Run the node until it is interrupted."""
    return run_node("gate_probe_brain", GateProbeBrain, GateProbeBrain.destroy_node)


if __name__ == "__main__":
    sys.exit(main())
