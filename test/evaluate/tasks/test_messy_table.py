"""A messy table: its scenes, its goals in their order, what counts as tidied, and the oracle that needs no model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from world_model_ros.cli import main
from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.tasks.closed_loop import TaskResult
from world_model_ros.evaluate.tasks.messy_table import MessyTable
from world_model_ros.evaluate.tasks.success import task_scores
from world_model_ros.evaluate.tasks.task import Task, Verdict, task_goal
from world_model_ros.evaluate.tasks.task_draw import draw_task
from world_model_ros.goals.subgoal import check_goal
from world_model_ros.sim.scenes.draw import scene_for_seed
from world_model_ros.sim.scenes.fixtures import placed
from world_model_ros.sim.scenes.unfamiliar import UNFAMILIAR

CONTRACT = load_contract("gripper_mess_tracked")
DRAWER = placed(CONTRACT)["drawer"]
THINGS = [f"object_{index}" for index in range(5)]


def positions(seed: int) -> dict[str, np.ndarray]:
    """Where all is in a messy scene."""
    scene = scene_for_seed(CONTRACT, seed, wish="messy")
    objects = {
        f"object_{index}": np.array([*item.start[:2], item.half_size[2]]) for index, item in enumerate(scene.objects)
    }
    return objects | {"grasp_point": np.array([0.45, -0.05, 0.2]), "drawer": np.zeros(1), "lid": np.zeros(1)}


def drawn(seed: int = 0) -> Task:
    return draw_task("messy_table", seed, CONTRACT, positions(seed))


def tidied(task: Task) -> dict[str, np.ndarray]:
    """Poses and values with all where it belongs."""
    turn = [0.0, 0.0, 0.0, 1.0]
    return {part.target: part.position if part.is_value else np.array([*part.position, *turn]) for part in task.parts}


def test_a_scene_has_the_five_things_a_closed_drawer_and_a_cloth():
    scenes = [scene_for_seed(CONTRACT, seed, wish="messy") for seed in range(40)]
    for scene in scenes:
        glass, ball, first, second, _ = scene.objects
        assert glass.breaks_n is not None
        assert [each.shape for each in (ball, first, second)] == ["ball", "box", "box"]
        assert [fixture.value for fixture in scene.fixtures if fixture.kind in ("drawer", "lid")] == [0.0, 0.0]
        assert scene.cloth is not None
        for index, each in enumerate(scene.objects):
            for other in scene.objects[:index]:
                apart = np.hypot(*np.subtract(each.start[:2], other.start[:2]))
                assert apart >= max(0.1, each.reach + other.reach)
    assert {scene.objects[4].shape for scene in scenes} == set(UNFAMILIAR)


def test_all_have_places_of_their_own_and_the_ball_a_place_in_the_drawer():
    for seed in range(10):
        task, start = drawn(seed), positions(seed)
        assert [part.target for part in task.parts] == [*THINGS, "drawer"]
        places = [part.position for part in task.parts if part.target not in ("object_1", "drawer")]
        others = [*places, *(start[name] for name in THINGS)]
        assert min(np.linalg.norm((a - b)[:2]) for i, a in enumerate(others) for b in others[:i]) > 0.085
        assert DRAWER.holds(task.parts[1].position, 0.0)
        for place in places:
            assert not DRAWER.meets(place[:2] - 0.05, place[:2] + 0.05)


def test_goals_come_one_after_the_other_and_a_brain_takes_each():
    task = drawn()
    steps = list(MessyTable(task, CONTRACT).steps())
    assert [step.target for step in steps] == [
        "drawer",
        "object_1",
        "drawer",
        "object_0",
        "object_2",
        "object_3",
        "object_4",
    ]
    assert [float(step.position[0]) for step in steps[::2][:2]] == [pytest.approx(0.11), 0.0]
    assert DRAWER.holds(steps[1].position, 0.11)
    for step in steps:
        check_goal(task_goal(step, 1), CONTRACT)
        assert step.kind == "messy_table"
    for step in steps:
        assert [part.target for part in step.parts] == [step.target, "grasp_point"]  # it is let go
    assert sum(step.timeout_s for step in steps) == task.timeout_s
    assert steps[-1].symmetry == 2


def test_what_is_within_4_cm_or_in_the_drawer_is_right():
    task = drawn()
    table, places = MessyTable(task, CONTRACT), tidied(task)
    aside = np.array([0.0, 0.039, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert table.right(places) == THINGS
    assert table.verdict(places, [], 9.0) == Verdict(True, 0.0, 9.0)
    assert not table.verdict(places, ["object_0"], 9.0).reached
    assert table.right(places | {"object_2": places["object_2"] + aside}) == THINGS
    lost = places | {"object_2": places["object_2"] + 2 * aside}
    assert table.right(lost) == ["object_0", "object_1", "object_3", "object_4"]
    assert table.verdict(lost, [], 9.0).error_m == pytest.approx(0.078)
    into = np.array([*(DRAWER.floor(0.1) + np.array([0.02, 0.0, 0.03])), 0.0, 0.0, 0.0, 1.0])
    assert table.right(lost | {"drawer": np.array([0.1]), "object_2": into, "object_1": into}) == THINGS
    assert table.right({name: place for name, place in places.items() if name != "object_0"}) == THINGS[1:]


def test_scores_say_how_many_are_right_and_what_broke():
    task = drawn()
    good = TaskResult(task, Verdict(True, 0.01, 40.0), right=tuple(THINGS))
    bad = TaskResult(task, Verdict(False, 0.2, 90.0), broken=("object_0",), right=("object_1", "object_2"))
    scores = task_scores([good, bad, good, good], 7)
    assert scores["success"] == scores["three_right"] == 0.75
    assert scores["broken"] == 1
    assert scores["tidied"][1] == {"seed": 8, "right": 2, "broken": ["object_0"]}
    assert "tidied" not in task_scores([replace(good, right=None)], 7)


def test_a_robot_that_lacks_something_is_told_so():
    with pytest.raises(UserError, match=r"messy_table.*five objects and a drawer .* and a cloth"):
        draw_task("messy_table", 0, load_contract("gripper_table_tracked"), positions(0))


@pytest.mark.slow
def test_an_oracle_needs_no_model(capsys: pytest.CaptureFixture[str]):
    about = ["--robot", "gripper_table_tracked", "--goals", "button", "--oracle-only"]
    assert main(["evaluate", "tasks", *about, "--control-episodes", "2", "--workers", "1", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["tasks"]
    assert found["controls"]["oracle"]["success"] == 1.0
    assert found["controls"]["oracle"]["episodes"] == 2
    assert "success" not in found
    assert main(["evaluate", "tasks", *about, "--control-episodes", "1", "--workers", "1"]) == 0
    assert "button" in capsys.readouterr().out


def test_of_an_oracle_alone_there_are_only_tasks(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "drift", "--robot", "gripper_table_tracked", "--oracle-only"])
    assert "unrecognized arguments: --oracle-only" in capsys.readouterr().err
