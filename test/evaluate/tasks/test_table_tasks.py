"""Tasks at a table with several things: what is drawn, what counts, and an oracle that brings them about."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import ValueGoal
from world_model_ros.evaluate.tasks.closed_loop import ClosedLoop, TaskResult
from world_model_ros.evaluate.tasks.oracle import oracle_for
from world_model_ros.evaluate.tasks.success import STRICT_M, task_scores
from world_model_ros.evaluate.tasks.table_tasks import SCENES
from world_model_ros.evaluate.tasks.task import TABLE, Judge, Task, TaskKind, task_goal
from world_model_ros.evaluate.tasks.task_draw import AWAY_M, draw_task, judged_kinds
from world_model_ros.goals.subgoal import check_goal
from world_model_ros.sim.scenes.fixtures import placed

CONTRACT, SEEING = load_contract("gripper_table_tracked"), load_contract("gripper_arm")
MESSY = load_contract("gripper_mess_tracked")
OF = {"fragile": SEEING, "lid": MESSY, "messy_table": MESSY}  # the robot that has what a kind needs
THINGS = {
    "grasp_point": np.array([0.45, 0.0, 0.2]),
    "object_0": np.array([0.5, -0.1, 0.028]),
    "object_1": np.array([0.38, -0.2, 0.033]),
    "drawer": np.array([0.0]),
    "button": np.array([1.0]),
    "lid": np.array([0.0]),
}
MESS = {
    "object_2": np.array([0.62, -0.25, 0.03]),
    "object_3": np.array([0.61, -0.05, 0.03]),
    "object_4": np.array([0.34, -0.03, 0.03]),
}


def drawn(kind: TaskKind, seed: int = 0, **changes: np.ndarray) -> Task:
    mess = MESS if kind == "messy_table" else {}
    return draw_task(kind, seed, OF.get(kind, CONTRACT), THINGS | mess | changes)


def reached(task: Task, **changes: np.ndarray) -> bool:
    """Whether a task counts as done with all that it is about in its place, but for these."""
    judge, places = Judge(task, 0), {part.target: part.position for part in task.parts} | changes
    for tick in range(1, 10):
        for name, place in places.items():
            judge.see(tick * 100_000_000, name, place)
    return judge.verdict(1_000_000_000) is not None


def test_all_are_judged_of_a_robot_that_has_the_things_for_them():
    everywhere = ["pose", "grasp", "place", "stack", "drawer", "into_drawer"]
    assert judged_kinds(CONTRACT).split(",") == [*everywhere, "button", "two_alike"]
    assert judged_kinds(SEEING).split(",") == [*everywhere, "button", "two_alike", "fragile"]
    assert judged_kinds(MESSY).split(",") == [*everywhere, "two_alike", "fragile", "lid", "messy_table"]
    with pytest.raises(UserError, match=r"fragile.*may be one that breaks"):
        draw_task("fragile", 0, CONTRACT, THINGS)
    with pytest.raises(UserError, match=r"button.*a button of deployment.simulation"):
        draw_task("button", 0, load_contract("gripper_arm_tracked"), THINGS)


@pytest.mark.parametrize("kind", TABLE)
def test_a_goal_of_it_is_one_that_a_brain_takes(kind: TaskKind):
    for seed in range(20):
        task = drawn(kind, seed)
        check_goal(task_goal(task, 1), OF.get(kind, CONTRACT))
        assert reached(task)
        assert kind.replace("_", " ") in str(task)


def test_a_stack_stands_without_the_hand():
    task = drawn("stack")
    np.testing.assert_allclose(task.position, [0.38, -0.2, 2 * 0.033 + 0.028])
    assert not reached(task, grasp_point=task.position)
    assert not reached(task, object_0=task.position - np.array([0.0, 0.0, 0.03]))
    assert reached(task, object_0=task.position + np.array([0.01, 0.01, 0.0]))


def test_a_drawer_is_closed_if_it_is_open_and_opened_if_it_is_closed():
    for seed in range(20):
        assert drawn("drawer", seed, drawer=np.array([0.08])).position == 0.0
        assert 0.06 <= drawn("drawer", seed).position[0] <= 0.12
    shut = drawn("drawer", drawer=np.array([0.08]))
    assert task_goal(shut, 0).wishes == (ValueGoal("drawer", 0.0),)
    assert reached(shut, drawer=np.array([0.009]))
    assert not reached(shut, drawer=np.array([0.011]))


def test_a_lid_is_closed_if_it_is_open_and_opened_if_it_is_closed():
    for seed in range(20):
        assert drawn("lid", seed, lid=np.array([0.8])).position == 0.0
        assert 0.7 <= drawn("lid", seed).position[0] <= 1.3
    assert reached(drawn("lid", lid=np.array([0.8])), lid=np.array([0.09]))
    assert not reached(drawn("lid", lid=np.array([0.8])), lid=np.array([0.11]))


def test_what_is_placed_may_be_placed_on_a_shelf():
    things = {name: place for name, place in THINGS.items() if name != "button"}
    tasks = [draw_task("place", seed, MESSY, things) for seed in range(60)]
    (shelf,) = MESSY.simulation.shelves
    raised = [task for task in tasks if task.position[2] > 0.1]
    assert 15 < len(raised) < 45
    for task in raised:
        assert task.position[2] == pytest.approx(things["object_0"][2] + shelf.height_m)
        for place, (low, high) in zip(task.position, shelf.area_m):
            assert low + 0.03 <= place <= high - 0.03
        check_goal(task_goal(task, 1), MESSY)


def test_what_is_put_into_a_drawer_lies_in_it_and_not_on_it_and_it_is_closed():
    task, drawer = drawn("into_drawer"), placed(CONTRACT)["drawer"]
    assert drawer.holds(task.position, 0.0)
    assert reached(task, object_0=task.position + np.array([0.025, -0.02, 0.0]))
    assert not reached(task, object_0=task.position + np.array([0.0, 0.0, 0.086]))
    assert not reached(task, drawer=np.array([0.02]))


def test_a_button_is_pressed_once():
    assert drawn("button").position == 0.0
    assert drawn("button", button=np.array([0.0])).position == 1.0
    assert not reached(drawn("button"), button=np.array([1.0]))


def test_two_alike_have_places_of_their_own():
    for seed in range(30):
        first, second = drawn("two_alike", seed).parts
        assert (first.target, second.target) == ("object_0", "object_1")
        assert np.linalg.norm(first.position - THINGS["object_0"]) >= AWAY_M
        assert np.linalg.norm(first.position - second.position) >= AWAY_M
    assert not reached(drawn("two_alike"), object_0=second.position, object_1=first.position)


def test_objects_that_were_pushed_together_still_have_goals_away_from_each():
    near = {"object_1": THINGS["object_0"] + np.array([0.0, 0.09, 0.0])}
    for contract, things in ((SEEING, THINGS), (MESSY, THINGS | MESS)):
        for kind in ("fragile", "two_alike"):
            task = draw_task(kind, 1, contract, things | near)
            for part in task.parts:
                assert np.linalg.norm(part.position - things["object_0"]) > 0.085


def test_what_is_unseen_is_lifted():
    task = drawn("unseen")
    assert task.position[2] > THINGS["object_0"][2] + 0.07
    assert task.target == "object_0"
    check_goal(task_goal(task, 1), CONTRACT)
    assert "of an unfamiliar shape" in str(task)
    assert reached(task)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*(each for each in TABLE if each != "messy_table"), "unseen"])
def test_an_oracle_brings_it_about(kind: TaskKind):
    result = brought_about(OF.get(kind, CONTRACT), kind)
    assert result.verdict.reached, f"{result.task}: {result.verdict}"
    assert result.broken == ()


@pytest.mark.slow
def test_an_oracle_tidies_most_of_a_messy_table_and_breaks_nothing():
    result = brought_about(MESSY, "messy_table")
    assert result.right is not None
    assert len(result.right) >= 3, f"{result.task}: {result.right}"
    assert result.broken == ()


@pytest.mark.slow
def test_an_oracle_places_on_a_shelf():
    result = brought_about(MESSY, "place", 6)
    assert result.task.position[2] > 0.1
    assert result.verdict.reached, f"{result.task}: {result.verdict}"


@pytest.mark.slow
def test_what_is_fragile_breaks_under_the_same_plan_where_no_squeeze_is_bounded():
    data = yaml.safe_load(SEEING.text)
    (finger,) = [limit for limit in data["deployment"]["limits"] if "squeeze" in limit]
    del finger["squeeze"]
    result = brought_about(contract_from_text(yaml.safe_dump(data), folder=SEEING.folder), "fragile")
    assert not result.verdict.reached
    assert result.broken == ("object_0",)
    assert result.verdict.seconds < 5.0  # a task that cannot be reached any more is over
    assert task_scores([result], 3)["broken"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "seed"), [("stack", 1), ("place", 4)])
def test_an_oracle_breaks_no_glass_in_other_tasks_either(kind: TaskKind, seed: int):
    result = brought_about(SEEING, kind, seed)
    assert result.verdict.reached, f"{result.task}: {result.verdict}, {result.broken} broken"


def brought_about(contract: Contract, kind: TaskKind, seed: int = 3) -> TaskResult:
    unseen = tuple(stream.name for stream in contract.interface.streams if stream.is_picture)
    loop = ClosedLoop(contract, None, seed, unseen, wish=SCENES.get(kind))
    try:
        return loop.run(kind, tolerance_m=STRICT_M[kind], oracle=oracle_for(contract))
    finally:
        loop.rig.robot.close()
