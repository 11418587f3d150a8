"""Goals with orientations and values, of several targets at once."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from world_model_ros.brain.graph_inputs import goal_inputs
from world_model_ros.bundle.signatures import goals_read
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal
from world_model_ros.goals.subgoal import check_goal, turned_targets, unread_orientations
from world_model_ros.goals.subgoals import Aiming
from world_model_ros.goals.workspace import Workspace

POSES = ("goal_poses", "goal_position_weights")
NAMES = ["effector", "cube", "drawer"]


@pytest.fixture
def contract() -> Contract:
    """Without joints: an effector and a cube that have a place, and a drawer that is open by so much."""
    return contract_from_text(
        yaml.safe_dump(
            {
                "format": 1,
                "name": "free",
                "interface": {
                    "tick_hz": 20.0,
                    "base_frame": "world",
                    "streams": [{"kind": "wrench", "name": "wrist", "frame": "wrist", "rate_hz": 50.0}],
                    "action": {"kind": "parts", "parts": [{"kind": "free", "columns": [{"name": "x", "bound": 0.5}]}]},
                    "targets": [
                        {"name": "effector", "kind": "fingertip"},
                        {"name": "cube", "kind": "object", "orientation": "yaw", "symmetry": 4},
                        {"name": "drawer", "kind": "articulated", "unit": "m"},
                    ],
                    "labels": [{"name": f"{name}_truth", "target": name} for name in NAMES],
                },
                "deployment": {
                    "streams": [
                        {"name": "wrist", "topic": "w", "type": "geometry_msgs/msg/WrenchStamped", "max_age_s": 0.2}
                    ],
                    "labels": [
                        {"name": "effector_truth", "topic": "e"},
                        {"name": "cube_truth", "topic": "c"},
                        {"name": "drawer_truth", "topic": "d", "type": "std_msgs/msg/Float32"},
                    ],
                    "targets": [
                        {"name": "cube", "workspace_m": [[0.0, 1.0], [-0.5, 0.5], [0.0, 0.5]]},
                        {"name": "drawer", "range": [0.0, 0.2]},
                    ],
                    "action": {"topic": "action"},
                },
            }
        )
    )


def manifest_of(*inputs: str, goals: dict | None = None) -> SimpleNamespace:
    """Of a bundle whose plan reads these inputs."""
    plan = SimpleNamespace(inputs=dict.fromkeys(inputs))
    return SimpleNamespace(kind="act", name="m", graphs={"plan": plan}, unlabelled=[], goals=goals or {})


def pose(x=0.5, turn=0.0) -> np.ndarray:
    return np.array([x, 0.1, 0.2, 0, 0, np.sin(turn / 2), np.cos(turn / 2)], np.float32)


def aimed(contract: Contract, goal: Goal, drawer: float | None = 0.05, turns: bool = True):
    """Aim with the cube at 0.4 and not turned, and the drawer at ``drawer``."""
    believed = np.stack([pose(0.0), pose(0.4), pose(0.0)])
    values = None if drawer is None else np.array([np.nan, np.nan, drawer], np.float32)
    aiming = Aiming(contract, None, Workspace.of(contract), None, turned=range(3) if turns else ())
    aim, _ = aiming.aim(goal, None, believed, None, None, belief_values=values)
    return aim, goal_inputs(aim, believed, 3)


def test_poses_orientations_and_values_of_one_goal_reach_the_planner(contract):
    goal = Goal("pose", 1, "cube", pose(0.6, 0.3), also=(ValueGoal("drawer", 0.15), PoseGoal("effector", pose(0.1))))
    aim, wants = aimed(contract, check_goal(goal, contract))
    assert aim.status == "pursuing"
    assert wants["goal_poses"][1] == pytest.approx(pose(0.6, 0.3))
    assert wants["goal_position_weights"].tolist() == [1, 1, 0]
    assert wants["goal_rotation_weights"].tolist() == [0, 1, 0]  # the effector declares none
    assert wants["goal_values"].tolist() == pytest.approx([0, 0, 0.15])
    assert wants["goal_value_weights"].tolist() == [0, 0, 1]
    assert all(each.dtype == np.float32 for each in wants.values())


def test_a_value_alone_is_a_goal(contract):
    aim, wants = aimed(contract, check_goal(Goal("value", 1, "drawer", value=0.1), contract))
    assert set(wants) == {"goal_values", "goal_value_weights"}
    assert (aim.status, aim.target, aim.pose) == ("pursuing", 2, None)


def test_orientations_count_of_those_targets_alone_that_the_model_takes_them_of(contract):
    both = manifest_of(*POSES, "goal_rotation_weights")
    assert turned_targets(contract, both) == [1]
    stated = {"effector": ("position",), "cube": ("position",)}
    assert turned_targets(contract, manifest_of(*POSES, "goal_rotation_weights", goals=stated)) == []


def test_nothing_of_orientations_is_asked_of_a_planner_that_reads_none(contract):
    aim, wants = aimed(contract, Goal("pose", 1, "cube", pose(0.4, 0.7)), turns=False)
    assert "goal_rotation_weights" not in wants
    assert aim.status == "reached"
    assert unread_orientations(contract, manifest_of(*POSES)) == ["cube"]
    assert unread_orientations(contract, manifest_of(*POSES, "goal_rotation_weights")) == []


def test_a_quaternion_of_zeros_asks_for_no_orientation(contract):
    anyhow = np.array([0.6, 0.1, 0.2, 0, 0, 0, 0], np.float32)
    for manifest in (None, manifest_of(*POSES), manifest_of(*POSES, "goal_rotation_weights")):
        aim, wants = aimed(contract, check_goal(Goal("pose", 1, "cube", anyhow), contract, manifest))
        assert aim.status == "pursuing"
        assert wants["goal_position_weights"].tolist() == [0, 1, 0]
        assert "goal_rotation_weights" not in wants
        assert aim.pose.tolist() == pytest.approx([0.6, 0.1, 0.2, 0, 0, 0, 1])


@pytest.mark.parametrize(("turn", "taken"), [(0.0, True), (np.pi / 2, True), (0.04, True), (0.3, False)])
def test_an_orientation_that_the_model_does_not_plan_is_refused_by_name(contract, turn, taken):
    goal = Goal("pose", 1, "effector", pose(), also=(PoseGoal("cube", pose(0.5, turn)),))
    assert check_goal(goal, contract, manifest_of(*POSES, "goal_rotation_weights")) == goal
    if taken:
        assert check_goal(goal, contract, manifest_of(*POSES)) == goal
        return
    with pytest.raises(UserError, match=r"cube: orientation.*0\.149.*0 0 0 1.*m takes the position of cube alone"):
        check_goal(goal, contract, manifest_of(*POSES))


def test_what_the_manifest_says_of_goals_counts(contract):
    stated = manifest_of(
        *POSES, "goal_values", "goal_value_weights", goals={"drawer": ("value",), "cube": ("position",)}
    )
    check_goal(Goal("value", 1, "drawer", value=0.1), contract, stated)
    with pytest.raises(UserError, match=r"goal: effector.*a position of \['cube'\]"):
        check_goal(Goal("pose", 1, "effector", pose()), contract, stated)
    inputs = {*POSES, "goal_rotation_weights", "goal_values", "goal_value_weights"}
    read = goals_read(contract.interface, inputs, ["effector"])
    assert read == {"cube": ["position", "orientation"], "drawer": ["value"]}
    assert goals_read(contract.interface, POSES) == {"effector": ["position"], "cube": ["position"]}


@pytest.mark.parametrize(
    ("goal", "drawer", "status"),
    [
        (Goal("pose", 1, "cube", pose(0.4, 0.0)), None, "reached"),
        (Goal("pose", 1, "cube", pose(0.4, np.pi / 2)), None, "reached"),  # a cube looks the same
        (Goal("pose", 1, "cube", pose(0.4, 0.2)), None, "pursuing"),
        (Goal("value", 1, "drawer", value=0.05), 0.05, "reached"),
        (Goal("value", 1, "drawer", value=0.05), 0.06, "pursuing"),
        (Goal("value", 1, "drawer", value=0.05), None, "pursuing"),  # nobody says where it is
        (Goal("pose", 1, "cube", pose(0.4), also=(ValueGoal("drawer", 0.1),)), 0.05, "pursuing"),
    ],
)
def test_a_goal_is_reached_when_all_of_it_is(contract, goal, drawer, status):
    assert aimed(contract, goal, drawer)[0].status == status


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        (Goal("value", 1, "drawer", value=0.3), ["value of drawer", "0.0 to 0.2", "range"]),
        (Goal("value", 1, "drawer", value=float("nan")), ["value of drawer", "nan"]),
        (Goal("value", 1, "cube", value=0.1), ["cube", "a value", "drawer"]),
        (Goal("pose", 1, "drawer", pose()), ["drawer", "a pose", "articulated"]),
        (Goal("value", 1, "lid", value=0.1), ["lid", "drawer"]),
        (Goal("pose", 1, "cube", pose(1.5)), ["position.x", "workspace_m"]),
        (Goal("value", 1, "drawer", value=0.1, also=(PoseGoal("cube", pose(1.5)),)), ["position.x"]),
        (Goal("joints", 1, joints=np.zeros(0, np.float32)), ["joints"]),
    ],
)
def test_goals_that_cannot_be_meant_are_refused(contract, goal, told):
    with pytest.raises(UserError) as caught:
        check_goal(goal, contract)
    for part in told:
        assert part in str(caught.value)


def test_a_model_that_reads_no_values_gets_no_goal_with_one(contract):
    manifest = manifest_of(*POSES)
    check_goal(Goal("pose", 1, "cube", pose()), contract, manifest)
    with pytest.raises(UserError, match="value"):
        check_goal(Goal("pose", 1, "cube", pose(), also=(ValueGoal("drawer", 0.1),)), contract, manifest)


def test_a_wish_takes_the_place_of_the_one_before_for_its_target():
    goal = Goal("pose", 1, "cube", pose(0.1)).with_wish(ValueGoal("drawer", 0.1), 2)
    goal = goal.with_wish(PoseGoal("cube", pose(0.2)), 3).with_wish(ValueGoal("drawer", 0.2), 4)
    assert (goal.kind, goal.target, goal.stamp_ns) == ("pose", "cube", 4)
    assert goal.pose is not None
    assert goal.pose[0] == np.float32(0.2)
    assert goal.also == (ValueGoal("drawer", 0.2),)
