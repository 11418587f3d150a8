"""Actions of one fingertip, of several, of joints; and what is said of the robot beside them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.contract.schema import Interface
from world_model_ros.core.errors import UserError

CONTRACT = load_contract("humanoid_upper_body")
DATA = yaml.safe_load(CONTRACT.text)


def changed(path: list[Any], value: Any) -> Contract:
    data = copy.deepcopy(DATA)
    place = data
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return contract_from_text(yaml.safe_dump(data), folder=CONTRACT.folder)


def test_the_components_of_several_fingertips_are_named_after_each():
    action = CONTRACT.interface.action
    assert action.size == 4
    assert action.components == ("left_fingertip_x", "left_fingertip_y", "right_fingertip_x", "right_fingertip_y")
    one = load_contract("tabletop_arm").interface.action
    assert (one.components, len(one.tips), one.bounds) == (("x", "y"), 1, (one.bound_m,) * 2)
    assert load_contract("unitree_g1").interface.action.tips == ()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["interface", "action", "fingertips"], [], "fingertips"),
        (["interface", "action", "fingertips", 1, "link"], "left_fingertip", "named|twice"),
        (["interface", "action", "fingertips", 0, "workspace_m", 0], [0.5, 0.3], "low end"),
        (["interface", "action", "frame"], "map", "pelvis"),
        (["deployment", "simulation", "cameras"], [], "missing.*head"),
    ],
)
def test_what_cannot_be_meant_is_refused(path: list[Any], value: Any, words: str):
    with pytest.raises(UserError, match=words):
        changed(path, value)


def test_joints_rest_where_the_contract_says_else_in_the_middle_and_never_beyond_their_limits():
    first = CONTRACT.deployment.limits[0]
    assert CONTRACT.rest[0] == first.rest
    silent = changed(["deployment", "limits", 0, "rest"], None)
    assert silent.rest[0] == pytest.approx(sum(first.position) / 2)
    with pytest.raises(UserError, match=rf"{first.name}: rest"):
        changed(["deployment", "limits", 0, "rest"], 3.0).rest  # noqa: B018


def test_a_robot_that_is_not_described_for_it_cannot_be_simulated():
    with pytest.raises(UserError, match=r"deployment\.simulation"):
        load_contract("unitree_g1").simulation  # noqa: B018


def test_each_number_of_an_action_has_a_unit():
    assert CONTRACT.interface.action_units == ("m",) * 4
    slides = changed(["interface", "joints", 0, "unit"], "m").interface
    first, second = (joint.name for joint in slides.joints[:2])
    tip = CONTRACT.interface.action.fingertips[0].model_dump()
    parts = [
        {**tip, "kind": "tip_displacement", "bound_m": 0.02},
        {"kind": "tip_rotation", "link": tip["link"], "axes": ["yaw"], "bound_rad": 0.1},
        {"kind": "gripper", "joints": [{"name": slides.joints[2].name, "closed": 0.0, "open": 1.0}], "bound": 0.1},
        {"kind": "joint_displacement", "joints": [second, first], "bound": [0.1, 0.02]},
    ]
    told = slides.model_dump() | {"action": {"kind": "parts", "parts": parts}}
    told["targets"] = told["targets"][:1] + told["targets"][2:]  # the action moves the first fingertip alone
    assert Interface.model_validate(told).action_units == ("m", "m", "rad", "1", "rad", "m")
    columns = [{"name": "force", "bound": 5.0, "unit": "N"}, {"name": "close", "bound": 1.0}]
    told |= {"action": {"kind": "parts", "parts": [{"kind": "free", "columns": columns}]}, "targets": [], "labels": []}
    assert Interface.model_validate(told).action_units == ("N", "1")
