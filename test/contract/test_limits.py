"""Limits come from the contract and the URDF; the tighter one counts, and a gap is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.contract.deployment.gate import JointLimit
from world_model_ros.contract.hands import grippers
from world_model_ros.contract.limits import joint_limits
from world_model_ros.contract.urdf.numbers import UrdfLimit
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder

URDF = UrdfLimit((-2.0, 2.0), 3.0, 50.0)


def limits(stated: JointLimit | None = None, urdf: UrdfLimit | None = URDF):
    return joint_limits(["a"], [stated] if stated else [], {"a": urdf} if urdf else None)


def test_where_the_contract_is_silent_the_urdf_speaks() -> None:
    found = limits()
    assert (found.lower[0], found.upper[0], found.velocity[0], found.effort[0]) == (-2.0, 2.0, 3.0, 50.0)


def test_acceleration_and_jerk_have_a_default_that_follows_from_the_velocity() -> None:
    found = limits()
    assert (found.acceleration[0], found.jerk[0]) == (6.0, 60.0)
    assert limits(JointLimit(name="a", velocity=1.0)).acceleration[0] == 2.0
    assert limits(JointLimit(name="a", acceleration=4.0)).jerk[0] == 40.0


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (JointLimit(name="a", position=(-1.0, 3.0), velocity=5.0, effort=10.0), (-1.0, 2.0, 3.0, 10.0)),
        (JointLimit(name="a", position=(-3.0, 1.0), velocity=1.0, effort=60.0), (-2.0, 1.0, 1.0, 50.0)),
    ],
)
def test_the_tighter_one_counts(stated: JointLimit, expected: tuple[float, ...]) -> None:
    found = limits(stated)
    assert (found.lower[0], found.upper[0], found.velocity[0], found.effort[0]) == expected


@pytest.mark.parametrize("missing", ["position", "velocity", "effort"])
def test_a_limit_that_nobody_states_is_named(missing: str) -> None:
    whole = {"position": (-1.0, 1.0), "velocity": 1.0, "effort": 1.0}
    with pytest.raises(UserError, match=f"a.*{missing}"):
        limits(JointLimit(name="a", **{key: value for key, value in whole.items() if key != missing}), None)


def test_a_urdf_that_says_zero_says_nothing_and_the_contract_has_to():
    zeros = UrdfLimit(None, None, 50.0, ("velocity", "position"))
    with pytest.raises(UserError, match=r"a: got None; expected position.*says 0"):
        limits(urdf=zeros)
    with pytest.raises(UserError, match=r"a: got None; expected velocity.*says 0"):
        limits(JointLimit(name="a", position=(-1.0, 1.0)), zeros)
    found = limits(JointLimit(name="a", position=(-1.0, 1.0), velocity=2.0), zeros)
    assert (found.upper[0], found.velocity[0]) == (1.0, 2.0)


def test_a_joint_that_the_urdf_lacks_is_an_error_whatever_the_contract_says_of_it():
    whole = JointLimit(name="b", position=(-1.0, 1.0), velocity=1.0, effort=1.0)
    with pytest.raises(UserError, match=r"interface\.joints: got \['b'\]; expected joints of the URDF: \['a'\]"):
        joint_limits(["b"], [whole], {"a": URDF})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position", (1.57, -0.2)),
        ("position", (0.5, 0.5)),
        ("position", (-float("inf"), 1.0)),
        ("velocity", 0.0),
        ("velocity", -1.0),
        ("velocity", float("nan")),
        ("acceleration", float("inf")),
        ("jerk", 0.0),
        ("effort", -1.0),
        ("rest", float("nan")),
    ],
)
def test_a_limit_that_cannot_be_used_is_no_limit_of_a_contract(key, value):
    text = load_contract("tabletop_arm").text
    line = next(each for each in text.splitlines() if "name: elbow_joint, position" in each)
    limit = {"name": "elbow_joint", "position": [-2.9, 2.9], "velocity": 3.0, "effort": 1.0, key: value}
    said = json.dumps(limit).replace("NaN", ".nan").replace("-Infinity", "-.inf").replace("Infinity", ".inf")
    with pytest.raises(UserError, match=key):
        contract_from_text(text.replace(line, f"    - {said}"))


def test_ranges_that_do_not_meet_are_an_error() -> None:
    with pytest.raises(UserError, match="position"):
        limits(JointLimit(name="a", position=(2.5, 3.0)))


def test_a_contract_without_limits_takes_those_of_its_urdf(tmp_path: Path) -> None:
    text = load_contract("tabletop_arm").text
    begin, end = text.index("  limits:\n"), text.index("  command:")
    (tmp_path / "silent.yaml").write_text(text[:begin] + text[end:])
    found = load_contract(tmp_path / "silent.yaml").limits()
    stated = load_contract("tabletop_arm").limits()
    assert found.upper.tolist() == stated.upper.tolist()
    assert found.velocity.tolist() == stated.velocity.tolist()
    assert found.acceleration.tolist() == (2 * stated.velocity).tolist()


@pytest.mark.parametrize(
    ("name", "squeeze", "interface", "legal"),
    [
        ("finger_joint", 0.05, "forward_position", "at most 0.04"),
        ("finger_joint", 0.005, "forward_velocity", "no positions, but forward_velocity"),
        ("elbow_joint", 0.005, "forward_position", "finger_joint"),
        ("finger_joint", 0.0, "forward_position", "greater than 0"),
    ],
)
def test_a_squeeze_is_of_a_grippers_joint_that_is_sent_positions(name, squeeze, interface, legal):
    data = yaml.safe_load(load_contract("gripper_arm_tracked").text)
    other = {"interface": interface, "topic": "gripper", "joints": ["finger_joint"]}
    first = "forward_velocity" if interface == "forward_velocity" else "joint_trajectory"
    data["deployment"]["command"] |= {"interface": first, "others": [other]}
    limit = next(each for each in data["deployment"]["limits"] if each["name"] == name)
    limit["squeeze"] = squeeze
    with pytest.raises(UserError, match=f"squeeze.*{legal}"):
        contract_from_text(yaml.safe_dump(data))
    limit.pop("squeeze")
    without = contract_from_text(yaml.safe_dump(data))
    assert without.interface_hash == load_contract("gripper_arm_tracked").interface_hash


def test_each_robot_of_ours_that_grips_says_how_hard_it_may_press():
    names = sorted(each.stem for each in (share_folder("config") / "robots").glob("*.yaml"))
    joints = {name: _gripper_joints(load_contract(name)) for name in names}
    assert len([name for name in names if joints[name]]) >= 3
    for name in names:
        limits = {limit.name: limit.squeeze for limit in load_contract(name).deployment.limits}
        assert all(limits[joint] is not None for joint in joints[name]), name


def _gripper_joints(contract: Contract) -> list[str]:
    return [joint.name for gripper in grippers(contract.interface.action) for joint in gripper.joints]
