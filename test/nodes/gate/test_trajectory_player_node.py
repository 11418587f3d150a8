"""Whole trajectories by the action over real topics, through a gate; where control_msgs is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from peer import start
from rclpy.action import ActionClient
from std_msgs.msg import String
from test_command_gate_node import CONTRACT, LIMITS, MAKE, Robot, running

from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.playing.goal import asked_from
from world_model_ros.nodes.gate.trajectory_player_node import action_class

pytestmark = pytest.mark.slow
without = find_spec("control_msgs") is None
installed = pytest.mark.skipif(without, reason="control_msgs is not installed")
SOURCES = """
  sources:
    - {name: brain, kind: brain}
    - {name: planner, kind: moveit, topic: moveit/command}
"""
SUCCEEDED, CANCELED, ABORTED = (
    GoalStatus.STATUS_SUCCEEDED,
    GoalStatus.STATUS_CANCELED,
    GoalStatus.STATUS_ABORTED,
)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("robot") / "planned.yaml"
    text = CONTRACT.text.replace("\n  gate:\n", SOURCES + "\n  gate:\n", 1)
    path.write_text(
        text.replace("sensor_msgs/msg/JointState, max_age_s: 0.2", "sensor_msgs/msg/JointState, max_age_s: 0.5")
    )
    return path


class Planner:
    """A client of the action, next to the robot and its gate."""

    def __init__(self, robot: Robot) -> None:
        self.robot, self.kind = robot, action_class()
        self.client = ActionClient(robot.node, self.kind, "trajectory_player/follow_joint_trajectory")
        self.told: list[Any] = []
        self.owner = robot.node.create_publisher(String, "command/owner", 10)

    def armed(self) -> None:
        self.robot.until(lambda: self.robot.call("gate/arm").success)

    def send(self, by: float, span_s: float) -> Any:
        """Move the first joint from where the gate is; all accept it."""
        here = self.robot.applied[-1][1]
        there = here.copy()
        there[0] += by
        rows = np.zeros((2, 6))
        trajectory = Trajectory(LIMITS.names, np.array([0.0, span_s]), np.array([here, there]), rows, 0, rows)
        goal = self.kind.Goal(trajectory=MAKE.trajectory(trajectory))
        self.robot.until(self.client.server_is_ready)  # what is asked before is lost
        sent = self.client.send_goal_async(goal, feedback_callback=lambda each: self.told.append(each.feedback))
        self.robot.until(sent.done)
        assert sent.result().accepted
        self.end: Float = there
        return sent.result()

    def result(self, handle: Any) -> tuple[int, int, str]:
        ended = handle.get_result_async()
        self.robot.until(ended.done)
        told = ended.result()
        return told.status, told.result.error_code, told.result.error_string


@pytest.fixture
def planner(contract: Path) -> Iterator[Planner]:
    with running(f"robot:={contract}", "owner:=planner") as (robot, _):
        process = start("gate.trajectory_player_node", robot.node.context.get_domain_id(), f"robot:={contract}")
        try:
            yield Planner(robot)
        finally:
            process.terminate()
            process.wait(30)


@installed
def test_a_goal_is_played_to_its_end_and_a_canceled_one_stops(planner: Planner) -> None:
    robot = planner.robot
    assert planner.result(planner.send(0.1, 2.0))[:2] == (ABORTED, -1)  # not armed
    planner.armed()
    robot.until(lambda: planner.result(planner.send(0.3, 3.0))[0] == SUCCEEDED)
    assert robot.applied[-1][1] == pytest.approx(planner.end, abs=1e-3)
    assert list(planner.told[-1].joint_names) == list(LIMITS.names)
    assert np.abs(planner.told[-1].error.positions).max() < 0.01
    handle = planner.send(-0.6, 3.0)
    robot.until(lambda: np.abs(robot.applied[-1][2]).max() > 0.25)
    handle.cancel_goal_async()
    assert planner.result(handle)[0] == CANCELED
    assert np.abs(robot.applied[-1][2]).max() < 0.02
    assert abs(robot.applied[-1][1][0] - planner.end[0]) > 0.1
    robot.wait(1.0)
    assert robot.state["state"] == "tracking"


@installed
def test_another_source_ends_a_goal_and_the_next_says_who_owns_the_gate(planner: Planner) -> None:
    planner.armed()
    robot = planner.robot
    robot.until(lambda: planner.result(planner.send(0.1, 1.0))[0] == SUCCEEDED)
    handle = planner.send(0.6, 4.0)
    robot.until(lambda: np.abs(robot.applied[-1][2]).max() > 0.1)
    planner.owner.publish(String(data="brain"))
    status, _, words = planner.result(handle)
    assert status == ABORTED
    assert "owned by brain" in words or "brakes (hand_over)" in words
    robot.until(lambda: robot.state["owner"] == "brain")
    assert planner.result(planner.send(0.1, 2.0))[::2] == (
        ABORTED,
        "the gate is owned by brain; ask for 'planner' on command/owner",
    )


@installed
def test_a_goal_of_the_action_is_read() -> None:
    empty = asked_from(action_class().Goal())
    assert (list(empty.names), empty.stamp_ns, empty.goal_time_s, empty.multi_dof) == ([], 0, 0.0, False)


@pytest.mark.skipif(not without, reason="control_msgs is installed")
def test_without_control_msgs_one_line_says_what_to_install(contract: Path) -> None:
    with pytest.raises(UserError, match=r"control_msgs: got 'not installed'.*apt install ros-jazzy-control-msgs"):
        action_class()
    program = "from world_model_ros.nodes.entry import trajectory_player_node as run; run()"
    command = [sys.executable, "-c", program, "--ros-args", "-p", f"robot:={contract}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "apt install ros-jazzy-control-msgs" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_contract_without_a_planner_is_refused_by_name() -> None:
    program = "from world_model_ros.nodes.entry import trajectory_player_node as run; run()"
    command = [sys.executable, "-c", program, "--ros-args", "-p", "robot:=tabletop_arm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "deployment.sources: got []; expected one of kind moveit" in done.stderr.splitlines()[-1]
