"""Goals that cannot be meant are refused when they arrive, with what would be legal."""

import dataclasses

import numpy as np
import pytest
import yaml

from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.goals.pursuit import Pursuit
from world_model_ros.goals.subgoal import aim_at_joints, check_goal, choose_target
from world_model_ros.goals.workspace import Workspace


def pose(x, y, z=0.03, target="fingertip"):
    return Goal("pose", 1, target=target, pose=np.array([x, y, z, 0, 0, 0, 1], np.float32))


@pytest.mark.parametrize("target", ["fingertip", "object_0"])
def test_a_goal_in_the_workspace_is_taken_at_any_height(contract, target):
    check_goal(pose(0.5, 0.1, z=0.9, target=target), contract)


@pytest.mark.parametrize(
    ("x", "y", "axis"), [(0.9, 0.0, "x"), (0.1, 0.0, "x"), (0.5, -0.4, "y"), (np.inf, 0.0, "pose")]
)
def test_a_goal_outside_of_the_workspace_is_refused_with_the_box(contract, x, y, axis):
    with pytest.raises(UserError, match=axis) as refusal:
        check_goal(pose(x, y), contract)
    if axis != "pose":
        assert "workspace_m" in refusal.value.legal


def other(contract: Contract, axes: list[str] | None = None, tip=None, **areas) -> Contract:
    """The arm with its fingertip in another box, and boxes of ``deployment.targets``."""
    data = yaml.safe_load(contract.text)
    data["interface"]["action"]["axes"] = axes or ["x", "y"]
    data["interface"]["action"]["workspace_m"] = tip or [[0.28, 0.72], [-0.32, 0.32], [0.03, 0.03]]
    data["deployment"]["targets"] = [{"name": name, "workspace_m": box} for name, box in areas.items()]
    return contract_from_text(yaml.safe_dump(data), folder=contract.folder)


def test_an_object_is_held_to_its_own_box_and_a_fingertip_to_its_own(contract):
    beyond = other(contract, object_0=[[0.5, 0.9], [-0.1, 0.1], [0.0, 0.0]])
    check_goal(pose(0.85, 0.0, target="object_0"), beyond)
    with pytest.raises(UserError, match=r"position\.x.*0\.5 to 0\.9 m \(deployment\.targets: object_0: workspace_m\)"):
        check_goal(pose(0.4, 0.0, target="object_0"), beyond)
    check_goal(pose(0.4, 0.0), beyond)
    narrow = other(contract, fingertip=[[0.4, 0.9], [-0.1, 0.1], [9.0, 9.0]])  # of z, which is locked, nothing is asked
    check_goal(pose(0.7, 0.0, z=0.5), narrow)
    for x, ends in ((0.75, "0.4 to 0.72"), (0.35, "0.4 to 0.72")):
        with pytest.raises(UserError, match=ends):
            check_goal(pose(x, 0.0), narrow)
    check_goal(pose(0.35, 0.0, target="object_0"), narrow)


def test_what_is_aimed_at_stays_in_the_box_of_its_target(contract):
    beyond = other(contract, object_0=[[0.5, 0.9], [-0.1, 0.1], [0.0, 0.0]])
    thing = beyond.interface.targets[1]
    now = np.array([0.6, 0.0, 0.07], np.float32)
    inside = Workspace.of(beyond).for_target(thing).inside(np.array([1.0, 0.3, 0.5]), now)
    np.testing.assert_allclose(inside, [0.9, 0.1, 0.07], atol=1e-6)  # it keeps its height


@pytest.mark.parametrize("value", [0.02, 0.35, 0.1 + 0.2, np.nextafter(0.35, 1.0)])
def test_the_ends_of_a_box_belong_to_it_whatever_float32_makes_of_them(contract, value):
    tall = other(contract, ["x", "y", "z"], [[0.02, 0.35], [0.02, 0.35], [0.02, 0.35]])
    check_goal(pose(value, value, z=value), tall)
    check_goal(pose(value, value, z=value, target="object_0"), tall)
    for wrong in (0.0198, 0.3502):
        with pytest.raises(UserError, match=r"from 0\.02 to 0\.35 m \(interface\.action: workspace_m\)"):
            check_goal(pose(0.1, 0.1, z=wrong), tall)


def test_a_joint_goal_at_a_limit_is_taken_and_never_beyond_it(contract):
    limits = contract.limits()
    for ends, step in ((limits.upper, 5e-6), (limits.lower, -5e-6)):
        taken = check_goal(Goal("joints", 1, joints=(ends + step).astype(np.float32)), contract)
        assert (taken.joints.astype(np.float64) <= limits.upper + 1e-6).all()
        assert (taken.joints.astype(np.float64) >= limits.lower - 1e-6).all()
    with pytest.raises(UserError, match="shoulder_pan_joint"):
        check_goal(Goal("joints", 1, joints=(limits.upper + 1e-3).astype(np.float32)), contract)


def test_a_model_that_never_learned_where_a_target_is_gets_no_goal_for_it(contract, toy_bundle):
    manifest = load_bundle(toy_bundle, contract).manifest
    half = manifest.model_copy(update={"provenance": {"labelled_ticks": {"fingertip": 900, "object_0": 0}}})
    image = Goal("image", 1, image=np.zeros((64, 64, 3), np.uint8))
    for goal in (pose(0.5, 0.1), pose(0.5, 0.1, target="object_0"), image):
        check_goal(goal, contract, manifest)
    check_goal(pose(0.5, 0.1), contract, half)
    with pytest.raises(UserError, match=r"'object_0'; expected one of \['fingertip'\].*nothing said where"):
        check_goal(pose(0.5, 0.1, target="object_0"), contract, half)
    with pytest.raises(UserError, match=r"image.*nothing said where \['object_0'\] are"):
        check_goal(image, contract, half)


