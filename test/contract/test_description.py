"""A URDF is read whole or refused with the place and what is legal there."""

from __future__ import annotations

from pathlib import Path

import pytest

from world_model_ros.contract.urdf.description import Description, read_description
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder

LIMIT = '<limit lower="-1" upper="1" velocity="2" effort="3"/>'


def joint(name: str, parent: str, child: str, kind: str = "revolute", inside: str = LIMIT) -> str:
    return f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>{inside}</joint>'


def urdf(*joints: str, links: str = "abcd", extra: str = "") -> str:
    named = "".join(f'<link name="{link}"/>' for link in links)
    return f'<robot name="r">{named}{"".join(joints)}{extra}</robot>'


def read(tmp_path: Path, text: str) -> Description:
    path = tmp_path / "r.urdf"
    path.write_text(text, encoding="utf-8")
    return read_description(path)


def test_joints_come_in_the_order_of_the_chain_not_of_the_file(tmp_path):
    text = urdf(joint("second", "b", "c"), joint("first", "a", "b"), joint("tool", "c", "d", "fixed", ""))
    found = read(tmp_path, text)
    assert [each.name for each in found.joints] == ["first", "second", "tool"]
    assert [each.name for each in found.commanded] == ["first", "second"]
    assert (found.root, found.tips(("first", "second"))) == ("a", ("d",))


def test_ends_are_those_that_the_joints_move_the_longest_chain_first(tmp_path):
    text = urdf(joint("one", "a", "b"), joint("two", "b", "c"), joint("mast", "a", "d", "fixed", ""))
    assert read(tmp_path, text).tips(("one", "two")) == ("c",)
    forked = urdf(joint("one", "a", "b"), joint("two", "b", "c"), joint("three", "a", "d"))
    assert read(tmp_path, forked).tips(("one", "two", "three")) == ("c", "d")


def test_mimic_floating_and_fixed_joints_are_not_commanded(tmp_path):
    text = urdf(
        joint("finger", "a", "b", "prismatic"),
        joint("other", "a", "c", "prismatic", LIMIT + '<mimic joint="finger"/>'),
        joint("base", "a", "d", "floating", ""),
    )
    found = read(tmp_path, text)
    assert [(each.name, each.unit) for each in found.commanded] == [("finger", "m")]
    assert {each.name: each.mimics for each in found.joints}["other"] == "finger"


@pytest.mark.parametrize(
    ("inside", "position", "velocity"),
    [
        ("", None, None),
        ('<limit velocity="2"/>', None, 2.0),
        ('<limit upper="1" velocity="2"/>', (0.0, 1.0), 2.0),  # an end that is not stated is 0
        ('<limit lower="0" upper="0" velocity="0" effort="0"/>', None, None),  # what exporters write for nothing
        (LIMIT + '<safety_controller soft_lower_limit="0" soft_upper_limit="0" k_velocity="0"/>', (-1.0, 1.0), 2.0),
        (LIMIT + '<safety_controller soft_lower_limit="-0.9" soft_upper_limit="2" k_velocity="1"/>', (-0.9, 1.0), 2.0),
        (LIMIT + '<safety_controller k_velocity="1"/>', (-1.0, 1.0), 2.0),
    ],
)
def test_a_limit_is_a_range_or_none_where_nothing_is_stated(tmp_path, inside, position, velocity):
    limit = read(tmp_path, urdf(joint("j", "a", "b", inside=inside), links="ab")).commanded[0].limit
    assert (limit.position, limit.velocity) == (position, velocity)


@pytest.mark.parametrize(
    ("kind", "inside", "named"),
    [
        ("revolute", '<limit lower="1.57" upper="-0.2" velocity="1" effort="1"/>', "lower 1.57, upper -0.2"),
        ("prismatic", '<limit lower="0.5" upper="0.5" velocity="1" effort="1"/>', "a lower limit below"),
        ("revolute", '<limit upper="-1" velocity="1" effort="1"/>', "lower 0, upper -1"),
        ("revolute", '<limit lower="-inf" upper="inf" velocity="1" effort="1"/>', "lower: got '-inf'"),
        ("revolute", '<limit lower="-1" upper="1e400" velocity="1" effort="1"/>', "upper: got '1e400'"),
        (
            "revolute",
            '<limit lower="-1" upper="9e30" velocity="1" effort="1"/>',
            "got '9e30'; expected a number below 1e+30",
        ),
        ("revolute", '<limit lower="nan" upper="1" velocity="1" effort="1"/>', "lower: got 'nan'"),
        ("revolute", '<limit lower="-1,5" upper="1,5" velocity="1" effort="1"/>', "lower: got '-1,5'"),
        ("revolute", '<limit lower="-1" upper="1_0" velocity="1" effort="1"/>', "upper: got '1_0'"),
        ("revolute", '<limit lower="-1" upper="1" velocity="-1" effort="1"/>', "velocity: got '-1'"),
        ("continuous", '<limit velocity="nan" effort="1"/>', "velocity: got 'nan'"),
        ("prismatic", '<limit lower="0" upper="1" velocity="1" effort="-5"/>', "effort: got '-5'"),
        ("revolute", '<limit lower="0" upper="1" velocity="" effort="1"/>', "velocity: got ''"),
        ("revolute", LIMIT + '<safety_controller soft_lower_limit="0.5" soft_upper_limit="-0.5"/>', "soft limits"),
        ("revolute", LIMIT + '<safety_controller soft_lower_limit="2" soft_upper_limit="3"/>', "soft limits"),
        ("revolute", LIMIT + '<safety_controller soft_upper_limit="nan"/>', "soft_upper_limit: got 'nan'"),
        ("revolute", LIMIT + '<axis xyz="0 0 0"/>', "a direction"),
        ("revolute", LIMIT + '<axis xyz="0 1"/>', "3 numbers"),
        ("revolute", LIMIT + '<origin xyz="0 nan 0"/>', "origin: xyz: got 'nan'"),
        ("fixed", '<origin rpy="0 0 1,57"/>', "origin: rpy: got '1,57'"),
    ],
)
def test_a_number_that_cannot_be_used_is_an_error_with_field_value_and_what_is_legal(tmp_path, kind, inside, named):
    with pytest.raises(UserError, match="joint j") as refused:
        read(tmp_path, urdf(joint("j", "a", "b", kind, inside), links="ab"))
    assert named in str(refused.value)


