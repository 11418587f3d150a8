"""Goals drawn from a seed are far enough, free and reproducible; the judge wants them held."""

import numpy as np
import pytest
import yaml
from tracked_robot import tracked

from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.orientation import yaw
from world_model_ros.evaluate.tasks.task import Judge, Task, task_goal, task_kinds
from world_model_ros.evaluate.tasks.task_draw import AWAY_M, default_kinds, draw_task, judged_kinds
from world_model_ros.evaluate.tasks.tick_rates import tick_summary

CONTRACT = load_contract("tabletop_arm")
TIP = np.array([0.45, 0.0, 0.03])
OBJECT = {"object_0": np.array([0.5, 0.1, 0.03])}
PLACES = {"fingertip": TIP, **OBJECT}
BOX = np.array(CONTRACT.interface.action.workspace_m)


@pytest.mark.parametrize("kind", ["pose", "image", "push"])
def test_goals_are_away_from_where_things_are_and_inside_the_workspace(kind):
    for seed in range(200):
        task = draw_task(kind, seed, CONTRACT, PLACES)
        start = OBJECT["object_0"] if kind == "push" else TIP
        assert np.linalg.norm(task.position - start) >= AWAY_M
        assert np.all(task.position[:2] > BOX[:2, 0])
        assert np.all(task.position[:2] < BOX[:2, 1])
        if kind != "push":
            assert task.position[2] == BOX[2, 0]
            assert np.linalg.norm((task.position - OBJECT["object_0"])[:2]) > 0.1