def test_a_model_that_only_watches_gets_no_goal(contract, toy_bundle):
    watches = load_bundle(toy_bundle, contract).manifest.model_copy(update={"kind": "watch"})
    with pytest.raises(UserError, match="toy only watches"):
        check_goal(pose(0.5, 0.1), contract, watches)


def test_a_goal_that_the_plan_does_not_read_is_refused(contract, toy_bundle):
    """A graph need not read everything it could; it would plan on as if there were no goal."""
    manifest = load_bundle(toy_bundle, contract).manifest
    joints = Goal("joints", 1, joints=np.zeros(6, np.float32))
    for name, refused, taken in (
        ("goal_poses", pose(0.5, 0.1), joints),
        ("goal_joints_weight", joints, pose(0.5, 0.1)),
    ):
        plan = manifest.graphs["plan"]
        fewer = plan.model_copy(update={"inputs": {key: each for key, each in plan.inputs.items() if key != name}})
        half = manifest.model_copy(update={"graphs": {**manifest.graphs, "plan": fewer}})
        check_goal(taken, contract, half)
        with pytest.raises(UserError, match=f"'{refused.kind}'; expected one of .*'{taken.kind}'"):
            check_goal(refused, contract, half)


def test_an_unknown_target_is_refused_with_the_legal_ones(contract):
    with pytest.raises(UserError, match=r"'cup'.*fingertip.*object_0"):
        check_goal(pose(0.5, 0.0, target="cup"), contract)


def test_joints_beyond_their_limits_are_refused(contract):
    with pytest.raises(UserError, match=r"joints\[elbow_joint\]"):
        check_goal(Goal("joints", 1, joints=np.array([0, 0, 3.0, 0, 0, 0], np.float32)), contract)


def test_of_a_joint_goal_what_is_not_named_stays_and_a_goal_of_nothing_is_refused(contract):
    some = np.array([np.nan, -1.0, np.nan, np.nan, np.nan, 0.5], np.float32)
    check_goal(Goal("joints", 1, joints=some), contract)
    with pytest.raises(UserError, match=r"joints.*shoulder_pan_joint"):
        check_goal(Goal("joints", 1, joints=np.full(6, np.nan, np.float32)), contract)
    measured = np.array([0.3, -1.2, 1.6, -1.9, -1.57, 0.5])
    aim = aim_at_joints(Goal("joints", 1, joints=some), measured, contract)
    assert (aim.status, aim.moves) == ("pursuing", True)
    np.testing.assert_allclose(aim.joints, [0.3, -1.0, 1.6, -1.9, -1.57, 0.5], atol=1e-6)
    measured[1] = -1.005
    assert aim_at_joints(Goal("joints", 1, joints=some), measured, contract).status == "reached"
    measured[5] = 0.4
    led = aim_at_joints(Goal("joints", 1, joints=some), measured, contract, aside=[5])
    assert (led.status, led.moves) == ("pursuing", False)  # there is nothing to plan


def test_the_first_step_may_not_leave_the_box_and_leads_back_into_it(contract):
    workspace = Workspace.of(contract)
    low, high = workspace.bounds(12, np.array([0.71, 0.0, 0.03]))
    np.testing.assert_allclose([low[0], high[0]], [[-0.03, -0.03], [0.01, 0.03]], atol=1e-6)
    np.testing.assert_allclose(high[1:], 0.03)
    low, high = workspace.bounds(12, np.array([0.80, 0.0, 0.03]))
    assert low[0, 0] == high[0, 0] == np.float32(-0.03)


def test_a_goal_image_is_about_the_object_that_it_shows_elsewhere_and_then_about_the_fingertip(contract):
    tip, thing = [0.4, 0.1, 0.03], [0.5, 0.0, 0.03]
    goal = np.array([[0.45, 0.1, 0.03], [0.6, 0.0, 0.03]], np.float32)
    pursuit = Pursuit(1, goal, np.zeros(4, np.float32))

    def choose(before, x, believed_x=None, named=None):
        seen = None if x is None else np.array([tip, [x, 0.0, 0.03]], np.float32)
        believed = np.array([tip, [x if believed_x is None else believed_x, 0.0, 0.03]], np.float32)
        return choose_target(before, seen, believed, named, contract)

    assert choose_target(pursuit, None, None, None, contract).target == 0
    chosen = choose(pursuit, thing[0])
    assert chosen.target == 1
    near = 0.57  # 3 cm: too little to begin with, too much to stop at
    assert choose(chosen, near).target == 1
    assert choose(pursuit, near).target == 0
    there = 0.59
    assert choose(chosen, there).target == 0
    assert choose(pursuit, there, named=1).target == 1  # a goal that names its target
    aimed = dataclasses.replace(chosen, aim=np.zeros(3, np.float32))
    assert choose(aimed, there).aim is None


def test_an_arm_in_the_way_of_the_camera_does_not_make_an_object_one_that_is_elsewhere(contract):
    """The reading jumps when the arm hides the object; the belief knows that nothing touched it."""
    tip, there = [0.4, 0.1, 0.03], [0.5, 0.0, 0.03]
    pursuit = Pursuit(1, np.array([tip, there], np.float32), np.zeros(4, np.float32), target=0)
    misread = np.array([tip, [0.44, 0.02, 0.03]], np.float32)
    believed = np.array([tip, [0.49, 0.0, 0.03]], np.float32)
    assert choose_target(pursuit, misread, believed, None, contract).target == 0
    assert choose_target(pursuit, misread, misread, None, contract).target == 1