def test_limits_of_a_joint_that_does_not_move_are_not_looked_at(tmp_path):
    zeros = '<limit lower="1" upper="0" velocity="-1" effort="0"/>'
    text = urdf(joint("j", "a", "b", "fixed", zeros), joint("k", "b", "c"), links="abc")
    assert [each.name for each in read(tmp_path, text).commanded] == ["k"]


@pytest.mark.parametrize(
    ("mimic", "named"),
    [
        ('<mimic joint="gone"/>', "got 'gone'; expected a joint that moves by itself: ['x']"),
        ('<mimic joint="y"/>', "got 'y'"),
        ('<mimic joint="held"/>', "got 'held'"),
        ('<mimic joint="z"/>', "mimic: joint"),
        ('<mimic joint="x" multiplier="minus"/>', "multiplier: got 'minus'"),
        ('<mimic joint="x" offset="nan"/>', "offset: got 'nan'"),
        ("<mimic/>", "without joint"),
    ],
)
def test_a_joint_that_mimics_follows_one_that_moves_by_itself(tmp_path, mimic, named):
    text = urdf(
        joint("x", "a", "b"),
        joint("held", "a", "c", "fixed", ""),
        joint("y", "b", "d", inside=LIMIT + mimic),
        joint("z", "b", "e", inside='<mimic joint="y"/>'),
        links="abcde",
    )
    with pytest.raises(UserError, match=r"joint [yz]") as refused:
        read(tmp_path, text)
    assert named in str(refused.value)


def test_a_continuous_joint_has_no_range(tmp_path):
    assert read(tmp_path, urdf(joint("j", "a", "b", "continuous"), links="ab")).commanded[0].limit.position is None


def test_cameras_are_links_with_a_sensor_or_an_optical_frame(tmp_path):
    sensor = '<gazebo reference="c"><sensor type="camera" name="eye"/></gazebo>'
    text = urdf(joint("x", "a", "b"), joint("y", "b", "c"), joint("z", "b", "d"), extra=sensor)
    renamed = text.replace('"d"', '"head_optical_frame"')
    assert read(tmp_path, renamed).camera_frames == ("c", "head_optical_frame")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("robot: {}", "xacro FILE"),
        ("<sdf/>", "<sdf>"),
        ("<mujoco/>", "<mujoco>"),
        ('<robot name="r" xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:include filename="x"/></robot>', "xacro"),
        ('<robot name="${prefix}arm"><link name="a"/></robot>', "xacro"),
        ('<robot name="r"/>', "no links"),
        (urdf(joint("j", "a", "nowhere")), "nowhere"),
        (urdf(joint("j", "a", "b"), joint("j", "b", "c")), "joint ['j']"),
        (urdf(joint("j", "a", "b"), links="aab"), "link ['a']"),
        (urdf(joint("j", "a", "b"), joint("k", "c", "b")), "child ['b']"),
        (urdf(joint("j", "a", "b")), "['a', 'c', 'd']"),
        (urdf(joint("j", "b", "c"), joint("k", "c", "b"), links="abc"), "['j', 'k']"),
        (urdf(joint("j", "a", "b", "hinge"), links="ab"), "hinge"),
        (urdf(joint("j", "a", "b", inside='<limit lower="low"/>'), links="ab"), "low"),
        (urdf('<joint name="j" type="revolute"><parent link="a"/></joint>', links="ab"), "<child link"),
        (urdf("<joint type='revolute'/>", links="a"), "without name"),
    ],
)
def test_what_is_no_urdf_is_refused_with_the_place(tmp_path, text, named):
    with pytest.raises(UserError) as refused:
        read(tmp_path, text)
    assert named in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.urdf"):
        read_description(tmp_path / "nothing.urdf")


def test_the_arm_of_this_package(tmp_path):
    found = read_description(share_folder("config") / "robots" / "tabletop_arm.urdf")
    assert len(found.commanded) == 6
    assert found.tips(tuple(each.name for each in found.commanded)) == ("fingertip",)
