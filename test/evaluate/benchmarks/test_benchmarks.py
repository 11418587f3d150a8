"""A public benchmark through the product: play as bags, what is seen of it, and its goals pursued by a session."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("ogbench", reason="OGBench is not installed (extra: benchmarks; Python before 3.13)")

from world_model_ros import cli
from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import PoseGoal, ValueGoal
from world_model_ros.evaluate.benchmarks.benchmark import (
    PLAY,
    PUBLISHED,
    attempts_of,
    benchmark_scores,
    goal_numbers,
)
from world_model_ros.evaluate.benchmarks.closed_loop import (
    Attempt,
    Disturbance,
    Senses,
    attempt,
    free_place,
    wanted_goal,
)
from world_model_ros.evaluate.benchmarks.ogbench_play import Play
from world_model_ros.evaluate.benchmarks.ogbench_tasks import NAMES, TICK_NS, Task
from world_model_ros.evaluate.benchmarks.play_bags import benchmark_contract, collect_play, write_play
from world_model_ros.goals.subgoal import check_goal
from world_model_ros.learning.behaviour.chunk_belief import ChunkBelief
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.chunk_run import BeamConfig, export_chunks
from world_model_ros.learning.behaviour.state.layout import StateLayout
from world_model_ros.learning.behaviour.state.state_reader import StateReader


@pytest.fixture(scope="module")
def single():
    task = Task("cube-single")
    yield task
    task.close()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Of a model that has learned nothing: it moves, and reaches nothing."""
    contract = benchmark_contract("cube-single")
    model = ChunkModel(StateLayout.of(contract.interface), 5, ChunkSizes()).eval()
    folder = tmp_path_factory.mktemp("models") / "untrained"
    beam = BeamConfig(samples=8, macro_steps=1)
    export_chunks(
        ChunkBelief(model), StateReader(contract), contract, folder, "untrained", beam, exporter="torchscript"
    )
    return load_bundle(folder, contract)


def test_every_benchmark_has_all_that_is_said_of_one():
    assert set(PLAY) == set(PUBLISHED) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_says_what_is_seen_and_may_be_wanted(name):
    task, contract = Task(name), benchmark_contract(name)
    StateLayout.of(contract.interface)  # such as chunks of behaviour are learned from
    for number in range(1, 6):
        seen, wanted = task.reset(3, number)
        assert {stream.name for stream in contract.interface.streams} == set(seen) - {"joints"}
        assert {target.name for target in contract.interface.targets} == set(wanted)
        goal = check_goal(wanted_goal(wanted, contract, 5), contract)
        told = {each.target: each for each in goal.wishes}
        assert set(told) == set(wanted)
        for target, value in wanted.items():
            wish = told[target]
            assert isinstance(wish, ValueGoal if target in ("drawer", "window", "button_0", "button_1") else PoseGoal)
            said = [wish.value] if isinstance(wish, ValueGoal) else wish.pose
            np.testing.assert_allclose(said, value, atol=1e-6)
    assert contract.interface.tick_hz * TICK_NS == 1e9
    task.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_play_comes_out_of_its_bag_as_it_went_in(name, tmp_path):
    rows = Play(name, 40).episode(2)
    contract = benchmark_contract(name)
    write_play(tmp_path / "bag", contract, rows)
    episode = aligned_episode(tmp_path / "bag", contract)
    count = len(episode)
    assert count >= 39
    assert episode.fresh.all()
    np.testing.assert_allclose(episode.applied[1:], rows["action"][: count - 1], atol=1e-6)  # what led to a row
    assert not episode.applied[0].any()
    for stream in contract.interface.streams:
        got, put = episode.streams[stream.name], rows[stream.name][:count]
        np.testing.assert_allclose(got[:, :3], put[:, :3], atol=1e-6, err_msg=stream.name)
        if stream.kind == "pose":
            np.testing.assert_allclose(np.abs((got[:, 3:] * put[:, 3:]).sum(1)), 1.0, atol=1e-6)


@pytest.mark.slow
def test_play_that_is_there_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("world_model_ros.evaluate.benchmarks.play_bags._play", lambda name: Play(name, 5))
    first = collect_play("cube-single", tmp_path, 2)
    before = [bag.stat().st_mtime_ns for bag in first]
    done: list[None] = []
    again = collect_play("cube-single", tmp_path, 3, progress=lambda: done.append(None))
    assert [bag.name for bag in again] == ["play_00000", "play_00001", "play_00002"]
    assert [bag.stat().st_mtime_ns for bag in first] == before
    assert len(done) == 3


