"""A gate of several sources over real topics: who is asked for owns it, and nobody else moves the robot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from std_msgs.msg import String
from test_command_gate_node import CONTRACT, LIMITS, MAKE, Robot, running
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.bags.recorded_topics import recorded_topics
from world_model_ros.contract.contract import load_contract
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.nodes.brain.topics.gate_news import GateNews
from world_model_ros.nodes.qos import LATCHED

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "jog_joint.py"

SOURCES = """
  sources:
    - {name: brain, kind: brain}
    - {name: person, kind: person, topic: person/command}
    - {name: trial, kind: policy, topic: trial/command, moves: false}
"""


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = CONTRACT.text.replace("\n  gate:\n", SOURCES + "\n  gate:\n", 1)
    text = text.replace("sensor_msgs/msg/JointState, max_age_s: 0.2", "sensor_msgs/msg/JointState, max_age_s: 0.5")
    path = tmp_path_factory.mktemp("robot") / "sourced.yaml"
    path.write_text(text)
    assert load_contract(path).deployment.sources is not None
    return path


@pytest.fixture
def robot(contract: Path) -> Iterator[Robot]:
    with running(f"robot:={contract}") as (robot, _):
        yield robot


def armed(robot: Robot) -> str:
    """What the gate answers once it is armed."""
    answers: list[str] = []

    def asked() -> bool:
        answer = robot.call("gate/arm")
        answers.append(answer.message)
        return bool(answer.success)

    robot.until(asked)
    return answers[-1]


def test_who_is_asked_for_owns_the_gate_and_the_others_are_refused_and_counted(robot: Robot) -> None:
    told: list[dict] = []
    robot.node.create_subscription(String, "gate/owner", lambda m: told.append(json.loads(m.data)), LATCHED)
    owner = robot.node.create_publisher(String, "command/owner", 10)
    person = robot.node.create_publisher(JointTrajectory, "person/command", 5)

    def keep() -> None:
        """The person keeps the arm where it is."""
        at = robot.applied[-1][1]
        still = Trajectory(LIMITS.names, np.array([0.1]), at[None], np.zeros((1, 6)), robot.now_ns())
        person.publish(MAKE.trajectory(still))

    robot.node.create_timer(0.05, keep)
    robot.until(lambda: told)
    assert told[-1] == {"owner": None, "since_ns": 0, "asked": None, "legal": ["brain", "person"], "refused": None}
    assert armed(robot) == "armed; owned by no source, so nothing moves until command/owner asks for brain or person"
    robot.thinking = True
    robot.until(lambda: robot.state["not_owner"] > 5)
    assert (robot.state["state"], robot.sent) == ("holding", [])

    robot.until(lambda: owner.get_subscription_count())
    owner.publish(String(data="trial"))
    robot.until(lambda: told[-1]["refused"])
    assert "brain or person" in told[-1]["refused"]
    owner.publish(String(data="brain"))
    robot.until(lambda: robot.state["owner"] == "brain")
    robot.until(lambda: np.abs(robot.applied[-1][2]).max() > 0.1)
    before = {each["name"]: each for each in robot.state["sources"]}
    assert before["person"]["not_owner"] > 0
    assert before["person"]["accepted"] == 0

    owner.publish(String(data="person"))
    robot.until(lambda: robot.state["owner"] == "person")
    robot.until(lambda: np.abs(robot.applied[-1][2]).max() < 1e-3)
    stopped = robot.applied[-1][1]
    accepted = {each["name"]: each["accepted"] for each in robot.state["sources"]}
    robot.wait(1.0)
    assert robot.applied[-1][1] == pytest.approx(stopped, abs=2e-3)
    after = {each["name"]: each["accepted"] for each in robot.state["sources"]}
    assert after["brain"] == accepted["brain"]
    assert told[-1]["owner"] == "person"


def test_a_recording_has_who_sent_and_who_owned(contract: Path) -> None:
    topics = recorded_topics(load_contract(contract))
    assert {"command", "person/command", "trial/command", "command/owner", "gate/owner", "gate/state"} <= set(topics)
    assert len(topics) == len(set(topics))


def test_the_brain_hears_of_its_own_refusals_alone(robot: Robot) -> None:
    inbox = GateNews(robot.node, several=True)

    def say(brain: int, person: int) -> None:
        sources = [
            {"name": "b", "kind": "brain", "refused": brain, "rule": "position"},
            {"name": "p", "kind": "person", "refused": person, "rule": "velocity"},
        ]
        state = {"refused": brain + person, "rule": "velocity", "sources": sources}
        inbox._store(String(data=json.dumps(state)))

    say(0, 0)
    say(0, 1)
    assert inbox.take() is None
    say(1, 1)
    assert inbox.take() == "position"
    inbox._store(String(data=json.dumps({"refused": 9, "rule": "velocity", "sources": []})))
    assert inbox.take() is None
    inbox._store(String(data=json.dumps({"refused": 10, "rule": "velocity"})))  # an older gate
    assert inbox.take() == "velocity"


def test_who_is_asked_for_with_the_launch_owns_the_gate_from_the_start(contract: Path) -> None:
    with running(f"robot:={contract}", "owner:=brain") as (robot, _):
        robot.until(lambda: robot.state)
        robot.until(lambda: robot.state["owner"] == "brain")
        assert robot.state["state"] == "disarmed"  # owned is not armed
        assert armed(robot) == "armed; owned by brain"
        robot.thinking = True
        robot.until(lambda: robot.state["accepted"] > 3)


def test_the_example_of_a_person_takes_over_from_the_brain_and_moves_one_joint(contract: Path) -> None:
    with running(f"robot:={contract}", "owner:=brain") as (robot, _):
        robot.until(lambda: robot.call("gate/arm").success)
        command = [sys.executable, str(EXAMPLE), "shoulder_pan_joint", "0.2", "--as", "person"]
        before = robot.applied[-1][1]
        person = subprocess.Popen(command, env={**os.environ, "ROS_DOMAIN_ID": str(robot.node.context.get_domain_id())})
        try:
            robot.until(lambda: robot.state["owner"] == "person")
            robot.until(lambda: np.abs(robot.applied[-1][1] - before).max() > 0.19)
        finally:
            person.terminate()
            robot.until(lambda: person.poll() is not None)  # the arm goes on to say where it is
        moved = robot.applied[-1][1] - before
        assert moved[LIMITS.names.index("shoulder_pan_joint")] == pytest.approx(0.2, abs=0.01)
        assert np.abs(np.delete(moved, LIMITS.names.index("shoulder_pan_joint"))).max() < 0.01
        robot.until(lambda: (robot.state["state"], robot.state["cause"]) == ("disarmed", "silence"))


@pytest.mark.parametrize(("several", "known"), [(True, ["", "person", "person"]), (False, [None, None, None])])
def test_the_brain_hears_who_owns_the_gate_where_there_is_a_choice(robot: Robot, several: bool, known: list) -> None:
    news = GateNews(robot.node, several)
    news.close()  # the gate's own words would come in between
    assert news.owner is None
    told = []
    for text in (
        json.dumps({"refused": 0, "rule": None, "owner": None}),
        json.dumps({"refused": 0, "rule": None, "owner": "person"}),
        "no state",
    ):
        news._store(String(data=text))
        told.append(news.owner)
    assert told == known
