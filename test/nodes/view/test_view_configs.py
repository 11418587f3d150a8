"""The layouts for rviz and Foxglove show topics that exist, with the types and the quality of service they have."""

from __future__ import annotations

import json
import os
import time

import pytest
import rclpy
import yaml
from decode_bundle import write_decode_bundle
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from visualization_msgs.msg import MarkerArray

from world_model_ros.bringup.domain import free_domain
from world_model_ros.contract.contract import load_contract
from world_model_ros.core.installation.share_folder import share_folder
from world_model_ros.nodes.view.future_view_node import FutureViewNode

CONTRACT = load_contract("tabletop_arm")
# What others publish and subscribe to, and the view does not.
ELSEWHERE = {
    "/robot_description": "std_msgs/msg/String",
    "/tf": "tf2_msgs/msg/TFMessage",
    "/tf_static": "tf2_msgs/msg/TFMessage",
    "/predicted/candidates": "visualization_msgs/msg/MarkerArray",
    "/goal/fingertip/pose": "geometry_msgs/msg/PoseStamped",
}
RVIZ_TYPES = {
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "rviz_default_plugins/MarkerArray": "visualization_msgs/msg/MarkerArray",
    "rviz_default_plugins/Path": "nav_msgs/msg/Path",
    "rviz_default_plugins/RobotModel": "std_msgs/msg/String",
    "rviz_default_plugins/SetGoal": "geometry_msgs/msg/PoseStamped",
}


@pytest.fixture(scope="module")
def topics(tmp_path_factory) -> dict[str, str]:
    """Name -> type of all topics the running view has to do with."""
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    bundle = write_decode_bundle(tmp_path_factory.mktemp("models") / "brightness", CONTRACT)
    domain = free_domain()
    rclpy.init(
        args=["--ros-args", "-p", f"model:={bundle}", "-p", "provider:=cpu", "-p", f"save:={bundle}/futures.png"],
        domain_id=domain,
    )
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    other = Node("rviz", context=context)
    other.create_subscription(MarkerArray, "futures/markers", lambda message: None, 10)
    view = FutureViewNode()
    executor = SingleThreadedExecutor()
    executor.add_node(view)
    try:
        found: dict[str, str] = {}
        end = time.monotonic() + 60
        while "/predicted/path" not in found and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
            name, space = view.get_name(), view.get_namespace()
            listed = view.get_publisher_names_and_types_by_node(name, space)
            listed += view.get_subscriber_names_and_types_by_node(name, space)
            found = {topic: types[0] for topic, types in listed}
        return found | ELSEWHERE
    finally:
        view.close()
        other.destroy_node()
        rclpy.shutdown(context=context)
        rclpy.shutdown()


def rviz() -> dict:
    text = (share_folder("config") / "rviz" / "futures.rviz").read_text(encoding="utf-8")
    return yaml.safe_load(text)["Visualization Manager"]


def rviz_topics() -> list[tuple[str, dict]]:
    """(class, topic with its quality of service) of every display and tool that has one."""
    items = rviz()["Displays"] + rviz()["Tools"]
    keys = ("Topic", "Description Topic")
    return [(item["Class"], item[key]) for item in items for key in keys if key in item]


def test_rviz_shows_only_topics_that_exist_with_their_types(topics):
    shown = rviz_topics()
    assert {"/futures/image", "/futures/markers", "/predicted/path"} <= {topic["Value"] for _, topic in shown}
    assert [(kind, topic["Value"]) for kind, topic in shown if topics.get(topic["Value"]) != RVIZ_TYPES[kind]] == []


def test_rviz_asks_for_no_better_service_than_is_given():
    offered = {f"/{source.topic}": source.qos for source in CONTRACT.deployment.streams}
    for _, topic in rviz_topics():
        name = topic["Value"]
        latched = name == "/robot_description"
        assert topic["Durability Policy"] == ("Transient Local" if latched else "Volatile"), name
        if name in offered and offered[name].reliability == "best_effort":
            assert topic["Reliability Policy"] == "Best PushProgress", name


def test_rviz_stands_in_the_base_frame_and_has_unique_names():
    assert rviz()["Global Options"]["Fixed Frame"] == CONTRACT.interface.base_frame
    names = [display["Name"] for display in rviz()["Displays"]]
    assert len(set(names)) == len(names)


def foxglove() -> dict:
    return json.loads((share_folder("config") / "foxglove" / "futures.json").read_text(encoding="utf-8"))


def test_foxglove_shows_only_topics_that_exist_with_their_types(topics):
    shown: dict[str, str | None] = {}
    for panel, config in foxglove()["configById"].items():
        if panel.startswith("Image!"):
            shown[config["imageMode"]["imageTopic"]] = "sensor_msgs/msg/Image"
        elif panel.startswith("3D!"):
            shown |= dict.fromkeys(config["topics"])
            shown[config["publish"]["poseTopic"]] = "geometry_msgs/msg/PoseStamped"
            shown |= {layer["topic"]: "std_msgs/msg/String" for layer in config["layers"].values() if "topic" in layer}
        elif panel.startswith("Plot!"):
            shown |= {path["value"].rsplit(".", 1)[0]: "std_msgs/msg/Float32" for path in config["paths"]}
        elif panel.startswith("RawMessages!"):
            shown[config["topicPath"]] = "std_msgs/msg/String"
        elif panel.startswith("DiagnosticSummary!"):
            shown[config["topicToRender"]] = "diagnostic_msgs/msg/DiagnosticArray"
        else:
            pytest.fail(f"panel {panel} is not checked")
    assert {topic: kind for topic, kind in shown.items() if kind not in (None, topics.get(topic))} == {}
    assert set(shown) <= set(topics)


def test_foxglove_places_each_panel_once():
    def panels(layout) -> list[str]:
        return [layout] if isinstance(layout, str) else panels(layout["first"]) + panels(layout["second"])

    assert sorted(panels(foxglove()["layout"])) == sorted(foxglove()["configById"])