def observations(disturbance, ticks=200):
    """Of a cube that moves 1 mm a tick, and its x."""
    contract = benchmark_contract("cube-single")
    senses = Senses(contract, disturbance, np.random.default_rng(0))
    upright = [0.0, 0.0, 0.0, 1.0]
    for tick in range(ticks):
        values = {
            "effector": np.array([0.4, 0.0, 0.2, *upright]),
            "opening": np.array([0.25]),
            "contact": np.array([0.5]),
            "cube_0": np.array([0.3 + 0.001 * tick, 0.0, 0.02, *upright]),
        }
        yield values, senses.observe(values, 10**12 + tick * TICK_NS)


def test_undisturbed_senses_show_what_is_there():
    for values, seen in observations(Disturbance(), 5):
        assert all(seen.fresh.values())
        for name, value in seen.values.items():
            np.testing.assert_allclose(value, values[name], atol=1e-6)


def test_noise_is_that_of_tracked_things_alone():
    off = []
    for values, seen in observations(Disturbance(noise_m=0.005)):
        np.testing.assert_allclose(seen.values["effector"], values["effector"], atol=1e-6)
        off.append(seen.values["cube_0"][:3] - values["cube_0"][:3])
        np.testing.assert_allclose(seen.values["cube_0"][3:], values["cube_0"][3:])
    assert np.std(off) == pytest.approx(0.005, rel=0.1)


def test_late_poses_show_where_a_thing_was_and_say_so():
    for tick, (values, seen) in enumerate(observations(Disturbance(late_s=0.1), 8)):
        assert seen.values["effector"][0] == pytest.approx(values["effector"][0])
        assert seen.fresh["cube_0"] == (tick >= 2)
        if tick >= 2:
            assert seen.values["cube_0"][0] == pytest.approx(values["cube_0"][0] - 0.002)
            assert seen.ages_s()["cube_0"] == pytest.approx(0.101)


def test_lost_poses_leave_what_came_before():
    ages = [seen.ages_s().get("cube_0", 0.0) for _, seen in observations(Disturbance(lost=0.1))]
    assert 0.05 < np.mean(np.array(ages) > 0.04) < 0.16
    assert not any(seen.fresh["cube_0"] for _, seen in observations(Disturbance(lost=1.0), 10))


def test_a_place_for_a_cube_is_clear_of_everything(single):
    seen, wanted = single.reset(2, 1)
    random = np.random.default_rng(1)
    low, high = single.table_m
    for _ in range(50):
        place = free_place(single.table_m, 0, seen, wanted, random)
        assert (low <= place[:2]).all()
        assert (place[:2] <= high).all()
        for other in (seen["effector"], seen["cube_0"], wanted["cube_0"]):
            assert np.hypot(*(place - other[:3])[:2]) > 0.08


class Watched(Task):
    """Notes what is moved by hand, and what is done."""

    def reset(self, seed, goal):
        self.moved, self.done = [], []
        return super().reset(seed, goal)

    def put(self, cube, position):
        self.moved.append((len(self.done), cube, np.array(position)))
        super().put(cube, position)

    def step(self, action):
        self.done.append(action)
        return super().step(action)


@pytest.mark.slow
def test_an_attempt_depends_on_its_seed_alone_and_something_is_moved_if_asked(bundle):
    brain, task = Brain(bundle, benchmark_contract("cube-single"), "cpu", 1), Watched("cube-single")
    first = attempt(task, brain, 1, 100_000)
    assert (first.goal, first.seed, first.reached, first.ticks) == (1, 100_000, False, 200)
    assert first.plan_ms > 0
    assert task.moved == []
    moves = np.array(task.done)
    assert np.abs(moves).max() > 0.01
    attempt(task, brain, 1, 100_000)
    np.testing.assert_array_equal(moves, task.done)
    attempt(task, brain, 1, 100_001)
    assert np.abs(moves - task.done).max() > 0.001
    attempt(task, brain, 1, 100_000, Disturbance(moved=True))
    ((when, cube, _),) = task.moved
    assert 20 <= when < 50
    assert cube == 0
    np.testing.assert_array_equal(moves[:when], task.done[:when])
    assert np.abs(moves[when:] - task.done[when:]).max() > 0.001
    task.close()


