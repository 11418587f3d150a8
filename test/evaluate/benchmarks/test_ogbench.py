"""OGBench's environments as a benchmark of ours: what is seen, what is wanted, and play."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ogbench", reason="OGBench is not installed (extra: benchmarks; Python before 3.13)")

from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.benchmarks.ogbench_play import Play
from world_model_ros.evaluate.benchmarks.ogbench_tasks import GOALS, NAMES, Task

OBJECTS = {
    "cube-single": {"cube_0"},
    "cube-double": {"cube_0", "cube_1"},
    "scene": {"cube_0", "drawer", "window", "button_0", "button_1"},
}
ARM = {"effector": (7,), "opening": (1,), "contact": (1,), "joints": (6,)}
LENGTHS = {"cube-single": 200, "cube-double": 500, "scene": 750}  # of the benchmark's own environments


@pytest.fixture(scope="module")
def tasks():
    made = {name: Task(name) for name in NAMES}
    yield made
    for task in made.values():
        task.close()


@pytest.mark.parametrize("name", NAMES)
def test_each_goal_begins_away_from_it_with_all_that_is_seen(tasks, name):
    task = tasks[name]
    assert task.steps == LENGTHS[name]
    for goal in range(1, GOALS + 1):
        seen, wanted = task.reset(7, goal)
        assert set(wanted) == OBJECTS[name]
        assert set(seen) == OBJECTS[name] | set(ARM)
        shapes = {key: value.shape for key, value in seen.items()}
        assert shapes == ARM | {key: value.shape for key, value in wanted.items()}
        far = {key: np.linalg.norm((seen[key] - wanted[key])[:3]) for key in wanted}
        assert max(far.values()) > 0.1, (goal, far)
        after, reached = task.step(np.zeros(5))
        assert not reached
        assert not task.over
        np.testing.assert_allclose(after["effector"][:3], seen["effector"][:3], atol=0.01)


def test_a_seed_is_one_start_and_what_follows_from_it(tasks):
    def run(seed):
        task = tasks["cube-double"]
        seen, wanted = task.reset(seed, 4)
        moves = np.random.default_rng(0).uniform(-1, 1, (20, 5))
        return [seen, wanted, *(task.step(move)[0] for move in moves)]

    first, again, other = run(3), run(3), run(4)
    for a, b in zip(first, again):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    assert np.abs(first[0]["effector"] - other[0]["effector"]).max() > 0.01


def test_the_goal_is_reached_where_all_that_is_wanted_is_so_and_the_episode_is_over(tasks):
    task = tasks["cube-double"]
    _, wanted = task.reset(1, 1)
    task.put(0, np.array([0.3, 0.3, 0.02]))
    task.put(1, wanted["cube_1"][:3])
    assert not task.step(np.zeros(5))[1]  # one of two
    task.put(0, wanted["cube_0"][:3])
    seen, reached = task.step(np.zeros(5))
    assert reached
    assert task.over
    np.testing.assert_allclose(seen["cube_0"][:3], wanted["cube_0"][:3], atol=0.005)


def test_an_episode_is_over_when_its_steps_are_used_up(tasks):
    task = tasks["cube-single"]
    task.reset(1, 1)
    for _ in range(task.steps - 1):
        task.step(np.zeros(5))
        assert not task.over
    _, reached = task.step(np.zeros(5))
    assert task.over
    assert not reached


def test_an_action_moves_the_effector_turns_it_and_closes_the_gripper(tasks):
    task = tasks["cube-single"]
    before, _ = task.reset(5, 1)
    for _ in range(4):
        after, _ = task.step(np.array([0.0, 0.0, 0.0, 0.2, 1.0]))
    yaw = [2 * np.arctan2(*values["effector"][[5, 6]]) for values in (before, after)]
    assert 0.03 < yaw[1] - yaw[0] < 0.24
    assert before["opening"][0] < 0.1
    assert after["opening"][0] > 0.5


@pytest.mark.parametrize("wrong", [np.zeros(4), np.full(5, 1.01), np.full(5, np.nan)])
def test_an_action_that_is_none_is_refused(tasks, wrong):
    tasks["cube-single"].reset(1, 1)
    with pytest.raises(UserError, match="action: got"):
        tasks["cube-single"].step(wrong)


def test_names_and_goals_that_do_not_exist_are_refused(tasks):
    with pytest.raises(UserError, match=r"benchmark: got 'cube'; expected one of \['cube-single'"):
        Task("cube")
    with pytest.raises(UserError, match="goal: got 6; expected 1 to 5"):
        tasks["scene"].reset(0, 6)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_play_is_the_same_for_a_seed_and_moves_things(name):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    play = Play(name, 150)
    first, other, again = play.episode(4), play.episode(5), play.episode(4)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert set(first) == OBJECTS[name] | set(ARM) | {"action"}
    assert {len(rows) for rows in first.values()} == {150}
    assert first["action"].shape == (150, 5)
    assert np.abs(first["action"]).max() <= 1.0
    for key in first:
        np.testing.assert_array_equal(first[key], again[key], err_msg=key)
    assert np.abs(first["action"] - other["action"]).max() > 0.1
    assert max(np.ptp(each[key], 0).max() for each in (first, other) for key in OBJECTS[name]) > 0.1


@pytest.mark.slow
def test_an_action_leads_from_its_row_to_the_next():
    rows = Play("cube-single", 200).episode(9)
    wanted, moved = rows["action"][:-1, :3].ravel(), np.diff(rows["effector"][:, :3], axis=0).ravel()
    assert np.corrcoef(wanted, moved)[0, 1] > 0.95
