"""`world-model check CONTRACT`: what does not fit the URDF, as far as can be said without the robot."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from world_model_ros.check.contract_fit import check_contract
from world_model_ros.cli import main
from world_model_ros.contract.contract import contract_from_text, known_robots, load_contract
from world_model_ros.core.installation.share_folder import share_folder

ROBOTS = share_folder("config") / "robots"
TEXT = (ROBOTS / "tabletop_arm.yaml").read_text(encoding="utf-8")
BOX = "[[0.28, 0.72], [-0.32, 0.32], [0.03, 0.03]]"


def wrong(text: str, folder: Path = ROBOTS) -> dict[str, str]:
    found = check_contract(contract_from_text(text, folder=folder))
    return {each.what: each.wrong for each in found if each.wrong is not None}


@pytest.mark.parametrize("robot", known_robots())
def test_the_robots_of_the_package_have_nothing_wrong_and_nothing_to_note(robot: str) -> None:
    found = check_contract(load_contract(robot))
    assert [each for each in found if each.wrong is not None or each.note is not None] == []
    tips = load_contract(robot).interface.action.tips
    assert {f"workspace of {tip.link}" for tip in tips} <= {each.what for each in found}
    assert sum(each.what.startswith("tool down at ") for each in found) == len(tips)


@pytest.mark.parametrize(
    ("box", "axis", "value"),
    [
        ("[[3.28, 3.72], [-0.32, 0.32], [0.03, 0.03]]", "x", "[3.28, 3.72]"),
        ("[[0.28, 0.72], [-320, -31], [0.03, 0.03]]", "y", "[-320.0, -31.0]"),
        ("[[0.28, 0.72], [-0.32, 0.32], [30, 30]]", "z", "[30.0, 30.0]"),
    ],
)
def test_a_workspace_that_the_tip_never_comes_to_is_named_with_what_it_reaches(box: str, axis: str, value: str) -> None:
    assert TEXT.count(f"workspace_m: {BOX}") == 1
    said = wrong(TEXT.replace(BOX, box))
    assert list(said) == ["workspace of fingertip"]
    assert (
        f"interface.action: workspace_m: got {value}; expected along {axis} some of" in said["workspace of fingertip"]
    )


def test_a_workspace_that_goes_beyond_what_the_tip_reaches_is_legal() -> None:
    assert wrong(TEXT.replace(BOX, "[[0.28, 9], [-9, 9], [0.03, 0.03]]")) == {}


def test_an_arm_with_too_few_joints_for_a_pose_is_told_to_displace_joints(tmp_path: Path, capsys) -> None:
    """A pan, a shoulder, an elbow and a wrist: the tool's x axis follows the pan."""
    limit = '<limit lower="-2.5" upper="2.5" velocity="1" effort="9"/>'
    links = "".join(f'<link name="l{i}"/>' for i in range(5))
    joints = "".join(
        f'<joint name="j{i}" type="revolute"><parent link="l{i}"/><child link="l{i + 1}"/>'
        f'<origin xyz="{0.3 * (i > 1)} 0 {0.2 * (i == 1)}"/><axis xyz="0 {int(i > 0)} {int(i == 0)}"/>{limit}</joint>'
        for i in range(4)
    )
    (tmp_path / "four.urdf").write_text(f'<robot name="four">{links}{joints}</robot>', encoding="utf-8")
    out = tmp_path / "four.yaml"
    found = "tool down at l4: 0 of 27 places of the workspace can be reached with the tool down and its x axis along"
    assert main(["new-robot", "--urdf", str(tmp_path / "four.urdf"), "--tip", "l4", "--out", str(out)]) == 0
    assert found in capsys.readouterr().out
    assert main(["check", str(out)]) == 1
    (line,) = (line for line in capsys.readouterr().out.splitlines() if found in line)
    assert "4 joints cannot choose place and direction at once" in line
    assert line.endswith(
        "take an action of kind joint_displacement, as `world-model new-robot` writes it without --tip"
    )


def noted(text: str) -> dict[str, str]:
    found = check_contract(contract_from_text(text, folder=ROBOTS))
    return {each.what: each.note for each in found if each.note is not None}


@pytest.mark.parametrize(
    ("old", "limit", "told"),
    [
        ("position: [-3.1, 3.1]", "position: [-9.0, 3.0]", "position [-9.0, 3.0] goes beyond the URDF's [-3.1, 3.1]; "),
        ("velocity: 2.0", "velocity: 40.0", "velocity 40 is more than the URDF's 2; 2 counts"),
        ("effort: 150.0", "effort: 4000.0", "effort 4000 is more than the URDF's 150; 150 counts"),
    ],
)
def test_a_limit_beyond_the_urdf_is_noted_with_both_numbers(old: str, limit: str, told: str) -> None:
    row = next(line for line in TEXT.splitlines() if "{name: shoulder_pan_joint, position" in line)
    assert row.count(old) == 1
    said = noted(TEXT.replace(row, row.replace(old, limit)))
    assert list(said) == ["deployment.limits: shoulder_pan_joint"]
    assert said["deployment.limits: shoulder_pan_joint"].startswith(told)


