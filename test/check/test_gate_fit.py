"""What a contract tells its gate that can hardly be meant is said by `world-model check`, and what is meant is not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from world_model_ros.check.collision_pairs import collision_lines, collision_report
from world_model_ros.check.contract_fit import check_contract
from world_model_ros.check.gate_fit import gate_fit
from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.installation.share_folder import share_folder
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.factory import gate_for

ROBOTS = share_folder("config") / "robots"
TEXT = (ROBOTS / "tabletop_arm.yaml").read_text(encoding="utf-8")
TABLE = "{name: table, size_m: [1.6, 1.8, 0.1], position_m: [0.45, 0.0, -0.05]}"
STOP = "{stop_m: 0.005, slow_m: 0.012}"
FAR = "{name: table, size_m: [0.2, 0.2, 0.1], position_m: [500, 0, 200]}"
OBJECT = "[[0.33, 0.67], [-0.27, 0.27], [0.0, 0.1]]"


def arm(*changes: tuple[str, str]) -> Contract:
    """The arm with what its gate is told changed, once each."""
    head, gate = TEXT.partition("\ndeployment:")[::2]
    for old, new in changes:
        assert old in gate
        gate = gate.replace(old, new, 1)
    return contract_from_text(f"{head}\ndeployment:{gate}", folder=ROBOTS)


def said(contract: Contract) -> dict[str, str | None]:
    """Notes and mistakes, by what they are of."""
    return {what: note if wrong is None else str(wrong) for what, wrong, note in gate_fit(contract)}


def wrong(contract: Contract) -> list[str]:
    return [what for what, wrong, _ in gate_fit(contract) if wrong is not None]


def test_an_obstacle_out_of_reach_is_noted_with_the_reach_and_what_it_is_in_metres() -> None:
    contract = arm((TABLE, FAR))
    found = said(contract)
    assert list(found) == ["deployment.gate.obstacles: table"]
    note = found["deployment.gate.obstacles: table"]
    assert note is not None
    assert note.startswith("position_m [500.0, 0.0, 200.0] is 53")
    assert " m out of the robot's reach, at most 1." in note
    assert note.endswith("m in base_link are meant: [0.5, 0.0, 0.2] where these are mm")
    assert wrong(contract) == []


def test_an_obstacle_that_is_far_in_any_unit_is_noted_without_a_guess() -> None:
    note = said(arm((TABLE, "{name: table, size_m: [1.6, 1.8, 0.1], position_m: [9.0, 0.0, 0.0]}")))
    assert note["deployment.gate.obstacles: table"] is not None
    assert "where these are mm" in note["deployment.gate.obstacles: table"]  # 9 mm from the base
    note = said(arm((TABLE, "{name: table, size_m: [0.1, 0.1, 0.1], position_m: [999.0, 999.0, 999.0]}")))
    assert "where these are mm" not in str(note["deployment.gate.obstacles: table"])


def test_an_obstacle_that_is_within_reach_is_not_noted() -> None:
    assert said(arm((TABLE, "{name: table, size_m: [0.1, 0.1, 0.1], position_m: [1.0, 0.0, 0.2]}"))) == {}


def test_a_box_of_a_cloud_out_of_reach_is_noted() -> None:
    cloud = "    clouds: [{name: front, topic: points, within_m: [[200, -800, 150], [900, 800, 950]]}]\n    obstacles:"
    found = said(arm(("    obstacles:", cloud)))
    assert list(found) == ["deployment.gate.clouds: front"]
    assert "[[0.2, -0.8, 0.15], [0.9, 0.8, 0.95]] where these are mm" in str(found["deployment.gate.clouds: front"])


def test_a_stop_m_that_lets_nothing_move_is_wrong_and_the_gate_indeed_moves_nothing() -> None:
    assert moved_rad(arm()) > 0.05
    contract = arm((STOP, "{stop_m: 5.0, slow_m: 12.0}"))
    assert moved_rad(contract) == 0.0
    assert wrong(contract) == ["deployment.gate.collision"]
    words = str(said(contract)["deployment.gate.collision"])
    assert words.startswith("stop_m: got 5.0; expected less than ")
    assert words.endswith(" m, the most that two watched parts are apart in 100 random postures, or nothing moves")


def test_a_stop_m_that_something_is_always_nearer_than_is_noted_with_the_pair() -> None:
    contract = arm((STOP, "{stop_m: 0.6, slow_m: 0.7}"))
    assert wrong(contract) == []
    words = str(said(contract)["deployment.gate.collision"])
    assert words.startswith("stop_m 0.6: in 100 random postures something was always nearer")
    assert " at most 0." in words
    (pair,) = re.findall(r"\((\w+) and (\w+) were", words)
    known = {*contract.description.links, "table"}
    assert set(pair) <= known


def test_a_slow_m_beyond_all_distances_is_noted() -> None:
    contract = arm((STOP, "{stop_m: 0.005, slow_m: 12.0}"))
    assert wrong(contract) == []
    assert list(said(contract)) == ["deployment.gate.collision"]
    assert str(said(contract)["deployment.gate.collision"]).startswith("slow_m 12: in 100 random postures all watched")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ([(TABLE, "{name: table, size_m: [1.6, 1.8, 0.1], position_m: [0.45, 0.0, 0.03]}")], "workspace of fingertip"),
        ([(OBJECT, "[[0.33, 0.67], [-0.27, 0.27], [-0.09, -0.02]]")], "workspace of target object_0"),
    ],
)
def test_a_workspace_inside_an_obstacle_is_noted(changes: list[tuple[str, str]], what: str) -> None:
    contract = arm(*changes)
    assert wrong(contract) == []
    words = said(contract)
    assert "lies inside the obstacle table" in str(words[what])


def test_a_workspace_inside_an_obstacle_that_the_hand_may_touch_is_not_noted() -> None:
    high = (TABLE, "{name: table, size_m: [1.6, 1.8, 0.1], position_m: [0.45, 0.0, 0.03]}")
    above = load_contract("tabletop_arm").description.above("fingertip")
    links = [joint.child for joint in above[: 1 + [joint.kind for joint in above].index("revolute")]]
    assert links[0] == "fingertip"
    excluded = f"{{stop_m: 0.005, slow_m: 0.012, exclude: [{', '.join(f'[{link}, table]' for link in links)}]}}"
    assert "workspace of fingertip" not in said(arm(high, (STOP, excluded)))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            "joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.2",
            "joint_states, type: sensor_msgs/msg/JointState, max_age_s: 5",
            "deployment.streams: arm",
        ),
        ("    obstacles:", "    deadman: {topic: held, max_age_s: 5}\n    obstacles:", "deployment.gate.deadman"),
        (
            "    obstacles:",
            "    clouds: [{name: front, topic: points, max_age_s: 5}]\n    obstacles:",
            "deployment.gate.clouds: front",
        ),
    ],
)
def test_an_age_by_which_what_stopped_counts_as_alive_is_noted(old: str, new: str, what: str) -> None:
    contract = arm((old, new))
    assert wrong(contract) == []
    assert list(said(contract)) == [what]
    assert str(said(contract)[what]).startswith("max_age_s 5: the robot moves on for up to 5 s after the ")
    assert said(arm((old, new.replace("max_age_s: 5", "max_age_s: 1.0")))) == {}


def moved_rad(contract: Contract) -> float:
    """How far a gate lets joints go that are commanded to and fro from where they rest, at most."""
    gate, names = gate_for(contract), contract.joint_names
    start = at = contract.rest
    still, step_ns = np.zeros(len(names)), 10_000_000
    far, now_ns = 0.0, 10**9
    for k in range(300):
        now_ns += step_ns
        gate.joint_state(now_ns, at, still)
        if k == 40:
            assert gate.arm(now_ns) is None
        if k > 80 and k % 8 == 0:
            goal = start + 0.1 * np.sin(0.05 * k)
            gate.command(
                now_ns, Trajectory(names, np.array([0.5, 1.0]), np.stack([goal, goal]), np.zeros((2, 6)), now_ns)
            )
        out = gate.step(now_ns)
        if out.reference is not None:
            far = max(far, float(np.abs(out.reference.position - start).max()))
            at = out.reference.position
    return far


def test_what_is_said_of_the_gate_is_said_by_the_check_of_a_contract() -> None:
    found = {each.what: each for each in check_contract(arm((STOP, "{stop_m: 5.0, slow_m: 12.0}"), (TABLE, FAR)))}
    assert "got 5.0" in str(found["deployment.gate.collision"].wrong)
    assert "out of the robot's reach" in str(found["deployment.gate.obstacles: table"].note)


def test_where_all_pairs_are_nearer_than_stop_m_none_is_proposed_to_be_excluded() -> None:
    lines = collision_lines(collision_report(arm((STOP, "{stop_m: 5.0, slow_m: 12.0}"))))
    assert not [line for line in lines if "exclude" in line]
    assert lines.count("  all of them are nearer than stop_m, 5 m, when every joint is at 0") == 1
    assert not [line for line in collision_lines(collision_report(arm())) if "all of them" in line]
