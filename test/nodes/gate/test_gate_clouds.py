"""The gate process hears of clouds on their topics, says which is missing, and brakes without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import PointCloud2
from test_command_gate_node import CONTRACT, MAKE, running

from world_model_ros.contract.contract import load_contract

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert "\n    obstacles:" in CONTRACT.text
    clouds = "\n    clouds: [{name: front, topic: camera/points, max_age_s: 0.5, most_voxels: 64}]"
    text = CONTRACT.text.replace("\n    obstacles:", f"{clouds}\n    obstacles:", 1)
    text = text.replace("sensor_msgs/msg/JointState, max_age_s: 0.2", "sensor_msgs/msg/JointState, max_age_s: 0.5")
    path = tmp_path_factory.mktemp("robot") / "seeing.yaml"
    path.write_text(text)
    assert load_contract(path).deployment.gate.clouds[0].most_voxels == 64
    return path


def test_it_is_armed_with_a_fresh_cloud_alone_and_brakes_when_none_comes(contract: Path) -> None:
    far = np.random.default_rng(0).uniform([2.0, -1, 0], [3.0, 1, 1], (200, 3))
    frame = load_contract(contract).interface.base_frame
    with running(f"robot:={contract}") as (robot, _):
        front = robot.node.create_publisher(PointCloud2, "gate/seen/front", 1)
        robot.until(front.get_subscription_count)
        robot.wait(0.5)  # of standing still
        answer = robot.call("gate/arm")
        assert not answer.success
        assert "cloud_stale: nothing of front yet" in answer.message
        front.publish(MAKE.seen(far, 0.02, robot.now_ns(), "elsewhere"))
        robot.wait(0.3)
        assert "nothing of front yet" in robot.call("gate/arm").message
        seeing = robot.node.create_timer(0.05, lambda: front.publish(MAKE.seen(far, 0.02, robot.now_ns(), frame)))
        robot.until(lambda: robot.call("gate/arm").success)
        robot.until(lambda: robot.state["clouds"]["front"]["points"])
        assert robot.state["clouds"]["front"]["points"] <= 64
        assert robot.state["clouds"]["front"]["radius_m"] > 0.05  # coarser, and none left out
        robot.wait(1.0)
        assert robot.state["state"] == "holding"
        robot.node.destroy_timer(seeing)
        robot.until(lambda: (robot.state["state"], robot.state["cause"]) == ("disarmed", "cloud_stale"))
