"""`world-model check CONTRACT --live`, against the simulated robot in its own process."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64

from world_model_ros.cli import main
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.installation.share_folder import share_folder

ARM = load_contract("tabletop_arm")

pytestmark = pytest.mark.slow

# What is wrong with the second contract, and the key that the answer must name for it.
MISTAKES = {
    "front": (("source_shape: [128, 128]", "source_shape: [480, 640]"), "source_shape: [128, 128]"),
    "table_mic": (("topic: microphone/table/audio", "topic: microphone/audio"), "/microphone/table/audio"),
    "fingertip_taxels": (("rows: 4, cols: 8", "rows: 8, cols: 4"), "rows: 4, cols: 8"),
    "wrist_wrench": (("frame: wrist_ft", "frame: tool0"), "frame: wrist_ft"),
    "arm": (("required: true}", "required: true, qos: {durability: transient_local}}"), "durability: volatile"),
}


@pytest.fixture
def simulated(start_node):
    return start_node("sim_robot_node", "robot:=tabletop_arm")


def listen(what: str, capfd: pytest.CaptureFixture[str], seconds: str = "3s") -> tuple[int, dict]:
    status = main(["check", what, "--live", seconds, "--json"])
    return status, json.loads(capfd.readouterr().out)


def test_the_right_contract_fits_and_a_wrong_one_names_every_key_to_change(simulated, tmp_path, capfd):
    for _ in range(10):  # until the simulator has made its renderer, and its cameras send
        status, found = listen("tabletop_arm", capfd, "2s")
        if status == 0 and all(topic["messages"] > 3 for topic in found["topics"]):
            break
    assert status == 0, found
    assert {topic["stream"] for topic in found["topics"]} == set(MISTAKES)
    for topic in found["topics"]:
        assert topic["fits"], topic
        assert topic["messages"] > 3  # of a camera that a busy machine renders
        assert 0 <= topic["age_ms"]["p50"] < 200
    assert found["command"][0]["level"] == "ok"

    text = (share_folder("config") / "robots" / "tabletop_arm.yaml").read_text(encoding="utf-8")
    for old, new in (mistake[0] for mistake in MISTAKES.values()):
        assert old in text
        text = text.replace(old, new)
    text = text.replace("topic: joint_trajectory_controller/", "topic: arm_controller/")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text, encoding="utf-8")
    status, found = listen(str(wrong), capfd)
    assert status == 1
    assert found["command"][0]["change"].endswith("topic: one of ['/joint_trajectory_controller/joint_trajectory']")
    for topic in found["topics"]:
        changes = [each["change"] for each in topic["findings"] if each["level"] != "ok"]
        assert any(MISTAKES[topic["stream"]][1] in change for change in changes), topic


def test_a_robot_that_is_not_there_is_missed_topic_by_topic(monkeypatch, capfd):
    monkeypatch.setenv("ROS_DOMAIN_ID", "99")
    status, found = listen("tabletop_arm", capfd, "0.5")
    assert status == 1
    arm = next(topic for topic in found["topics"] if topic["stream"] == "arm")
    assert not arm["fits"]
    assert "ROS_DOMAIN_ID" in arm["findings"][0]["change"]
    assert "no subscriber of" in found["command"][0]["found"]


@pytest.mark.slow
def test_a_driver_that_comes_while_one_listens_is_heard(monkeypatch, capfd):
    """On a busy machine topics are found late; a robot that was just started is no silent one."""
    monkeypatch.setenv("ROS_DOMAIN_ID", "98")
    ended = threading.Event()

    def drive() -> None:
        context = Context()
        rclpy.init(context=context)
        node = Node("driver", context=context)
        make = MessageMaker(ros_class)
        while "live_check" not in node.get_node_names() and not ended.wait(0.05):
            pass
        ended.wait(3.0)  # the two seconds for finding topics, and one more
        publisher = node.create_publisher(JointState, "joint_states", 10)
        while not ended.wait(0.01):
            now = int(node.get_clock().now().nanoseconds)
            publisher.publish(make.joint_state(ARM.joint_names, ARM.rest, np.zeros(6), stamp_ns=now))
        node.destroy_node()
        rclpy.shutdown(context=context)

    driver = threading.Thread(target=drive)
    driver.start()
    try:
        _, found = listen("tabletop_arm", capfd, "1.5s")
    finally:
        ended.set()
        driver.join()
    arm = next(topic for topic in found["topics"] if topic["stream"] == "arm")
    assert arm["messages"] > 10, arm
    assert arm["fits"], arm


def test_a_topic_that_another_stream_has_is_not_offered_and_a_slider_is_noted(monkeypatch, capfd):
    monkeypatch.setenv("ROS_DOMAIN_ID", "97")
    context = Context()
    rclpy.init(context=context)
    node = Node("driver", context=context)
    for topic in ("camera/front/image_raw", "ear/sound"):
        node.create_publisher(Image, topic, 10)
    node.create_publisher(Float64, "driver/speed_scaling", 10)
    try:
        _, found = listen("tabletop_arm", capfd, "0.5")
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
    sound = next(topic for topic in found["topics"] if topic["stream"] == "table_mic")
    (change,) = [each["change"] for each in sound["findings"] if each["what"] == "publishers"]
    assert change == "deployment.streams: table_mic: topic: one of ['/ear/sound']"
    (slider,) = [each for each in found["command"] if each["what"] == "driver"]
    assert "topic: /driver/speed_scaling, type: std_msgs/msg/Float64" in slider["change"]


def test_seconds_must_be_a_time(capfd):
    with pytest.raises(SystemExit):
        main(["check", "tabletop_arm", "--live", "0"])
    assert "0.5 to 3600" in capfd.readouterr().err
