"""Candidates from outside, over topics: answered in the time that ticks leave over, newest request first."""

from __future__ import annotations

import json

import numpy as np
import pytest
from peer import start
from std_msgs.msg import Float32MultiArray, MultiArrayDimension, MultiArrayLayout
from test_world_model_node import ARM, CONTRACT, HOME, MAKE, Robot, end

from world_model_ros.bringup.domain import free_domain
from world_model_ros.convert.messages import ros_class
from world_model_ros.core.trajectory import Trajectory

pytestmark = pytest.mark.slow

ANSWERS = {
    "candidates/ranking": "std_msgs/msg/String",
    "candidates/best/joints": "trajectory_msgs/msg/JointTrajectory",
    "candidates/best/fingertip/path": "nav_msgs/msg/Path",
    "candidates/futures": "visualization_msgs/msg/MarkerArray",
}


@pytest.fixture(scope="module")
def robot(toy_bundle):
    robot = Robot(free_domain())
    for topic, kind in ANSWERS.items():
        robot.node.create_subscription(ros_class(kind), topic, lambda m, topic=topic: robot.heard[topic].append(m), 10)
    robot.joints = robot.node.create_publisher(
        ros_class("trajectory_msgs/msg/JointTrajectory"), "candidates/joints", 32
    )
    robot.actions = robot.node.create_publisher(Float32MultiArray, "candidates/actions", 10)
    process = start("brain.world_model_node", robot.domain, f"model:={toy_bundle}", "threads:=1")
    robot.wait(lambda: robot.ticks() and all(robot.ticks()[-1]["fresh"].values()), 60)
    yield robot
    code, output = end(process)
    robot.close()
    assert code == 0, output
    assert "Traceback" not in output


@pytest.fixture(autouse=True)
def fresh(robot):
    robot.goals["goal/cancel"].publish(MAKE.make("std_msgs/msg/Empty"))
    robot.wait_for_status("idle")
    for topic in (*ANSWERS, "tick", "command"):
        robot.heard[topic].clear()


def answers(robot) -> list[dict]:
    return [json.loads(message.data) for message in robot.heard["candidates/ranking"]]


def offer(robot, name: str, x: float, y: float) -> None:
    chunk = np.tile([x, y], (12, 1))
    message = MAKE.trajectory(ARM.chunk_trajectory(robot.q, chunk, 0, 0.1))
    message.header.frame_id = name
    robot.joints.publish(message)


def actions(label: str, values: np.ndarray) -> Float32MultiArray:
    dims = [
        MultiArrayDimension(label=label if i == 0 else "", size=size, stride=0) for i, size in enumerate(values.shape)
    ]
    return Float32MultiArray(layout=MultiArrayLayout(dim=dims), data=values.astype(float).ravel().tolist())


def test_motions_are_ranked_for_the_goal_with_their_futures(robot):
    robot.go_to(HOME_X + 0.05, 0.0)  # the brain pursues it itself meanwhile; candidates start from where it is
    robot.wait_for_status("reached")
    robot.go_to(HOME_X + 0.05, 0.0)
    for name, (x, y) in {"plan/stay": (0.0, 0.0), "plan/left": (0.0, 0.005), "plan/away": (-0.01, 0.0)}.items():
        offer(robot, name, x, y)
    robot.wait(lambda: answers(robot) and len(answers(robot)[-1]["candidates"]) == 3)
    found = answers(robot)[-1]
    assert [each["name"] for each in found["candidates"]] == ["stay", "left", "away"]
    assert (found["request"], found["goal"]) == ("plan", {"kind": "pose", "target": "fingertip"})
    costs = [each["cost"] for each in found["candidates"]]
    assert costs == sorted(costs)
    away = found["candidates"][-1]
    assert away["positions"]["fingertip"][-1][0] == pytest.approx(robot.tip[0] - 0.12, abs=0.02)
    assert away["risk"]["gate"] is None
    assert len(robot.heard["candidates/best/fingertip/path"][-1].poses) == 12
    assert len(robot.heard["candidates/best/joints"][-1].points) == 12
    assert robot.heard["candidates/futures"][-1].markers


def test_actions_of_a_policy_are_one_request(robot):
    chunks = np.zeros((10, 8, 2))
    chunks[:, :, 1] = np.linspace(-0.02, 0.02, 10)[:, None]
    robot.actions.publish(actions("policy", chunks))
    robot.wait(lambda: answers(robot))
    found = answers(robot)[-1]
    assert (found["request"], found["goal"], len(found["candidates"])) == ("policy", None, 10)
    assert {each["name"] for each in found["candidates"]} == {str(i) for i in range(10)}
    assert all(each["cost"] is None and each["imagined_s"] == pytest.approx(0.8) for each in found["candidates"])
    ends = {each["name"]: each["positions"]["fingertip"][-1][1] for each in found["candidates"]}
    assert ends["9"] - ends["0"] == pytest.approx(8 * 0.04, abs=1e-3)


def test_what_cannot_be_meant_is_answered_with_the_reason(robot):
    robot.actions.publish(actions("bad", np.full((1, 3, 2), np.nan)))
    robot.wait(lambda: answers(robot))
    assert "finite" in answers(robot)[-1]["refused"][0]["why"]
    robot.actions.publish(actions("bad", np.zeros((1, 3, 7))))
    robot.wait(lambda: len(answers(robot)) > 1)
    assert "candidates, ticks, 2]" in answers(robot)[-1]["refused"][0]["why"]
    elsewhere = Trajectory(CONTRACT.joint_names, np.array([0.0, 1.0]), np.stack([HOME + 1, HOME]), np.zeros((2, 6)), 0)
    message = MAKE.trajectory(elsewhere)
    message.header.frame_id = "worse/far"
    robot.joints.publish(message)
    robot.wait(lambda: answers(robot)[-1]["request"] == "worse")
    assert "at its start" in answers(robot)[-1]["refused"][0]["why"]
    assert answers(robot)[-1]["candidates"] == []


def test_a_flood_costs_no_tick_and_the_newest_request_wins(robot):
    robot.wait(lambda: len(robot.ticks()) > 5)
    before = robot.ticks()[-1]
    for i in range(200):
        robot.actions.publish(actions(f"flood{i}", np.full((32, 12, 2), 1e-4 * i)))
    robot.wait(lambda: answers(robot) and answers(robot)[-1]["request"] == "flood199")
    found = answers(robot)
    assert len(found) < 60
    assert len(found[-1]["candidates"]) == 32
    assert all(each["error"] is None for each in found)
    robot.wait(lambda: robot.ticks()[-1]["index"] > before["index"] + 20)
    after = robot.ticks()[-1]
    assert after["missed"] - before["missed"] <= 1
    _, values = robot.diagnostic("world_model: tick")
    assert float(values["candidates_p99_ms"]) < 100


def test_nothing_is_commanded_for_a_candidate(robot):
    tip = robot.tip.copy()
    for _ in range(5):
        offer(robot, "go/there", 0.02, 0.02)
        robot.wait(lambda: answers(robot))
    np.testing.assert_allclose(robot.tip, tip, atol=1e-3)


HOME_X = ARM.tip(HOME)[0][0]
