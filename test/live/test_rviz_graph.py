"""The layouts for rviz and Foxglove against the running graph: all they show is published, with type and service."""

from __future__ import annotations

import json
from typing import Any

import yaml
from observer import Observer, wait_until
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from world_model_ros.bringup.run import Running
from world_model_ros.core.installation.share_folder import share_folder

TYPES = {
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "rviz_default_plugins/MarkerArray": "visualization_msgs/msg/MarkerArray",
    "rviz_default_plugins/Path": "nav_msgs/msg/Path",
    "rviz_default_plugins/RobotModel": "std_msgs/msg/String",
}
GOAL = "rviz_default_plugins/SetGoal"


def shown() -> list[tuple[str, dict[str, Any]]]:
    """(class, topic with its quality of service) of every display and tool that has one."""
    text = (share_folder("config") / "rviz" / "futures.rviz").read_text(encoding="utf-8")
    manager = yaml.safe_load(text)["Visualization Manager"]
    items = manager["Displays"] + manager["Tools"]
    return [(item["Class"], item[key]) for item in items for key in ("Topic", "Description Topic") if key in item]


def test_rviz_finds_all_that_it_shows_in_the_running_graph(shared_graph: tuple[Running, Observer]) -> None:
    _, observer = shared_graph
    asked = shown()
    assert {kind for kind, _ in asked} <= {*TYPES, GOAL}, "a display that is not checked"
    for kind, topic in asked:
        name = topic["Value"]
        if kind == GOAL:
            wait_until(lambda name=name: observer.count_subscribers(name) > 0, 10.0)
            ends = observer.get_subscriptions_info_by_topic(name)
            assert {end.topic_type for end in ends} == {"geometry_msgs/msg/PoseStamped"}
            continue
        wait_until(lambda name=name: observer.count_publishers(name) > 0, 10.0)
        for end in observer.get_publishers_info_by_topic(name):
            assert end.topic_type == TYPES[kind], name
            if topic["Reliability Policy"] == "Reliable":
                assert end.qos_profile.reliability == ReliabilityPolicy.RELIABLE, name
            if topic["Durability Policy"] == "Transient Local":
                assert end.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL, name


FOXGLOVE = {
    "/futures/image": "sensor_msgs/msg/Image",
    "/camera/front/image_raw": "sensor_msgs/msg/Image",
    "/futures/markers": "visualization_msgs/msg/MarkerArray",
    "/predicted/candidates": "visualization_msgs/msg/MarkerArray",
    "/robot_description": "std_msgs/msg/String",
    "/surprise": "std_msgs/msg/Float32",
    "/gate/state": "std_msgs/msg/String",
    "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
}
_TRANSFORMS = {"/tf", "/tf_static"}  # robot_state_publisher's, which only launch files start


def foxglove_topics() -> set[str]:
    """Every topic that a panel of the layout shows."""
    text = (share_folder("config") / "foxglove" / "futures.json").read_text(encoding="utf-8")
    found: set[str] = set()
    for panel in json.loads(text)["configById"].values():
        found |= set(panel.get("topics", {}))
        found |= {layer["topic"] for layer in panel.get("layers", {}).values() if "topic" in layer}
        found |= {path["value"].rsplit(".", 1)[0] for path in panel.get("paths", [])}
        found |= {panel[key] for key in ("topicPath", "topicToRender") if key in panel}
        found |= {panel["imageMode"]["imageTopic"]} if panel.get("imageMode") else set()
    return found


def test_foxglove_finds_all_that_it_shows_in_the_running_graph(shared_graph: tuple[Running, Observer]) -> None:
    _, observer = shared_graph
    assert foxglove_topics() - _TRANSFORMS == set(FOXGLOVE), "a topic that is not checked"
    for name, kind in FOXGLOVE.items():
        wait_until(lambda name=name: observer.count_publishers(name) > 0, 10.0)
        assert {end.topic_type for end in observer.get_publishers_info_by_topic(name)} == {kind}, name
