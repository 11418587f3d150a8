"""`world-model new-robot`: a contract that loads, with everything that was guessed marked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from world_model_ros.cli import main
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.drafting.placeholders import marks
from world_model_ros.core.installation.share_folder import share_folder
from world_model_ros.kinematics.arm import ArmKinematics

ARM = share_folder("config") / "robots" / "tabletop_arm.urdf"
LIMITS = '<limit lower="-2" upper="2" velocity="1" effort="5"/>'


def link_chain(*joints: tuple[str, str, str]) -> str:
    """A URDF of joints (name, kind, limit) in a row, each 0.3 m from the last."""
    text = "".join(f'<link name="l{i}"/>' for i in range(len(joints) + 1))
    for i, (name, kind, limit) in enumerate(joints):
        text += (
            f'<joint name="{name}" type="{kind}"><origin xyz="0.3 0 0"/><axis xyz="0 {i % 2} {1 - i % 2}"/>'
            f'<parent link="l{i}"/><child link="l{i + 1}"/>{limit}</joint>'
        )
    return f'<robot name="9 lives">{text}</robot>'


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "chain.urdf"
    joints = [
        ("yaw", "continuous", ""),
        ("on", "revolute", LIMITS),
        ("slide, left", "prismatic", ""),
        ("j", "revolute", ""),
    ]
    path.write_text(link_chain(*joints), encoding="utf-8")
    return path


def test_what_the_urdf_says_is_in_the_contract(tmp_path, capsys):
    out = tmp_path / "mine.yaml"
    assert main(["new-robot", "--urdf", str(ARM), "--tip", "fingertip", "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    contract, shipped = load_contract(out), load_contract("tabletop_arm")
    assert contract.joint_names == shipped.joint_names
    np.testing.assert_array_equal(contract.limits().lower, shipped.limits().lower)
    np.testing.assert_array_equal(contract.limits().velocity, shipped.limits().velocity)
    assert contract.interface.action.link == "fingertip"
    low, high = np.array(contract.interface.action.workspace_m).T
    tip = ArmKinematics(contract).tip(np.array([0.3, -1.2, 1.6, -1.9, -1.57, 0.0]))[0]
    assert (low < tip).all()
    assert (tip < high).all()
    assert said["launch"].startswith("ros2 launch world_model_ros bringup.launch.py robot:=")
    assert str(out) in said["launch"]


def test_every_guess_is_marked_listed_and_gone_when_the_comment_is(tmp_path, capsys):
    out = tmp_path / "mine.yaml"
    main(["new-robot", "--urdf", str(ARM), "--out", str(out), "--json"])
    listed = json.loads(capsys.readouterr().out)["fill_in"]
    assert main(["check", str(out), "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    open_points = [each for each in checks if not each["fits"]]
    assert [each["what"] for each in open_points] == [f"line {each['line']}" for each in listed]
    words = " ".join(each["what"] for each in listed)
    for unknown in ("topic", "camera", "rate", "senses", "jerk", "stands around"):
        assert unknown in words
    lines = out.read_text(encoding="utf-8").splitlines()
    out.write_text("\n".join(line.split("# fill in:")[0] for line in lines), encoding="utf-8")
    assert main(["check", str(out)]) == 0


def test_commented_senses_and_targets_are_legal_once_uncommented(tmp_path):
    out = tmp_path / "mine.yaml"
    main(["new-robot", "--urdf", str(ARM), "--tip", "fingertip", "--out", str(out)])
    keys = ("{kind:", "{name:", "targets:", "labels:", "collision:", "obstacles:", "clouds:", "- {name")
    lines = []
    for line in out.read_text(encoding="utf-8").splitlines():
        bare = line.replace("# ", "", 1)
        lines.append(bare if line.strip().startswith("# ") and bare.strip().lstrip("- ").startswith(keys) else line)
    text = "\n".join(lines).replace("  targets:\n  labels", "  labels")
    out.write_text(text, encoding="utf-8")
    contract = load_contract(out)
    assert {stream.kind for stream in contract.interface.streams} == {
        "camera",
        "microphone",
        "taxels",
        "wrench",
        "joints",
    }
    assert [target.name for target in contract.interface.targets] == ["fingertip", "object_0"]
    assert [label.topic for label in contract.deployment.labels] == ["labels/object_0/pose"]
    assert contract.deployment.gate.obstacles[0].name == "table"
    assert contract.deployment.gate.clouds[0].name == "front"


def test_a_draft_says_what_a_label_is_where_it_comes_from_and_when_it_is_needed(tmp_path):
    out = tmp_path / "mine.yaml"
    main(["new-robot", "--urdf", str(ARM), "--tip", "fingertip", "--out", str(out)])
    deployment = out.read_text(encoding="utf-8").partition("\ndeployment:")[2]
    about = deployment[deployment.index("# A label is") : deployment.index("# labels:")]
    for words in ("the true pose of an object", "from a tracker", "Training", "the running brain reads none"):
        assert words in about


def test_joints_without_limits_get_marked_guesses(chain, tmp_path, capsys):
    out = tmp_path / "chain.yaml"
    assert main(["new-robot", "--urdf", str(chain), "--out", str(out), "--json"]) == 0
    contract = load_contract(out)
    assert contract.name == "robot_9_lives"
    assert contract.joint_names == ("yaw", "on", "slide, left", "j")
    assert [joint.unit for joint in contract.interface.joints] == ["rad", "rad", "m", "rad"]
    guessed = {
        yaml.safe_load(each.text)[0]["name"]: each.words
        for each in marks(contract.text)
        if "name: " in each.text and "position" in each.text
    }
    assert set(guessed) == {"yaw", "slide, left", "j"}
    assert "continuous" in guessed["yaw"]
    assert contract.deployment.urdf == "chain.urdf"


def test_a_joint_without_limit_element_is_said_to_be_refused_by_others(chain, tmp_path, capsys):
    assert main(["new-robot", "--urdf", str(chain), "--out", str(tmp_path / "chain.yaml")]) == 0
    assert "no <limit> in the URDF: slide, left, j;" in capsys.readouterr().out


def test_a_continuous_joint_can_carry_the_fingertip(tmp_path):
    chain, out = tmp_path / "chain.urdf", tmp_path / "chain.yaml"
    joints = [("yaw", "continuous", ""), *((name, "revolute", LIMITS) for name in "abc")]
    chain.write_text(link_chain(*joints), encoding="utf-8")
    assert main(["new-robot", "--urdf", str(chain), "--out", str(out), "--tip", "l4", "--tick-hz", "5"]) == 0
    arm = ArmKinematics(load_contract(out))
    position, _ = arm.tip(np.array([np.pi / 2, 0.0, 0.0, 0.0]))
    np.testing.assert_allclose(position, [0.3, 0.9, 0.0], atol=1e-9)


def test_a_hand_beyond_the_tip_and_joints_to_spare_are_asked_about(tmp_path, capsys):
    """Seven joints, one more than a pose takes, and a finger that does not move the tip."""
    urdf, out = tmp_path / "arm.urdf", tmp_path / "arm.yaml"
    slide = '<limit lower="0" upper="0.04" velocity="0.2" effort="5"/>'
    joints = [*((name, "revolute", LIMITS) for name in "abcdefg"), ("finger", "prismatic", slide)]
    urdf.write_text(link_chain(*joints), encoding="utf-8")
    words = ["new-robot", "--urdf", str(urdf), "--out", str(out), "--cameras", "front", "--json"]
    assert main([*words, "--tip", "l7"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert not any("camera" in note for note in said["notes"])
    asked = [each["what"] for each in said["fill_in"]]
    assert any(each.startswith("rest:") for each in asked)
    assert any("another controller" in each for each in asked)
    contract = load_contract(out)
    assert [limit.rest for limit in contract.deployment.limits] == [0.0] * 7 + [None]

    lines = out.read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.strip() == "# others:")
    lines[begin : begin + 4] = [line.replace("# ", "", 1) for line in lines[begin : begin + 4]]
    out.write_text("\n".join(lines), encoding="utf-8")
    contract = load_contract(out)
    arm, hand = contract.deployment.command.controllers(contract.joint_names)
    assert (arm.joints, hand.joints) == (list("abcdefg"), ["finger"])

    assert main([*words, "--force"]) == 0  # without a tip joints are the action, the finger's among them
    contract = load_contract(out)
    assert contract.interface.action.bounds == pytest.approx((0.1,) * 7 + (0.02,))  # of turning joints and of slides
    assert "others" not in contract.text


def test_a_urdf_that_is_linked_beside_the_contract_is_named_as_it_is_linked(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "near").mkdir()
    (tmp_path / "far" / "arm.urdf").write_text(link_chain(("j", "revolute", LIMITS)), encoding="utf-8")
    link, out = tmp_path / "near" / "robot.urdf", tmp_path / "near" / "mine.yaml"
    link.symlink_to(tmp_path / "far" / "arm.urdf")
    assert main(["new-robot", "--urdf", str(link), "--out", str(out)]) == 0
    assert load_contract(out).deployment.urdf == "robot.urdf"
    (tmp_path / "elsewhere").mkdir()
    away = tmp_path / "elsewhere" / "mine.yaml"
    assert main(["new-robot", "--urdf", str(link), "--out", str(away)]) == 0
    assert load_contract(away).deployment.urdf == str((tmp_path / "far" / "arm.urdf").resolve())


def test_joints_are_chosen_by_pattern(tmp_path, capsys):
    out = tmp_path / "wrist.yaml"
    assert main(["new-robot", "--urdf", str(ARM), "--joints", "wrist_*,elbow_joint", "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["joints"] == ["elbow_joint", "wrist_1_joint", "wrist_2_joint", "wrist_3_joint"]
    assert "left out: shoulder_pan_joint, not asked for" in said["notes"]


def test_missing_meshes_are_named(tmp_path, capsys):
    path = tmp_path / "meshes.urdf"
    mesh = '<collision><geometry><mesh filename="package://gone/a.stl"/></geometry></collision>'
    path.write_text(
        link_chain(("j", "revolute", LIMITS)).replace('<link name="l0"/>', f'<link name="l0">{mesh}</link>')
    )
    assert main(["new-robot", "--urdf", str(path), "--out", str(tmp_path / "m.yaml"), "--json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert any("package://gone/a.stl" in note for note in notes)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--joints", "gripper_*"], "shoulder_pan_joint"),
        (["--tip", "hand"], "fingertip"),
        (["--tip", "pedestal"], "fingertip"),
        (["--base", "world"], "base_link"),
        (["--base", "fingertip"], "a link that the joints do not move, such as base_link"),
        (["--tick-hz", "0"], "0.1 to 100"),
        (["--out", "mine.txt"], ".yaml"),
    ],
)
def test_a_mistake_names_what_is_legal(more, named, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new-robot", "--urdf", str(ARM), *more]) == 2
    assert named in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_kept(tmp_path, capsys):
    out = tmp_path / "mine.yaml"
    out.write_text("mine", encoding="utf-8")
    assert main(["new-robot", "--urdf", str(ARM), "--out", str(out)]) == 2
    assert out.read_text(encoding="utf-8") == "mine"
    assert "--force" in capsys.readouterr().err


def test_check_says_where_contract_and_urdf_differ(tmp_path, capsys):
    out = tmp_path / "mine.yaml"
    main(["new-robot", "--urdf", str(ARM), "--out", str(out)])
    text = out.read_text(encoding="utf-8")
    out.write_text(
        text.replace("elbow_joint, unit: rad", "elbow_joint, unit: m").replace("wrist_3_joint", "wrist_4_joint")
    )
    capsys.readouterr()
    assert main(["check", str(out), "--json"]) == 1
    checks = {each["what"]: each["error"] for each in json.loads(capsys.readouterr().out)["checks"]}
    assert "expected rad" in checks["joint elbow_joint"]
    assert "wrist_3_joint" in checks["joint wrist_4_joint"]
    assert checks["joint wrist_1_joint"] is None


def test_a_depth_camera_of_the_urdf_is_drafted_as_one(tmp_path, capsys):
    urdf, out = tmp_path / "arm.urdf", tmp_path / "arm.yaml"
    text = link_chain(*((name, "revolute", LIMITS) for name in "abc"))
    sensor = '<gazebo reference="l2"><sensor type="rgbd_camera" name="eye"/></gazebo>'
    optical = '<link name="hand_depth_optical_frame"/><joint name="hand" type="fixed"><parent link="l3"/>'
    optical += '<child link="hand_depth_optical_frame"/></joint>'
    urdf.write_text(text.replace("</robot>", f"{sensor}{optical}</robot>"), encoding="utf-8")
    words = ["new-robot", "--urdf", str(urdf), "--out", str(out), "--json"]
    assert main(words) == 0
    found = {each.name: each.kind for each in load_contract(out).interface.streams}
    assert found == {"l2": "camera", "l2_depth": "depth", "hand_depth_optical_frame": "depth", "joints": "joints"}
    capsys.readouterr()
    assert main([*words, "--force", "--depths", "wrist_depth"]) == 0
    said = json.loads(capsys.readouterr().out)
    contract = load_contract(out)
    assert [each.name for each in contract.interface.streams if each.kind == "depth"] == ["wrist_depth"]
    assert contract.source("wrist_depth").source_shape == (480, 640)
    assert any("range that it measures in" in each["what"] for each in said["fill_in"])


def test_what_is_taken_for_a_camera_is_said_and_is_no_tip(tmp_path, capsys):
    urdf, out = tmp_path / "arm.urdf", tmp_path / "arm.yaml"
    text = link_chain(*((name, "revolute", LIMITS) for name in "abcdef"))
    fixed = '<link name="{0}"/><joint name="f {0}" type="fixed"><parent link="{1}"/><child link="{0}"/></joint>'
    camera = fixed.format("camera_link", "l5") + fixed.format("eye_optical", "camera_link")
    urdf.write_text(text.replace("</robot>", f"{camera}</robot>"), encoding="utf-8")
    words = ["new-robot", "--urdf", str(urdf), "--out", str(out), "--force"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{out}: 6 joints, positions in l0; for --tip there is l6"
    assert "  taken for cameras by name or sensor: eye_optical; --cameras names others" in lines
    assert main([*words, "--tip", "l6", "--cameras", "eye"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{out}: 6 joints, positions in l0"
    assert not [line for line in lines if "names others" in line or "says where a camera is" in line]


def test_a_urdf_whose_cameras_are_not_known_gets_one_and_the_links_that_may_be_it(tmp_path, capsys):
    urdf, out = tmp_path / "arm.urdf", tmp_path / "arm.yaml"
    text = link_chain(*((name, "revolute", LIMITS) for name in "abc")).replace("l3", "hand_cam")
    urdf.write_text(text, encoding="utf-8")
    assert main(["new-robot", "--urdf", str(urdf), "--out", str(out), "--json"]) == 0
    (note,) = (note for note in json.loads(capsys.readouterr().out)["notes"] if "camera" in note)
    assert "(hand_cam may be one)" in note
    assert "arm.yaml has one called 'camera'; name yours with --cameras, or delete both lines of it" in note
    assert sum("camera" in line.partition("#")[0] for line in out.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "my arm"], "name: got 'my arm'; expected letters, digits and _, a letter first, as my_arm"),
        (["--name", "7th"], "name: got '7th'; expected letters, digits and _, a letter first, as robot_7th"),
        (["--cameras", "front,left-eye"], "cameras: got 'left-eye'; expected letters, digits and _"),
        (["--cameras", "eye,eye"], "cameras: got 'eye'; expected a name that nothing else has"),
        (["--depths", "d\u00e9pth"], "depths: got 'd\u00e9pth'; expected letters, digits and _"),
        (["--cameras", "eye", "--depths", "eye"], "depths: got 'eye'; expected a name that nothing else has"),
    ],
)
def test_a_name_that_was_asked_for_is_taken_as_it_is_or_refused(words, said, chain, tmp_path, capsys):
    out = tmp_path / "chain.yaml"
    assert main(["new-robot", "--urdf", str(chain), "--out", str(out), *words]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_name_of_the_urdf_that_is_another_in_the_contract_is_said(tmp_path, capsys):
    urdf, out = tmp_path / "arm.urdf", tmp_path / "arm.yaml"
    text = link_chain(("a", "revolute", LIMITS))
    sensors = "".join(
        f'<gazebo reference="{link}"><sensor type="{kind}" name="s"/></gazebo>'
        for link, kind in (("l0", "rgbd_camera"), ("eye 2", "camera"))
    )
    fixed = '<link name="eye 2"/><joint name="f" type="fixed"><parent link="l1"/><child link="eye 2"/></joint>'
    urdf.write_text(text.replace("</robot>", f"{fixed}{sensors}</robot>"), encoding="utf-8")
    assert main(["new-robot", "--urdf", str(urdf), "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    names = [stream.name for stream in load_contract(out).interface.streams]
    assert (said["robot"], sorted(names)) == ("robot_9_lives", ["eye_2", "joints", "l0", "l0_depth"])
    renamed = [note for note in said["notes"] if note.startswith("named ")]
    assert sorted(renamed) == [
        "named eye_2 in the contract: 'eye 2' of the URDF",
        "named l0_depth in the contract: 'l0' of the URDF",
        "named robot_9_lives in the contract: '9 lives' of the URDF",
    ]