@pytest.mark.slow
def test_attempts_are_kept_by_model_and_disturbance(bundle, tmp_path):
    contract, done = benchmark_contract("cube-single"), []

    def run(goals, seeds, disturbance=None):
        done.clear()
        about = tmp_path, disturbance or Disturbance(), "cpu"
        return attempts_of("cube-single", contract, bundle, goals, seeds, *about, progress=lambda: done.append(1))

    first = run([1], [7, 8])
    assert len(done) == 2
    (file,) = tmp_path.glob("*.jsonl")
    file.write_text(file.read_text() + '{"goal": 1, "se')  # ended within a line
    both = run([1, 2], [8])
    assert len(done) == 2
    assert both[0] == first[1]
    assert [(each.goal, each.seed) for each in both] == [(1, 8), (2, 8)]
    assert len(file.read_text().splitlines()) == 3
    run([1], [7], Disturbance(lost=0.5))
    assert len(done) == 1
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    file.write_text("{}\n")
    with pytest.raises(UserError, match="attempts as they were written"):
        run([1], [7])


def test_scores_are_of_all_goals_and_of_each(bundle):
    attempts = [Attempt(goal, seed, goal == 1 or seed == 9, 40, 2.0 + seed) for goal in (1, 2) for seed in (8, 9)]
    found = benchmark_scores("cube-single", benchmark_contract("cube-single"), bundle, attempts)
    assert found["success"] == 0.75
    assert [task["success"] for task in found["tasks"]] == [1.0, 0.5]
    assert found["tasks"][1]["missed_seeds"] == [8]
    assert found["tasks"][0]["median_seconds"] == 2.0
    assert found["ci95"][0] < 0.75 < found["ci95"][1]
    assert found["plan_ms"] == 10.5
    assert found["seeds"] == [8, 9]
    wanted = "benchmark success ci95 tasks seeds episodes transitions train_minutes plan_ms published"
    assert set(wanted.split()) <= set(found)


def test_goals_are_numbers():
    assert goal_numbers("") == (1, 2, 3, 4, 5)
    assert goal_numbers("3, 1,3") == (3, 1)
    with pytest.raises(UserError, match="goals: got '0'; expected a comma separated list of 1 to 5"):
        goal_numbers("0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["benchmark"], "benchmark: got ''; expected one of ['cube-single'"),
        (["benchmark", "cube"], "benchmark: got 'cube'"),
        (["benchmark", "scene", "--goals", "six"], "goals: got 'six'"),
        (["benchmark", "scene", "--lost", "1.5"], "lost: got 1.5; expected 0 to 1"),
        (["benchmark", "scene", "--noise-mm", "nan"], "noise_m: got nan"),
        (["benchmark", "scene", "--train", "--model", "tabletop_arm"], "train: got 'tabletop_arm'"),
        (["benchmark", "scene", "--train", "--play", "0"], "play: got 0; expected 1 or more"),
        (["benchmark", "scene", "--train", "--steps", "0"], "steps: got 0; expected 1 or more"),
        (["benchmark", "scene"], "model: got ''; expected --model BUNDLE, or --train"),
        (["benchmark", "scene", "--model", "tabletop_arm"], "interface"),
    ],
)
def test_mistakes_are_said(words, said, tmp_path, capsys):
    assert cli.main(["evaluate", *words, "--out", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_says_its_figures(bundle, tmp_path, capsys):
    words = ["evaluate", "benchmark", "ogbench-cube-single", "--model", str(bundle.folder), "--out", str(tmp_path)]
    assert cli.main([*words, "--episodes", "1", "--goals", "2", "--workers", "1", "--late-ms", "100", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["benchmark"], found["success"], found["seeds"]) == ("ogbench-cube-single", 0.0, [300_000, 300_000])
    assert found["disturbance"]["late_s"] == pytest.approx(0.1)
    assert cli.main([*words, "--episodes", "1", "--goals", "2", "--workers", "1", "--late-ms", "100"]) == 0
    said = capsys.readouterr().out
    assert "ogbench-cube-single: 0.0% of goals reached" in said
    assert "goal 2: 0% of 1" in said
