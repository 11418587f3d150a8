"""The gate process hears of clouds on their topics, says which is missing, and brakes without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import PointCloud2, PointField
from test_command_gate_node import ARM, CONTRACT, HOME, MAKE, running, start

from world_model_ros.bags.recorded_topics import recorded_topics
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
        front.publish(MAKE.seen(far, 5e3, robot.now_ns(), frame))  # points as large as no sensor sees
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


def test_a_recording_has_what_the_gate_was_shown(contract: Path) -> None:
    topics = recorded_topics(load_contract(contract))
    assert "gate/seen/front" in topics
    assert "camera/points" not in topics  # large, and what of it counts is in the other
    assert not [topic for topic in recorded_topics(load_contract("tabletop_arm")) if "seen" in topic]


def organised(points: np.ndarray, stamp_ns: int) -> PointCloud2:
    """A cloud of a depth camera in the middle of the base frame, with a row that was not measured."""
    rows = np.full((2, len(points), 4), np.nan, "<f4")
    rows[0, :, :3] = points
    message = PointCloud2(height=2, width=len(points), point_step=16, row_step=16 * len(points))
    message.header = MAKE.header(stamp_ns, "camera")
    message.fields = [PointField(name=name, offset=4 * i, datatype=7, count=1) for i, name in enumerate("xyz")]
    message.data.frombytes(rows.tobytes())
    return message


def test_the_arm_waits_in_front_of_what_a_camera_sees_and_goes_on_when_it_is_gone(tmp_path: Path) -> None:
    place = "place: {frame: camera, position_m: [0, 0, 0], quaternion: [0, 0, 0, 1]}"
    clouds = f"\n    clouds: [{{name: front, topic: points, max_age_s: 1.0, voxel_m: 0.02, {place}}}]"
    text = CONTRACT.text.replace("\n    obstacles:", f"{clouds}\n    obstacles:", 1)
    path = tmp_path / "seeing.yaml"
    path.write_text(
        text.replace("sensor_msgs/msg/JointState, max_age_s: 0.2", "sensor_msgs/msg/JointState, max_age_s: 0.5")
    )
    wall_m = ARM.tip(HOME)[0][1] + 0.2
    x, z = np.meshgrid(np.arange(0.3, 0.8, 0.01), np.arange(0.05, 0.6, 0.01))
    wall = np.column_stack([x.ravel(), np.full(x.size, wall_m), z.ravel()])
    seen = [wall]
    with running(f"robot:={path}") as (robot, _):
        process = start("gate.clouds_node", robot.node.context.get_domain_id(), f"robot:={path}")
        try:
            camera = robot.node.create_publisher(PointCloud2, "points", 1)
            robot.node.create_timer(0.1, lambda: camera.publish(organised(seen[-1], robot.now_ns())))
            robot.arm()
            robot.thinking = True
            robot.until(lambda: "obstacle front" in (robot.state["near"] or ""))
            robot.wait(1.5)
            assert robot.state["state"] == "tracking"
            assert np.abs(robot.applied[-1][2]).max() < 0.02
            tip_m = ARM.tip(robot.applied[-1][1])[0][1]
            assert wall_m - 0.15 < tip_m < wall_m - 0.01
            seen.append(wall + np.array([0.0, 0.0, 9.0]))  # out of reach
            robot.until(lambda: ARM.tip(robot.applied[-1][1])[0][1] > wall_m + 0.02)
        finally:
            process.terminate()
            process.wait(60)