def test_a_bound_that_the_velocity_limits_do_not_allow_in_a_tick_is_noted_with_both_numbers(tmp_path, capsys) -> None:
    limits = contract_from_text(TEXT, folder=ROBOTS).limits()
    can = (0.1 * limits.velocity).tolist()
    action = f"  action: {{kind: joint_displacement, joints: [{', '.join(limits.names)}], bound: BOUND}}\n"
    text = re.sub(r"  action:\n(    .*\n)+", action, TEXT.partition("\nsimulation:")[0] + "\n")
    text = text.replace("    - {name: fingertip, kind: fingertip, link: fingertip}\n", "")
    text = text.replace("urdf: tabletop_arm.urdf", f"urdf: {ROBOTS / 'tabletop_arm.urdf'}")
    assert not [what for what in noted(text.replace("BOUND", str(can))) if what.startswith("action of")]
    said = noted(text.replace("BOUND", str([15 * can[0], *can[1:]])))
    assert [what for what in said if what.startswith("action of")] == ["action of shoulder_pan_joint"]
    told = f"bound {15 * can[0]:g} rad a tick is 15 times the {can[0]:.2g} rad that the velocity limits allow"
    assert said["action of shoulder_pan_joint"].startswith(told)
    (tmp_path / "arm.yaml").write_text(text.replace("BOUND", "9.0"), encoding="utf-8")
    main(["check", str(tmp_path / "arm.yaml")])
    assert "note: action of shoulder_pan_joint, shoulder_lift_joint: bound 9 rad" in capsys.readouterr().out


def test_a_bound_of_a_fingertip_that_no_posture_allows_is_noted() -> None:
    assert not [what for what in noted(TEXT) if what.startswith("action of")]
    said = noted(re.sub(r"bound_m: \S+", "bound_m: 5.0", TEXT, count=1))
    assert said["action of fingertip"].startswith("bound 5 m a tick is ")


def test_a_link_that_is_not_there_is_not_said_of_the_workspace_too() -> None:
    said = wrong(TEXT.replace("link: fingertip", "link: finger"))
    assert "action" in said
    assert not [what for what in said if what.startswith("workspace")]


def test_one_cause_is_one_line_with_the_names_of_all_that_it_spoils(tmp_path: Path, capsys) -> None:
    """The URDF of another robot: neither joints nor links are in it."""
    other = ROBOTS / "humanoid_upper_body.urdf"
    assert TEXT.count("urdf: tabletop_arm.urdf") == 1
    (tmp_path / "arm.yaml").write_text(TEXT.replace("urdf: tabletop_arm.urdf", f"urdf: {other}"), encoding="utf-8")
    assert main(["check", str(tmp_path / "arm.yaml")]) == 1
    lines = capsys.readouterr().out.splitlines()
    joints = ", ".join(load_contract("tabletop_arm").joint_names)
    (line,) = (line for line in lines if line.startswith("  joint "))
    assert line.startswith(f"  joint {joints}: interface.joints: got '<name>'; expected a joint of the URDF: [")
    assert line.count("; the closest: shoulder_pan_joint 'left_") == 1
    assert sum("expected joints of the URDF" in line for line in lines) == 1
    assert main(["check", str(tmp_path / "arm.yaml"), "--json"]) == 1
    assert sum(not check["fits"] for check in json.loads(capsys.readouterr().out)["checks"]) > 6


@pytest.mark.parametrize(
    ("field", "what", "said"),
    [
        ("{topic: ready, type: std_msgs/msg/Boool}", "driver ready", "type: got 'std_msgs/msg/Boool'; expected a type"),
        ("{topic: ready, type: std_msgs/msg/Bool, field: date}", "driver ready", "field: got 'date'; expected one of"),
        ("{topic: ready, type: std_msgs/msg/Int8}", "driver ready", "values: got [True]; expected of type int"),
    ],
)
def test_a_field_of_the_driver_that_no_message_has_is_named(field: str, what: str, said: str) -> None:
    text = TEXT.replace("deployment:", f"deployment:\n  driver: {{ready: [{field}]}}", 1)
    found = wrong(text)
    assert list(found) == [what]
    assert f"deployment.driver: ready: {said}" in found[what]


def test_a_field_of_the_driver_whose_package_is_not_here_is_a_note() -> None:
    scaling = "speed_scaling: {topic: s, type: their_msgs/msg/Speed}"
    text = TEXT.replace(
        "deployment:", f"deployment:\n  driver: {{{scaling}, ready: [{{topic: r, type: std_msgs/msg/Bool}}]}}", 1
    )
    found = {each.what: each for each in check_contract(contract_from_text(text, folder=ROBOTS))}
    assert found["driver r"].wrong is None
    assert found["driver s"].wrong is None
    assert (
        found["driver s"].note == "their_msgs/msg/Speed was not looked at: the package their_msgs is not installed here"
    )


def test_a_stream_of_a_message_type_that_it_cannot_be_read_from_is_named() -> None:
    found = wrong(TEXT.replace("sensor_msgs/msg/JointState", "sensor_msgs/msg/JointStat"))
    assert any("type: got 'sensor_msgs/msg/JointStat'" in each for each in found.values())
    assert all(what.startswith("stream ") for what in found)