def test_a_seed_is_a_goal_and_other_seeds_are_other_goals():
    drawn = [draw_task("pose", seed, CONTRACT, PLACES).position for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_pose_and_image_goals_of_a_seed_differ():
    pose, image = (draw_task(kind, 5, CONTRACT, PLACES) for kind in ("pose", "image"))
    assert not np.array_equal(pose.position, image.position)


def test_without_an_object_in_sight_nothing_can_be_pushed():
    with pytest.raises(UserError, match="push"):
        draw_task("push", 0, CONTRACT, {"fingertip": TIP})


@pytest.mark.parametrize("text", ["pose,fly", "", " , "])
def test_unknown_or_no_goals_are_refused(text):
    with pytest.raises(UserError, match="pose"):
        task_kinds(text)


def task(tolerance_m: float = 0.02) -> Task:
    return Task("pose", "fingertip", np.array([0.5, 0.0, 0.03]), tolerance_m, timeout_s=5.0)


def at(error_m: float) -> np.ndarray:
    return np.array([0.5 + error_m, 0.0, 0.03])


def judged(samples: list[tuple[float, float]]) -> Judge:
    judge = Judge(task(), 0)
    for seconds, error_m in samples:
        judge.see(round(seconds * 1e9), "fingertip", at(error_m))
    return judge


def test_a_goal_is_reached_when_it_was_held_and_the_worst_moment_is_reported():
    judge = judged([(1.0, 0.05), (2.0, 0.018), (2.3, 0.004), (2.5, 0.003)])
    verdict = judge.verdict(round(2.5e9))
    assert verdict is not None
    assert verdict.reached
    assert verdict.error_m == pytest.approx(0.018)
    assert verdict.seconds == pytest.approx(2.5)


def test_passing_through_a_goal_is_not_reaching_it():
    judge = judged([(1.0, 0.01), (1.3, 0.01), (1.4, 0.03), (1.6, 0.01), (2.0, 0.01)])
    assert judge.verdict(round(2.0e9)) is None


def test_time_runs_out_with_the_last_error():
    judge = judged([(1.0, 0.01), (4.0, 0.06)])
    verdict = judge.verdict(round(5e9))
    assert verdict is not None
    assert not verdict.reached
    assert verdict.error_m == pytest.approx(0.06)


def test_a_target_that_is_no_longer_seen_reaches_nothing():
    judge = judged([(1.0, 0.01)])
    assert judge.verdict(round(1.6e9)) is None
    verdict = judge.verdict(round(9e9))
    assert verdict is not None
    assert not verdict.reached


def test_what_comes_after_the_end_changes_nothing():
    judge = judged([(4.8, 0.01), (5.5, 0.01)])
    verdict = judge.verdict(round(5.6e9))
    assert verdict is not None
    assert not verdict.reached


def test_a_push_is_judged_on_the_table_and_not_by_height():
    push = Task("push", "object_0", np.array([0.5, 0.0, 0.0]), 0.04, 40.0)
    assert push.parts[0].error_m(np.array([0.5, 0.03, 0.4])) == pytest.approx(0.03)


def test_ticks_that_never_came_are_counted_by_their_times():
    times = [0, 100, 200, 410, 500, 890]  # ms: one missed before 410, three before 890
    records = [{"now_ns": t * 1_000_000, "stages_ms": {"plan": float(i)}} for i, t in enumerate(times)]
    summary = tick_summary(records, 100_000_000)
    assert summary["ticks"] == 6
    assert summary["ticks_missed"] == 4
    assert summary["tick_hz"] == pytest.approx(5 / 0.89)
    assert summary["stages_ms"]["plan"]["p50"] == pytest.approx(2.5)


def test_two_ticks_in_a_step_are_missed_by_their_own_period_and_time_outside_the_runtime_is_told():
    stages = {"convert": 0.5, "total": 9.0, "runtime": 8.0}
    records = [{"now_ns": t * 1_000_000, "turns": 2, "stages_ms": stages} for t in (0, 50, 100, 200)]
    summary = tick_summary(records, 100_000_000)
    assert summary["ticks_missed"] == 1
    assert summary["stages_ms"]["outside"]["p50"] == pytest.approx(1.5)


def test_a_run_without_ticks_has_a_rate_of_zero():
    assert tick_summary([], 100_000_000)["tick_hz"] == 0.0


GRIPPER = load_contract("gripper_arm_tracked")
THINGS = {"grasp_point": np.array([0.45, 0.0, 0.15]), "object_0": np.array([0.5, 0.1, 0.03])}


def test_what_a_gripper_is_asked_is_in_the_air_or_elsewhere_on_the_table():
    assert judged_kinds(GRIPPER) == default_kinds(GRIPPER) == "pose,grasp,place"
    area = np.array(GRIPPER.simulation.objects_m).T
    for seed in range(100):
        lifted, placed = (draw_task(kind, seed, GRIPPER, THINGS) for kind in ("grasp", "place"))
        assert 0.08 <= lifted.position[2] - 0.03 <= 0.16
        assert np.abs(lifted.position - THINGS["object_0"])[:2].max() <= 0.08
        assert placed.position[2] == 0.03
        assert (placed.position[:2] >= area[0]).all()
        assert (placed.position[:2] <= area[1]).all()
        assert np.linalg.norm(placed.position - THINGS["object_0"]) >= AWAY_M
        assert "lift object_0 to (0." in str(lifted)


def test_the_height_of_what_is_lifted_is_judged():
    task = draw_task("grasp", 0, GRIPPER, THINGS)
    judge = Judge(task, 0)
    below = task.position - [0.0, 0.0, 0.1]
    for tick in range(1, 20):
        judge.see(tick * 100_000_000, "object_0", below)
    assert judge.verdict(2_000_000_000) is None
    for tick in range(20, 40):
        judge.see(tick * 100_000_000, "object_0", task.position)
    verdict = judge.verdict(4_000_000_000)
    assert verdict is not None
    assert verdict.reached


def test_a_yaw_is_judged_within_ten_degrees_and_up_to_its_symmetry():
    task = draw_task("place_turned", 0, GRIPPER, THINGS)
    assert task.symmetry == 4
    assert task.yaw is not None
    assert abs(task.yaw) <= np.pi / 4
    goal = task_goal(task, 0)
    assert goal.pose is not None
    assert yaw(goal.pose[3:]) == pytest.approx(task.yaw, abs=1e-6)
    assert not task_goal(draw_task("place", 0, GRIPPER, THINGS), 0).pose[3:].any()

    def reached(turned_rad: float) -> bool:
        judge, angle = Judge(task, 0), task.yaw + turned_rad
        pose = np.array([*task.position, 0.0, 0.0, np.sin(angle / 2), np.cos(angle / 2)])
        for tick in range(1, 10):
            judge.see(tick * 100_000_000, "object_0", pose)
        return judge.verdict(1_000_000_000) is not None

    assert reached(np.radians(9.0))
    assert reached(np.pi / 2)
    assert not reached(np.radians(11.0))


def test_a_robot_without_a_camera_is_asked_for_no_pictures():
    blind = tracked()
    assert (default_kinds(blind), judged_kinds(blind)) == ("pose,push", "pose,push")
    with pytest.raises(UserError, match="a robot with a camera"):
        draw_task("image", 0, blind, PLACES)


def test_a_yaw_is_asked_only_of_what_has_one():
    data = yaml.safe_load(GRIPPER.text)
    for target in data["interface"]["targets"]:
        target.pop("orientation", None)
        target.pop("symmetry", None)
    with pytest.raises(UserError, match="orientation: yaw of object_0"):
        draw_task("place_turned", 0, contract_from_text(yaml.safe_dump(data)), THINGS)
