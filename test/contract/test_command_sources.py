"""Who may send commands to the gate: every mistake names its place, what stands there, and what is legal."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text, known_robots, load_contract
from world_model_ros.core.errors import UserError

TEXT = load_contract("tabletop_arm").text
BRAIN = {"name": "brain", "kind": "brain"}
PERSON = {"name": "person", "kind": "person", "topic": "teleop/command", "rate_hz": 50.0}


def with_sources(sources: Any, **deployment: Any) -> Contract:
    data = yaml.safe_load(TEXT)
    data["deployment"] |= {"sources": sources, **deployment}
    return contract_from_text(yaml.safe_dump(data))


def test_sources_are_of_the_deployment_and_change_no_hash() -> None:
    found = with_sources([BRAIN, PERSON])
    assert [each.topic for each in found.deployment.sources or ()] == ["command", "teleop/command"]
    assert found.interface_hash == load_contract("tabletop_arm").interface_hash


@pytest.mark.parametrize("robot", known_robots())
def test_robots_of_the_package_have_the_brain_alone(robot: str) -> None:
    assert load_contract(robot).deployment.sources is None


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ([], ["deployment.sources: got []", "at least 1"]),
        ("brain", ["deployment.sources", "'brain'", "list"]),
        ([BRAIN, {**PERSON, "speed": 1.0}], ["sources[1].speed", "no such key", "'moves'"]),
        ([BRAIN, {**PERSON, "name": ""}], ["sources[1].name: got ''"]),
        ([BRAIN, {**PERSON, "name": "brain"}], ["sources: name", "stands twice in ['brain', 'brain']"]),
        ([BRAIN, {**PERSON, "kind": "robot"}], ["sources[1].kind: got 'robot'", "'person' or 'moveit'"]),
        ([BRAIN, {**PERSON, "topic": "a b"}], ["sources[1].topic: got 'a b'", "topic's name"]),
        ([BRAIN, {**PERSON, "topic": "command"}], ["topic: got 'command' of a person", "'command' for the brain"]),
        ([BRAIN, {"name": "person", "kind": "person"}], ["topic: got 'command' of a person"]),
        ([{**BRAIN, "topic": "plans"}], ["topic: got 'plans' of a brain"]),
        ([BRAIN, {**BRAIN, "name": "other"}], ["sources: topic", "stands twice"]),
        ([BRAIN, PERSON, {**PERSON, "name": "b", "topic": "/teleop/command"}], ["sources: topic", "stands twice"]),
        (
            [BRAIN, {**PERSON, "topic": "/joint_trajectory_controller/joint_trajectory"}],
            ["sources: topic", "'joint_trajectory_controller/joint_trajectory'", "those of controllers"],
        ),
        ([BRAIN, {**PERSON, "rate_hz": 80.0}], ["person: rate_hz: got 80", "below 80", "silence_ticks"]),
        ([BRAIN, {**PERSON, "rate_hz": 0.0}], ["sources[1].rate_hz", "greater than 0"]),
        ([BRAIN, {**PERSON, "rate_hz": float("nan")}], ["sources[1].rate_hz"]),
        ([BRAIN, {**PERSON, "moves": "perhaps"}], ["sources[1].moves: got 'perhaps'", "boolean"]),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_is_legal(sources: Any, words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        with_sources(sources)
    for word in words:
        assert word in str(error.value)


def test_a_robot_that_is_not_commanded_has_no_sources() -> None:
    with pytest.raises(UserError, match="sources: are of a robot that is commanded"):
        with_sources([BRAIN], command=None)
