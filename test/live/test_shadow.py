"""Shadow mode on the real graph: somebody else drives, the brain only watches, and predicts better than copying."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from driver import Driver
from nav_msgs.msg import Path as Path_
from observer import wait_until
from std_msgs.msg import String

from world_model_ros.bringup.options import SimulationOptions
from world_model_ros.bringup.processes import own, simulation
from world_model_ros.bringup.run import Running
from world_model_ros.contract.contract import load_contract
from world_model_ros.nodes.qos import LATCHED

CONTRACT = load_contract("tabletop_arm")


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    options = SimulationOptions("tabletop_arm", shadow=True, seed=8002)
    processes = [each for each in own(simulation(options)) if each.name != "future_view"]
    assert {each.name for each in processes} == {"sim_robot", "world_model"}
    running = Running(processes, tmp_path / "logs")
    for key in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE"):
        monkeypatch.setenv(key, running.environment[key])
    with running, Driver(CONTRACT) as driver:
        yield driver


def test_a_robot_that_somebody_else_drives_is_predicted_and_not_commanded(watched):
    reports: list[dict] = []
    ticks: list[dict] = []
    watched.node.create_subscription(String, "shadow/report", lambda m: reports.append(json.loads(m.data)), LATCHED)
    watched.node.create_subscription(String, "tick", lambda m: ticks.append(json.loads(m.data)), 10)
    futures: list[Path_] = []
    watched.node.create_subscription(Path_, "predicted/fingertip/path", futures.append, 10)
    wait_until(lambda: bool(reports) and reports[-1]["looks"]["moving"] >= 25, 60.0)
    report = reports[-1]
    joints = report["moving"]["joints"]
    assert max(report["actions_from"], key=report["actions_from"].get) == CONTRACT.deployment.command.topic
    for step, seconds in enumerate(report["horizon_s"]):
        if seconds >= 0.3:
            assert joints["model"][step] < 0.5 * joints["copy_last"][step], (seconds, joints)
    assert report["moving"]["fingertip"]["model"][-1] < report["moving"]["fingertip"]["copy_last"][-1]
    assert report["moving"]["front"]["model"][-1] > report["moving"]["front"]["copy_last"][-1]
    way = np.array([[pose.pose.position.x, pose.pose.position.y] for pose in futures[-1].poses])
    assert np.ptp(way[:, 1]) > 0.03  # it is expected to go on along y, as it is commanded to
    assert np.ptp(way[:, 0]) < 0.02
    assert watched.node.count_publishers("command") == 0
    assert watched.node.count_publishers("gate/applied") == 0
    command = CONTRACT.deployment.command.topic
    assert {each.node_name for each in watched.node.get_publishers_info_by_topic(command)} == {"driver"}
    assert {tick["status"] for tick in ticks[-20:]} == {"watching"}
