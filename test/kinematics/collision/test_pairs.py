"""Which parts of a robot are kept apart, against an enumeration by names that knows neither Pinocchio nor Coal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from blocks import any_robot, gripper_on_a_lift

from world_model_ros.bench.gate.checker import World
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.assumed_rest import tell_standing
from world_model_ros.gate.factory import gate_for
from world_model_ros.kinematics.collision.distances import PairDistances


def named(pairs) -> set[frozenset[str]]:
    """Pairs of links: Pinocchio calls the first box of a link `link_0`."""
    return {
        frozenset(name if name.startswith("obstacle ") else name.removesuffix("_0") for name in pair) for pair in pairs
    }


def judged(contract: Contract) -> set[frozenset[str]]:
    """What the judge of `bench gate` measures."""
    boxes = [obstacle.name for obstacle in contract.deployment.gate.obstacles]
    pairs = World(contract, list(contract.joint_names)).pairs
    return named([tuple(f"obstacle {name}" if name in boxes else name for name in pair) for pair in pairs])


@pytest.mark.parametrize("seed", range(8))
def test_the_gate_and_its_judge_watch_the_pairs_that_can_meet_and_no_others(seed: int, tmp_path: Path) -> None:
    robot = any_robot(seed)
    contract, expected = robot.contract(tmp_path), robot.why_not()
    watched = {pair for pair, why in expected.items() if why is None}
    assert sum(why == "touch" for why in expected.values()) > 2, "or the test would see nothing"
    distances = PairDistances(contract)
    assert named(distances.pairs) == watched
    assert named(distances.touching) == {pair for pair, why in expected.items() if why == "touch"}
    assert judged(contract) == watched


@pytest.mark.parametrize("seed", range(4))
def test_the_gate_and_its_judge_measure_the_same_wherever_the_joints_are(seed: int, tmp_path: Path) -> None:
    """With joints that mimic others which mimic, and joints that the contract leaves at 0."""
    robot, random = any_robot(seed), np.random.default_rng(seed)
    contract = robot.contract(tmp_path)
    distances, world = PairDistances(contract), World(contract, list(contract.joint_names))
    for position in random.uniform(-robot.reach, robot.reach, (20, len(robot.joints))):
        seen = distances.measure(position, np.arange(len(distances.pairs))).min()
        assert seen == pytest.approx(world.nearest(position), abs=1e-6)


def test_all_of_a_gripper_whose_parts_touch_each_other_is_kept_off_the_table(tmp_path: Path) -> None:
    robot = gripper_on_a_lift()
    contract, expected = robot.contract(tmp_path), robot.why_not()
    touching = {pair for pair, why in expected.items() if why == "touch"}
    assert len(touching) == 6
    watched = named(PairDistances(contract).pairs)
    assert {frozenset((block.name, "obstacle table")) for block in robot.blocks if block.size is not None} <= watched
    assert not touching & watched, "or the gripper could not move"
    assert watched == judged(contract) == {pair for pair, why in expected.items() if why is None}


def driven(contract: Contract, joint: int, velocity: float, cycles: int) -> float:
    """Where a joint gets to from 0 when the gate is told ten times a second to move it at ``velocity``."""
    gate, names = gate_for(contract), contract.joint_names
    now_ns, position = 1_700_000_000 * 10**9, np.zeros(len(names))
    tell_standing(gate, position, now_ns)
    assert gate.arm(now_ns) is None
    moving = velocity * np.eye(len(names))[joint]
    for cycle in range(cycles):
        if cycle % 10 == 0:
            path = np.array([position, position + moving, position + 1.15 * moving])
            speeds = np.array([moving, moving, 0 * moving])
            command = Trajectory(names, np.array([0.0, 1.0, 1.3]), path, speeds, now_ns)
            assert gate.command(now_ns, command) is None
        now_ns += 10_000_000
        gate.joint_state(now_ns, position, np.zeros(len(names)))
        position = gate.step(now_ns).reference.position
    return float(position[joint])


def test_a_gripper_whose_parts_touch_each_other_closes_and_stops_above_the_table(tmp_path: Path) -> None:
    contract = gripper_on_a_lift().contract(tmp_path)
    assert contract.joint_names == ("lift_joint", "wrist_joint", "left_outer_knuckle_joint")
    assert driven(contract, 2, -0.3, 150) < -0.2, "its own linkage does not hold it"
    lowest = min(obstacle.position_m[2] for obstacle in contract.deployment.gate.obstacles) + 0.05
    pads_m = 0.5 - 0.08 - 0.03 - 0.03 - 0.05 - 0.05 - 0.02  # their lower edge with the lift at 0
    reached_m = pads_m + driven(contract, 0, -0.2, 400)
    assert lowest + 0.004 < reached_m < lowest + 0.02, "stop_m is 5 mm"


SRDF = """<robot name="made"><group name="arm"/>
<disable_collisions link1="left_pad" link2="right_pad" reason="User"/>
<disable_default_collisions link="camera"/>
<enable_collisions link1="camera" link2="left_pad"/>{}
</robot>"""
EXCLUDED = {
    frozenset(pair) for pair in (("left_pad", "right_pad"), ("left_inner_finger", "lift"), ("camera", "obstacle table"))
}


def test_what_the_srdf_and_the_contract_exclude_is_not_watched_by_gate_and_judge(tmp_path: Path) -> None:
    robot = gripper_on_a_lift()
    (tmp_path / "made.srdf").write_text(SRDF.format(""))
    more = ", srdf: made.srdf, exclude: [[lift, left_inner_finger], [table, camera]]"
    contract, expected = robot.contract(tmp_path, more), robot.why_not()
    by_default = {pair for pair in expected if "camera" in pair and not pair & {"left_pad", "obstacle table"}}
    watched = {pair for pair, why in expected.items() if why is None} - EXCLUDED - by_default
    distances = PairDistances(contract)
    assert named(distances.pairs) == judged(contract) == watched
    assert frozenset(("camera", "left_pad")) in watched
    why = {frozenset((pair.first, pair.second)): pair.why for pair in distances.left_out}
    assert why[frozenset(("left_pad_0", "right_pad_0"))] == "SRDF: User"
    assert why[frozenset(("camera_0", "right_pad_0"))] == "SRDF: disabled by default"
    assert why[frozenset(("left_inner_finger_0", "lift_0"))] == "deployment.gate.collision.exclude"


@pytest.mark.parametrize(
    ("more", "srdf", "field", "value"),
    [
        (", exclude: [[lift, left_pd]]", "", "deployment.gate.collision.exclude[0]", "left_pd"),
        (", exclude: [[lift, camera], [camera, tabel]]", "", "deployment.gate.collision.exclude[1]", "tabel"),
        (", exclude: [[lift, lift]]", "", "deployment.gate.collision", "lift"),
        (", exclude: [[lift]]", "", "deployment.gate.collision.exclude[0]", "lift"),
        (", srdf: none.srdf", "", "deployment.gate.collision.srdf", "none.srdf"),
        (", srdf: made.srdf", "<robot", "deployment.gate.collision.srdf", "made.srdf"),
        (", srdf: made.srdf", "<sdf/>", "deployment.gate.collision.srdf", "<sdf>"),
        (
            ", srdf: made.srdf",
            '<robot xmlns:xacro="http://wiki.ros.org/xacro"><xacro:include filename="a"/></robot>',
            "deployment.gate.collision.srdf",
            "xacro",
        ),
        (
            ", srdf: made.srdf",
            '<robot name="made"><disable_collisions link1="lift" link2="gone" reason="Never"/></robot>',
            "deployment.gate.collision.srdf: disable_collisions: link2",
            "gone",
        ),
        (
            ", srdf: made.srdf",
            '<robot name="made"><disable_default_collisions/></robot>',
            "deployment.gate.collision.srdf: disable_default_collisions: link",
            "None",
        ),
    ],
)
def test_a_wrong_exclusion_is_an_error_that_names_field_value_and_what_is_legal(
    more: str, srdf: str, field: str, value: str, tmp_path: Path
) -> None:
    (tmp_path / "made.srdf").write_text(srdf)
    with pytest.raises(UserError) as error:
        PairDistances(gripper_on_a_lift().contract(tmp_path, more))
    assert field in str(error.value)
    assert value in str(error.value)
    if value in ("left_pd", "tabel", "gone"):
        assert "left_pad" in error.value.legal


def test_a_name_that_is_both_a_link_and_an_obstacle_cannot_be_excluded(tmp_path: Path) -> None:
    robot = gripper_on_a_lift()
    robot.obstacles["camera"] = ((0.1, 0.1, 0.1), (1.0, 0.0, 0.0))
    with pytest.raises(UserError, match="rename the obstacle"):
        PairDistances(robot.contract(tmp_path, ", exclude: [[camera, lift]]"))


def test_check_names_what_is_watched_and_what_is_not_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    robot = gripper_on_a_lift()
    robot.contract(tmp_path, ", exclude: [[left_pad, right_pad]]")
    assert main(["check", str(tmp_path / "robot.yaml"), "--json"]) == 0
    report, expected = json.loads(capsys.readouterr().out)["collision"], robot.why_not()
    watched = named([(pair["first"], pair["second"]) for pair in report["watched"]])
    assert watched == {pair for pair, why in expected.items() if why is None} - {frozenset(("left_pad", "right_pad"))}
    assert len(watched) + len(report["left_out"]) == len(expected)
    assert report["without_geometry"] == ["wrist"]
    for pair in report["too_near"]:
        assert pair["at_zero_m"] < 0.005
    assert main(["check", str(tmp_path / "robot.yaml")]) == 0
    said = capsys.readouterr().out
    assert "left_pad with" in said
    assert "obstacle table" in said
    for words in (
        "neighbours",
        "touch when every joint is at 0",
        "deployment.gate.collision.exclude): left_pad and right_pad",
    ):
        assert words in said


def test_check_says_what_is_so_near_at_zero_that_it_may_only_go_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    robot = gripper_on_a_lift()
    robot.contract(tmp_path)
    assert main(["check", str(tmp_path / "robot.yaml")]) == 0
    assert "only go apart" not in capsys.readouterr().out
    next(block for block in robot.blocks if block.name == "left_pad").size = (0.02, 0.146, 0.04)
    robot.contract(tmp_path)
    assert main(["check", str(tmp_path / "robot.yaml")]) == 0
    said = capsys.readouterr().out
    assert "left_pad and right_pad are 2.0 mm apart" in said  # by the names that a contract takes
    assert "exclude: [left_pad, right_pad] if that is how they are built" in said
    robot.contract(tmp_path, ", exclude: [[left_pad, right_pad]]")
    assert main(["check", str(tmp_path / "robot.yaml")]) == 0
    assert "left_pad and right_pad are" not in capsys.readouterr().out
