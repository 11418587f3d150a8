"""Candidates from outside: what they become as actions, what they cost, and who is first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_bundle import HOME_XY

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Imagined
from world_model_ros.brain.imagination.candidate_cost import candidate_costs
from world_model_ros.brain.imagination.candidates import (
    candidate_from,
    candidate_of_actions,
    joined,
    verdicts,
    whole_trajectory,
)
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.bundle.manifest import PlannerSpec
from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.arm import ArmKinematics, tool_down

CONTRACT = load_contract("tabletop_arm")
ARM = ArmKinematics(CONTRACT)
HOME = ARM.solve(np.array([0.0, -1.2, 1.6, -1.9, -1.57, 0.0]), np.array([*HOME_XY, 0.03]), tool_down())
TICK_S, NOW_NS, H = 0.1, 10**12, 12


@pytest.fixture(scope="module")
def brain():
    """The model that comes with the package."""
    return Brain(load_bundle("tabletop_arm", CONTRACT), CONTRACT, provider="cpu", threads=1)


def chunk(x: float, y: float) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (H, 1))


def motion(x: float, y: float) -> Trajectory:
    return ARM.chunk_trajectory(HOME, chunk(x, y).astype(np.float64), NOW_NS, TICK_S)


def pose_wants(*positions) -> dict:
    poses = np.array([[*each, 0, 0, 0, 1] for each in positions], np.float32)
    return {"goal_poses": poses, "goal_position_weights": np.zeros(len(positions), np.float32)}


def test_a_trajectory_becomes_the_actions_it_was_made_of():
    found = candidate_from("a", motion(0.01, -0.005), CONTRACT, ARM, NOW_NS, H)
    np.testing.assert_allclose(found.actions[:10], chunk(0.01, -0.005)[:10], atol=2e-3)
    np.testing.assert_allclose(found.actions.sum(0), [0.12, -0.06], atol=3e-3)
    assert found.lacks is None
    assert found.seconds == pytest.approx(1.2, abs=0.11)


def test_a_trajectory_that_is_under_way_is_taken_from_now():
    found = candidate_from("a", motion(0.01, 0.0), CONTRACT, ARM, NOW_NS + 600_000_000, H)
    assert found.seconds == pytest.approx(0.6, abs=0.11)
    np.testing.assert_allclose(found.actions[:, 0].sum(), 0.06, atol=3e-3)
    np.testing.assert_allclose(found.actions[8:], 0.0, atol=1e-6)


def test_some_joints_in_another_order_from_a_later_first_point():
    offered = Trajectory(
        ("wrist_3_joint", "shoulder_pan_joint"),
        np.array([0.5, 1.0]),
        np.array([[0.1, 0.2], [0.2, 0.4]]),
        np.zeros((2, 2)),
        0,
    )
    whole = whole_trajectory(offered, CONTRACT, HOME, NOW_NS)
    assert whole.names == CONTRACT.joint_names
    np.testing.assert_allclose(whole.positions[0], HOME)
    np.testing.assert_allclose(whole.positions[-1], [0.4, *HOME[1:5], 0.2])
    assert whole.stamp_ns == NOW_NS


@pytest.mark.parametrize(
    ("names", "positions", "words"),
    [
        (("shoulder_pan_joint",), [[1.0], [1.1]], "shoulder_pan_joint at its start"),
        (("gripper",), [[0.0], [0.1]], "gripper"),
    ],
)
def test_a_motion_of_other_joints_or_from_elsewhere_is_refused(names, positions, words):
    offered = Trajectory(names, np.array([0.0, 1.0]), np.array(positions), np.zeros((2, 1)), 0)
    with pytest.raises(UserError, match=words):
        whole_trajectory(offered, CONTRACT, HOME, NOW_NS)


def test_what_the_action_cannot_say_and_what_is_too_fast_is_told():
    up = ARM.solve(HOME, np.array([*HOME_XY, 0.10]), tool_down())
    lifted = Trajectory(CONTRACT.joint_names, np.array([0.0, 1.0]), np.stack([HOME, up]), np.zeros((2, 6)), NOW_NS)
    assert "leaves the axes x, y by 0.07 m" in str(candidate_from("up", lifted, CONTRACT, ARM, NOW_NS, H).lacks)
    fast = candidate_of_actions("fast", chunk(0.06, 0.0), CONTRACT, H)
    assert "2 times the largest action" in str(fast.lacks)
    short = candidate_of_actions("short", chunk(0.01, 0.0)[:3], CONTRACT, H)
    assert (short.seconds, short.lacks) == (pytest.approx(0.3), None)
    assert not short.actions[3:].any()


@pytest.mark.parametrize("target", [0, 1])
def test_it_is_the_cost_of_the_planner(brain, target):
    """A plan whose bounds leave no choice costs what its only candidate costs."""
    random = np.random.default_rng(3)
    memory = replace(brain.start(), belief=random.normal(0, 0.3, 256).astype(np.float32))
    plan = brain._graphs["plan"]
    for _ in range(3):
        actions = random.uniform(-0.03, 0.03, (H, 2)).astype(np.float32)
        wants = pose_wants((0.5, 0.1, 0.03), (0.6, -0.1, 0.03))
        wants["goal_position_weights"][target] = 1.0
        still = {"bounds_low": actions, "bounds_high": actions, "warm": actions}
        planned = plan.run(plan.neutral() | wants | still | {"memory": memory.belief})
        goal, risk = candidate_costs(
            brain.imagine(memory, actions[None]), wants, CONTRACT.interface, brain.bundle.manifest.planner
        )
        assert goal[0] + risk[0] == pytest.approx(float(planned["cost"][0]), rel=1e-3)
        assert risk[0] > 0


def test_it_is_the_cost_of_the_planner_for_joints(brain):
    memory, actions = brain.start(), chunk(0.02, -0.01)
    plan = brain._graphs["plan"]
    wants = {"goal_joints": HOME.astype(np.float32), "goal_joints_weight": np.ones(1, np.float32)}
    still = {"bounds_low": actions, "bounds_high": actions, "warm": actions}
    planned = plan.run(plan.neutral() | wants | still | {"memory": memory.belief})
    goal, risk = candidate_costs(
        brain.imagine(memory, actions[None]), wants, CONTRACT.interface, brain.bundle.manifest.planner
    )
    assert goal[0] == pytest.approx(float(planned["cost"][0]), rel=1e-3)
    assert risk[0] == 0


def imagined(ends_m, sigma_m) -> Imagined:
    """Fingertips that go straight from x = 0 to their end; the object stays at 1 m."""
    n = len(ends_m)
    poses = np.zeros((n, H, 2, 7), np.float32)
    poses[:, :, 0, 0] = np.linspace(0, 1, H) * np.array(ends_m)[:, None]
    poses[:, :, 1, 0] = 1.0
    sigma = np.tile(np.array(sigma_m, np.float32)[:, None, None, None], (1, H, 2, 3))
    return Imagined(np.zeros((n, H, 8), np.float32), np.zeros((n, H, 6), np.float32), None, poses, sigma)


def names(found) -> list[str]:
    return [each["name"] for each in found]


def test_the_nearest_to_the_goal_is_first_and_what_the_gate_refuses_is_last(brain):
    wants = pose_wants((0.3, 0, 0), (0, 0, 0))
    wants["goal_position_weights"][0] = 1.0
    far, near, refused, lacking = (
        candidate_of_actions(name, chunk(0.01, 0), CONTRACT, H) for name in ("far", "near", "refused", "lacking")
    )
    offered = [far, near, replace(refused, refused="velocity of elbow_joint"), replace(lacking, lacks="too fast")]
    found = verdicts(offered, imagined([0.1, 0.28, 0.3, 0.3], [0.01] * 4), wants, CONTRACT, brain.bundle.manifest)
    assert names(found) == ["near", "far", "lacking", "refused"]
    assert [each["rank"] for each in found] == [1, 2, 3, 4]
    assert found[0]["cost"] < found[1]["cost"]
    assert found[0]["positions"]["fingertip"][-1][0] == pytest.approx(0.28)
    assert found[3]["risk"]["gate"] == "velocity of elbow_joint"


def test_without_a_goal_nothing_costs_and_the_better_known_is_first(brain):
    offered = [candidate_of_actions(name, chunk(0.01, 0), CONTRACT, H) for name in ("vague", "sure")]
    found = verdicts(offered, imagined([0.1, 0.2], [0.03, 0.01]), {}, CONTRACT, brain.bundle.manifest)
    assert names(found) == ["sure", "vague"]
    assert found[0]["cost"] is None
    scale = brain.bundle.manifest.calibration.region_scale
    assert found[0]["uncertainty_m"]["fingertip"] == pytest.approx(0.01 * scale, abs=1e-4)


@pytest.mark.parametrize("planner", [{"solver": "beam"}, {"solver": "icem", "objective": "mine:Own"}])
def test_what_a_planner_of_another_objective_would_say_is_not_made_up(brain, planner):
    wants = pose_wants((0.3, 0, 0), (0, 0, 0))
    wants["goal_position_weights"][0] = 1.0
    manifest = brain.bundle.manifest.model_copy(update={"planner": PlannerSpec(**planner)})
    offered = [candidate_of_actions(name, chunk(0.01, 0), CONTRACT, H) for name in ("vague", "sure")]
    found = verdicts(offered, imagined([0.3, 0.1], [0.03, 0.01]), wants, CONTRACT, manifest)
    assert names(found) == ["sure", "vague"]
    assert [(each["cost"], each["risk"]["cost"]) for each in found] == [(None, None)] * 2


def test_batches_are_joined_in_their_order():
    whole = joined([imagined([0.1], [0.01]), imagined([0.2, 0.3], [0.02, 0.03])])
    assert whole.poses[:, -1, 0, 0] == pytest.approx([0.1, 0.2, 0.3])
    assert whole.contact is None
