"""Topics of a robot that are the package's own, or that others talk on, are refused: they would lead past the gate."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from world_model_ros.contract import topics
from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.contract.topic_clashes import refuse_clashes
from world_model_ros.contract.topics import PREDICTED, absolute, is_own
from world_model_ros.core.errors import UserError

TEXT = load_contract("tabletop_arm").text
ARM = "joint_trajectory_controller/joint_trajectory"
WRIST = ["wrist_3_joint"]
BRAIN = {"name": "brain", "kind": "brain"}


def changed(part: str, value: Any) -> Contract:
    """The arm's contract with a value at a place of its deployment, as ``gate.deadman``."""
    data = yaml.safe_load(TEXT)
    *way, last = part.split(".")
    inner = data["deployment"]
    for key in way:
        inner = inner[int(key)] if isinstance(inner, list) else inner.setdefault(key, {})
    inner[int(last) if isinstance(inner, list) else last] = value
    return contract_from_text(yaml.safe_dump(data))


def other(interface: str, topic: str) -> list[dict[str, Any]]:
    return [{"interface": interface, "topic": topic, "joints": WRIST}]


def refused(part: str, value: Any) -> tuple[str, object]:
    with pytest.raises(UserError) as error:
        changed(part, value)
    return error.value.field, error.value.value


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "topic",
    ["command", "command/owner", "predicted/joints", "goal/cancel", "gate/applied", "candidates/best/joints", "clock"],
)
def test_no_controller_listens_where_the_package_talks(topic: str, slash: str) -> None:
    assert refused("command.topic", slash + topic) == ("contract: deployment.command.topic", slash + topic)
    for interface in ("forward_position", "gripper_command"):
        found = refused("command.others", other(interface, slash + topic))
        assert found == ("contract: deployment.command.others[0].topic", slash + topic)


def test_nor_does_a_streamed_one() -> None:
    command = {"interface": "forward_velocity", "topic": "/command", "rate_hz": 100.0}
    assert refused("command", command) == ("contract: deployment.command.topic", "/command")


@pytest.mark.parametrize(
    ("part", "value", "field"),
    [
        ("gate.deadman", {"topic": "goal/cancel"}, "gate.deadman.topic"),
        ("gate.clouds", [{"name": "front", "topic": "/gate/seen/front"}], "gate.clouds: front: topic"),
        ("streams.4.topic", "gate/applied", "streams: arm: topic"),
        ("labels.0.topic", "goal/object_0/pose", "labels: object_0_truth: topic"),
        ("sources", [BRAIN, {"name": "a", "kind": "person", "topic": "goal/joints"}], "sources: a: topic"),
        ("sources", [{"name": "a", "kind": "person", "topic": "/command"}], "sources: a: topic"),
        ("driver", {"ready": [{"topic": "tick", "type": "std_msgs/msg/Bool"}]}, "driver.ready[0].topic"),
        ("driver", {"speed_scaling": {"topic": "surprise", "type": "a/msg/B"}}, "driver.speed_scaling.topic"),
    ],
)
def test_nothing_is_heard_of_the_robot_where_the_package_talks(part: str, value: Any, field: str) -> None:
    assert refused(part, value)[0] == f"contract: deployment.{field}"


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("command.others", other("forward_position", f"/{ARM}"), "others[0].topic: got '/joint_trajectory"),
        ("command.topic", "/joint_states", "another topic than that of deployment.streams: arm: topic"),
        ("gate.deadman", {"topic": f"/{ARM}"}, "another topic than that of deployment.gate.deadman.topic"),
        ("labels.0.topic", f"/{ARM}", "another topic than that of deployment.labels: object_0_truth: topic"),
    ],
)
def test_a_controller_has_its_topic_to_itself(part: str, value: Any, words: str) -> None:
    with pytest.raises(UserError) as error:
        changed(part, value)
    assert words in str(error.value)


def test_topics_that_only_look_like_those_of_the_package_are_the_robots() -> None:
    for topic in ("commands", "arm/command", "gate_applied", "goals/joints", "my/goal/joints", "/left/clock"):
        assert changed("command.topic", topic).deployment.command is not None
    assert changed("labels.0.topic", "/joint_states")


def test_in_a_namespace_its_own_names_are_those_of_the_package() -> None:
    deployment = changed("command.topic", "/left/command").deployment

    def resolved(name: str) -> str:
        return name if name.startswith("/") else f"/left/{name}"

    with pytest.raises(UserError, match=r"deployment.command.topic: got '/left/command'"):
        refuse_clashes(deployment, resolve=resolved)
    refuse_clashes(changed("command.topic", "/left/arm").deployment, resolve=resolved)


def test_the_list_of_the_packages_topics_has_them_all() -> None:
    named = {
        name for key, name in vars(topics).items() if key.isupper() and isinstance(name, str) and name != PREDICTED
    }
    made = {topics.goal_topic("a"), topics.path_topic("a"), topics.region_topic("a"), topics.seen_topic("a")}
    assert {name for name in named | made if not is_own(absolute(name))} == set(topics.OF_DRIVERS)
