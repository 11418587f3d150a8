"""A commissioning over real topics: a person's program, a gate process, and a robot that may have a fault."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from test_command_gate_node import CONTRACT, HOME, MAKE, Robot, running
from test_teleop_node import SOURCES

pytestmark = pytest.mark.slow

ELBOW = 2


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("robot") / "commissioned.yaml"
    text = CONTRACT.text.replace("\n  gate:\n", SOURCES + "\n  gate:\n", 1)
    rate = "fields: [position, velocity]\n      rate_hz: "
    assert rate + "100.0" in text
    text = text.replace(rate + "100.0", rate + "25.0")  # a busy machine that tests may not make more
    path.write_text(
        text.replace("sensor_msgs/msg/JointState, max_age_s: 0.2", "sensor_msgs/msg/JointState, max_age_s: 0.5")
    )
    return path


def flip(robot: Robot) -> None:
    """Its elbow turns the other way round from now on."""

    def measure() -> None:
        position, velocity = robot.sent[-1].sample(robot.now_ns()) if robot.sent else (HOME, np.zeros(6))
        position = position.copy()
        position[ELBOW] = 2 * HOME[ELBOW] - position[ELBOW]
        names = CONTRACT.joint_names
        robot.joint_states.publish(MAKE.joint_state(names, position, velocity, stamp_ns=robot.now_ns()))

    robot.node.destroy_timer(robot.measuring)
    robot.measuring = robot.node.create_timer(0.01, measure)


@contextmanager
def commissioned(contract: Path, robot: Robot, *words: str) -> Iterator[subprocess.Popen[str]]:
    domain = str(robot.node.context.get_domain_id())
    process = subprocess.Popen(
        [sys.executable, "-m", "world_model_ros.cli", "commission", "--robot", str(contract), "--json", *words],
        env={**os.environ, "ROS_DOMAIN_ID": domain, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def ended(robot: Robot, process: subprocess.Popen[str]) -> dict:
    robot.until(lambda: process.poll() is not None, patience_s=90.0)
    told = json.loads(process.stdout.read())
    return told | {"said": process.stderr.read()}


def test_a_robot_that_does_what_its_contract_says_passes_and_is_left_disarmed(contract: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.md"
    with running(f"robot:={contract}") as (robot, _):
        with commissioned(contract, robot, "--joints", "elbow_joint", "--out", str(out)) as process:
            robot.until(lambda: robot.node.count_publishers("person/command"))
            process.stdin.write("y\n")
            process.stdin.flush()
            told = ended(robot, process)
        assert [each for each in told["checks"] if each["verdict"] in ("WRONG", "not done")] == []
        assert (told["passed"], process.returncode) == (True, 0)
        assert "elbow_joint by" in told["said"]
        assert {each["what"] for each in told["checks"] if each["subject"] == "elbow_joint"} >= {"units", "silence"}
        robot.until(lambda: robot.state["state"] == "disarmed" and robot.state["owner"] is None)
        fastest = np.abs(np.array([velocity for _, _, velocity in robot.applied])).max(axis=0)
        assert fastest[ELBOW] == pytest.approx(0.15, rel=0.1)
        assert np.delete(fastest, ELBOW).max() < 0.01
    assert "| elbow_joint | gate/stop | ok |" in out.read_text(encoding="utf-8")


def test_a_joint_that_goes_the_wrong_way_stops_the_robot(contract: Path) -> None:
    with running(f"robot:={contract}") as (robot, _):
        flip(robot)
        with commissioned(contract, robot, "--yes", "--joints", "elbow_joint,wrist_1_joint") as process:
            told = ended(robot, process)
        assert [(each["subject"], each["what"]) for each in told["checks"] if each["verdict"] == "WRONG"] == [
            ("elbow_joint", "direction")
        ]
        assert process.returncode == 1
        robot.until(lambda: robot.state["state"] == "stopped")
        assert abs(robot.applied[-1][1][ELBOW] - HOME[ELBOW]) < 0.06


def test_an_interrupt_in_motion_stops_the_robot_and_is_told(contract: Path) -> None:
    with running(f"robot:={contract}") as (robot, _), commissioned(contract, robot, "--yes") as process:
        robot.until(lambda: robot.applied and np.abs(robot.applied[-1][2]).max() > 0.05)
        process.send_signal(signal.SIGINT)
        told = ended(robot, process)
        assert told["ended"] == "interrupted"
        assert process.returncode == 1
        robot.until(lambda: robot.state["state"] == "stopped")


def test_nothing_of_a_person_is_a_no(contract: Path) -> None:
    with (
        running(f"robot:={contract}") as (robot, _),
        commissioned(contract, robot, "--joints", "elbow_joint") as process,
    ):
        process.stdin.close()
        process.stdin = None
        told = ended(robot, process)
        assert told["passed"] is False
        assert [each["verdict"] for each in told["checks"] if each["what"] == "motion"] == ["not done"]
        assert robot.state["state"] == "disarmed"
