"""Contracts whose action is numbers that the robot itself makes something of, and targets that are more than places."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text, known_robots, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder

TEXT = """
format: 1
name: free
interface:
  tick_hz: 20.0
  base_frame: world
  streams:
    - {kind: wrench, name: wrist, frame: wrist, rate_hz: 100.0}
  action:
    kind: parts
    parts:
      - kind: free
        columns: [{name: x, bound: 0.5, unit: m/s}, {name: yaw, bound: 1.0}]
      - kind: free
        columns: [{name: gripper, bound: 2.0}]
  targets:
    - {name: effector, kind: fingertip}
    - {name: cube, kind: object, orientation: yaw, symmetry: 4}
    - {name: drawer, kind: articulated, unit: m}
  labels:
    - {name: effector_truth, target: effector}
    - {name: cube_truth, target: cube}
    - {name: drawer_truth, target: drawer}
deployment:
  streams:
    - {name: wrist, topic: wrist, type: geometry_msgs/msg/WrenchStamped, max_age_s: 0.2}
  labels:
    - {name: effector_truth, topic: effector/pose}
    - {name: cube_truth, topic: cube/pose}
    - {name: drawer_truth, topic: drawer/value, type: std_msgs/msg/Float32}
  targets:
    - {name: cube, workspace_m: [[-0.3, 0.3], [-0.3, 0.3], [0.0, 0.4]]}
    - {name: drawer, range: [0.0, 0.2]}
  action: {topic: action}
"""


def changed(*changes: tuple[list[Any], Any]) -> Contract:
    """The contract with values at paths set, or taken out where they are `None`."""
    data = yaml.safe_load(TEXT)
    for path, value in changes:
        at = data
        for part in path[:-1]:
            at = at[part]
        if value is None:
            del at[path[-1]]
        elif isinstance(at, dict):
            at[path[-1]] = value
        else:
            at.append(value)
    return contract_from_text(yaml.safe_dump(data))


def test_action_of_parts_is_their_columns_in_order():
    action = contract_from_text(TEXT).interface.action
    assert action.components == ("x", "yaw", "gripper")
    assert action.bounds == (0.5, 1.0, 2.0)
    assert action.size == 3
    assert action.free
    assert action.tips == ()


@pytest.mark.parametrize(
    "robot", [each for each in known_robots() if load_contract(each).interface.action.kind != "parts"]
)
def test_other_actions_have_one_bound_for_all_numbers(robot):
    action = load_contract(robot).interface.action
    assert len(action.bounds) == action.size
    assert len(set(action.bounds)) == 1
    assert not action.free


@pytest.mark.parametrize("robot", ["tabletop_arm", "humanoid_upper_body", "unitree_g1"])
def test_interface_hash_is_that_of_the_models_that_come_with_it(robot):
    manifest = json.loads((share_folder("models") / robot / "manifest.json").read_text(encoding="utf-8"))
    assert load_contract(robot).interface_hash == manifest["interface_hash"]


def test_later_fields_are_in_the_hash_only_where_they_say_something():
    whole = contract_from_text(TEXT)
    plain = changed((["interface", "targets", 1, "orientation"], "free"), (["interface", "targets", 1, "symmetry"], 1))
    silent = changed(
        (["interface", "targets", 1, "orientation"], None), (["interface", "targets", 1, "symmetry"], None)
    )
    assert plain.interface_hash == silent.interface_hash != whole.interface_hash
    told = whole.interface.model_dump(mode="json")["targets"]
    assert told[1] == {"name": "cube", "kind": "object", "link": None, "orientation": "yaw", "symmetry": 4}
    assert told[0] == {"name": "effector", "kind": "fingertip", "link": None}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([(["interface", "action", "parts", 0, "columns", 0, "bound"], 0)], ["bound", "greater than 0"]),
        ([(["interface", "action", "parts", 0, "columns", 0, "name"], "gripper")], ["gripper", "twice"]),
        ([(["interface", "action", "parts", 0, "columns"], [])], ["columns", "at least 1"]),
        ([(["interface", "action", "parts"], [])], ["parts", "at least 1"]),
        ([(["deployment", "action"], None)], ["deployment.action", "all free"]),
        ([(["deployment", "without_commands"], "measured")], ["deployment.without_commands", "'nothing'"]),
        (
            [(["deployment", "command"], {"interface": "joint_trajectory", "topic": "c", "rate_hz": 100.0})],
            ["deployment.command", "free"],
        ),
        (
            [(["interface", "labels", 0, "target"], "drawer"), (["interface", "labels", 2, "target"], "effector")],
            ["effector_truth", "std_msgs/msg/Float32"],
        ),
        ([(["deployment", "labels", 2, "type"], None)], ["drawer_truth", "std_msgs/msg/Float32"]),
        ([(["interface", "targets", 1, "symmetry"], 0)], ["symmetry", "greater than 0"]),
        ([(["interface", "targets", 1, "orientation"], "axis")], ["symmetry", "yaw", "full"]),
        ([(["interface", "targets", 2, "orientation"], "yaw")], ["orientation", "scalar"]),
        ([(["interface", "targets", 0, "unit"], "m")], ["unit", "articulated"]),
        ([(["interface", "targets", 1, "link"], "hand")], ["link", "fingertip"]),
        ([(["deployment", "targets", 1, "range"], [0.2, 0.0])], ["range", "low end"]),
        ([(["deployment", "targets", 0, "range"], [0.0, 1.0])], ["workspace_m", "one of them"]),
        (
            [(["deployment", "targets", 0, "name"], "effector"), (["deployment", "targets", 1, "name"], "cube")],
            ["range"],
        ),
        ([(["interface", "targets", 2], {"name": "lid", "kind": "articulated"})], ["lid", "label"]),
    ],
)
def test_mistakes_name_the_field_and_what_is_legal(changes, told):
    with pytest.raises(UserError) as caught:
        changed(*changes)
    for part in told:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("joints", [], "joints: at least one is required"),
        ("streams", None, "one stream of kind 'joints' is required"),
        ("targets", "linkless", "['fingertip'] need a link"),
    ],
)
def test_an_action_with_kinematics_needs_joints_and_links(field, value, told):
    data = yaml.safe_load((share_folder("config") / "robots" / "tabletop_arm.yaml").read_text(encoding="utf-8"))
    interface = deepcopy(data["interface"])
    if field == "joints":
        interface["joints"] = value
        interface["streams"] = [each for each in interface["streams"] if each["kind"] != "joints"]
    elif field == "streams":
        interface["streams"] = [each for each in interface["streams"] if each["kind"] != "joints"]
    else:
        del interface["targets"][0]["link"]
        interface["labels"].append({"name": "tip_truth", "target": "fingertip"})
        data["deployment"]["labels"].append({"name": "tip_truth", "topic": "tip"})
    with pytest.raises(UserError) as caught:
        contract_from_text(yaml.safe_dump(data | {"interface": interface}))
    assert told in str(caught.value)
