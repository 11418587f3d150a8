"""A robot without kinematics, from the bag to the replay."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from free_robot import (
    CUBE_YAW,
    SIZES,
    START_S,
    TICK_NS,
    action_at,
    cube_pose,
    effector_at,
    free_contract,
    opening_at,
    write_free_bag,
    write_free_bundle,
)

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.align.ticks import BagTicks
from world_model_ros.bags.bag_fit import check_bag
from world_model_ros.bags.latency import stream_lags
from world_model_ros.bags.replay.replay import replay
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.check.contract_fit import check_contract
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.prediction.forecast import forecasts
from world_model_ros.evaluate.prediction.questions import answer
from world_model_ros.learning.data.cache import build_cache
from world_model_ros.lerobot.exporter import LerobotExport


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "drawer"])
def free(request: pytest.FixtureRequest) -> Contract:
    return free_contract(request.param)


@pytest.fixture(scope="module")
def bag(free: Contract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "free"
    write_free_bag(path, free)
    return path


@pytest.fixture(scope="module")
def brain(free: Contract, tmp_path_factory: pytest.TempPathFactory) -> Brain:
    folder = write_free_bundle(tmp_path_factory.mktemp("models") / "free", free)
    return Brain(load_bundle(folder, free), free, "cpu", 1)


def test_bag_is_aligned_with_the_actions_that_were_sent(bag, free):
    episode = aligned_episode(bag, free)
    assert len(episode) > 50
    steps = np.round((episode.now_ns - START_S * 10**9) / TICK_NS).astype(int)
    assert episode.fresh.all()
    applied = np.array([action_at(step - 1) if step else np.zeros(5) for step in steps])
    assert episode.applied == pytest.approx(applied.astype(np.float32))
    assert not episode.applied[steps % 10 == 0].any()  # nothing was sent in the tick before these
    poses = np.array([effector_at(step) for step in steps])
    assert episode.streams["effector"] == pytest.approx(poses, abs=1e-6)  # of both signs of a quaternion one
    assert episode.streams["opening"][:, 0] == pytest.approx([opening_at(step) for step in steps])
    assert episode.streams["contact"][:, 0] == pytest.approx((steps % 3 == 0).astype(float))
    assert episode.reference.shape == (len(episode), 0)
    assert np.abs(episode.labels[:, 0, :3] - poses[:, :3]).max() < 1e-6
    assert np.abs(episode.labels[:, 1, :3] - cube_pose()[:3]).max() < 1e-6
    if len(free.interface.targets) == 3:
        assert np.isnan(episode.labels[:, 2]).all()
        assert episode.values[:, 2] == pytest.approx(0.001 * steps, abs=1e-6)
    assert np.isnan(episode.values[:, :2]).all()


def test_actions_are_held_to_their_bounds_and_broken_ones_are_left_out(free, tmp_path):
    write_free_bag(tmp_path / "bag", free, 20, leave_out=("action",))
    with BagWriter(tmp_path / "more", free) as out, BagReader(tmp_path / "bag") as whole:
        for topic, kind, bag_ns, raw in whole.raw_messages(None):
            if topic != "/contract":
                out.write_raw(topic, kind, raw, bag_ns)
        for step, numbers in ((3, [9, -9, 0, 9, 0.5]), (5, [0, 0, np.nan, 0, 0]), (7, [0.01, 0.01])):
            at_ns = START_S * 10**9 + step * TICK_NS + TICK_NS // 2
            out.write("action", "std_msgs/msg/Float64MultiArray", out.make.numbers(numbers), at_ns)
    episode = aligned_episode(tmp_path / "more", free)
    moved = np.flatnonzero(episode.applied.any(1))
    steps = np.round((episode.now_ns - START_S * 10**9) / TICK_NS).astype(int)
    assert steps[moved].tolist() == [4]
    assert episode.applied[moved[0]] == pytest.approx([0.05, -0.05, 0, 0.3, 0.5])
    assert episode.refused == {"action": 2}
    found = check_bag(tmp_path / "more", free)["command"]
    assert "2 of 3 messages on /action cannot be read" in found[0]["found"]


def test_a_bag_without_actions_has_none(free, tmp_path):
    write_free_bag(tmp_path / "bag", free, 20, leave_out=("action",))
    assert not aligned_episode(tmp_path / "bag", free).applied.any()
    finding = check_bag(tmp_path / "bag", free)["command"][0]
    assert finding["level"] == "note"
    assert "/action is not in the bag" in finding["found"]


def test_what_needs_joints_says_so(bag, free, tmp_path):
    with pytest.raises(UserError, match="with joints"):
        LerobotExport(tmp_path / "set", free, 30, "h264")
    with pytest.raises(UserError, match="15 s of poses of effector"):
        stream_lags(bag, free)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("evaluate", "tasks"), "a robot that can be simulated"),
        (("evaluate", "surprise"), "a robot that can be simulated"),
        (("evaluate", "prediction"), "with --bags"),
        (("imagine", "--script", "x=0.1 for 1"), "one with joints"),
    ],
)
def test_what_needs_a_simulator_says_so_at_once(words, told, free, brain, tmp_path, capsys):
    (tmp_path / "free.yaml").write_text(free.text, encoding="utf-8")
    names = ("--robot", str(tmp_path / "free.yaml"), "--model", str(brain.bundle.folder))
    assert main([*words, *names]) == 2
    assert told in capsys.readouterr().err


def test_a_moment_is_drawn_though_no_sense_is_shown(bag, free, brain, tmp_path):
    (tmp_path / "free.yaml").write_text(free.text, encoding="utf-8")
    words = ("view", str(bag), "--robot", str(tmp_path / "free.yaml"), "--model", str(brain.bundle.folder))
    assert main([*words, "--until", "1", "--png", str(tmp_path / "view.png")]) == 0
    assert cv2.imread(str(tmp_path / "view.png")).shape[0] >= 480


def test_check_says_that_no_gate_is_there(free, tmp_path, capsys):
    (tmp_path / "free.yaml").write_text(free.text, encoding="utf-8")
    assert main(["check", str(tmp_path / "free.yaml")]) == 0
    said = capsys.readouterr().out
    assert "no gate: what receives action keeps its own limits" in said
    assert "collision" not in said


def test_contract_is_complete_without_kinematics(free):
    assert [finding.wrong for finding in check_contract(free)] == [None] * len(check_contract(free))


def test_check_finds_that_the_bag_fits(bag, free):
    report = check_bag(bag, free)
    assert report["fits"], json.dumps(report, indent=1)
    assert [each["found"] for each in report["command"]] == ["54 messages on /action"]
    assert {topic["stream"] for topic in report["topics"]} == {"effector", "opening", "contact", "cube_0"}
    assert all(each["level"] == "ok" for topic in report["topics"] for each in topic["findings"]), report["topics"]


def test_cache_has_poses_values_and_actions(bag, free, tmp_path):
    cache = build_cache(free, [bag, bag], tmp_path / "cache", workers=1)
    episode = aligned_episode(bag, free)
    count = len(episode)
    assert cache.begins.tolist() == [0, count, 2 * count]
    assert np.array_equal(cache.applied[:count], episode.applied)
    assert np.array_equal(cache.streams["cube_0"][count:], episode.streams["cube_0"])
    assert cache.labels.shape == (2 * count, len(free.interface.targets), 7)
    assert cache.values is not None
    assert np.array_equal(cache.values[:count], episode.values, equal_nan=True)
    assert [cache.known(k).all() for k in range(len(free.interface.targets))]
    quality = json.loads((tmp_path / "cache" / "quality.json").read_text())
    assert quality["faults"] == {}
    assert quality["moving"] > 0.8


def aligned_first(bag: Path, free: Contract) -> int:
    """Step of the first tick."""
    return round((aligned_episode(bag, free).now_ns[0] - START_S * 10**9) / TICK_NS)


def test_replay_runs_it_and_scores_the_targets(bag, free, brain, tmp_path):
    done = replay(bag, free, brain, tmp_path / "out")
    assert done.metrics["fresh"] == {"effector": 1.0, "opening": 1.0, "contact": 1.0, "cube_0": 1.0}
    assert done.metrics["statuses"] == {"idle": len(done.journal)}
    rows = done.metrics["horizon"]
    assert rows[-1]["effector_error_m"] == pytest.approx(0.0, abs=1e-5)  # it goes where its actions lead it
    assert rows[-1]["effector_still_error_m"] > 0.02
    assert rows[-1]["cube_0_error_m"] == pytest.approx(0.0, abs=1e-5)
    assert list(done.metrics["prediction"]) == [target.name for target in free.interface.targets]
    assert done.metrics["prediction"]["effector"]["copy_last"][-1] > 0.02
    if len(free.interface.targets) == 3:  # it is open by 0.001 m a step, and imagined to be closed
        ticks, ahead = len(done.journal), SIZES.horizon
        known = np.arange(ticks - ahead) + aligned_first(bag, free) + ahead
        assert rows[-1]["drawer_error_m"] == pytest.approx(0.001 * known.mean(), rel=1e-3)
        assert rows[-1]["drawer_still_error_m"] == pytest.approx(0.001 * ahead, rel=1e-3)
        assert rows[-1]["drawer_inside_region"] < 1.0
    assert done.metrics["gate"] is None
    assert not [note for note in done.metrics["notes"] if "action" in note]
    with BagReader(tmp_path / "out" / "bag") as written:
        paths = {topic for topic in written.topics() if topic.startswith("/predicted/") and topic.endswith("/path")}
    assert paths == {"/predicted/effector/path", "/predicted/cube_0/path"}  # a drawer is no place
    again = aligned_episode(tmp_path / "out" / "bag", free)
    assert np.array_equal(again.applied, aligned_episode(bag, free).applied)


def test_questions_about_a_bag_are_answered_from_its_actions(bag, free, brain):
    found = forecasts(bag, free, brain, stride=5)
    drawer = [each for each in found if each.signal == "drawer"]
    assert {each.signal for each in found} - {"drawer"} == {"effector", "cube_0"}
    assert max(each.model.max() for each in found if each.signal != "drawer") < 1e-5
    assert len(drawer) == (len(found) // 3 if len(free.interface.targets) == 3 else 0)
    for each in drawer:
        assert each.copy_last == pytest.approx(0.001 * np.arange(1, SIZES.horizon + 1), abs=1e-6)
        assert each.linear == pytest.approx(np.zeros(SIZES.horizon), abs=1e-6)
        assert each.unit == "m"


def test_without_a_camera_a_plan_is_asked_to_where_things_were_recorded(bag, free, brain):
    ahead = answer("future", bag, free, brain, 1.0).scores
    assert ahead["effector_error_m"] == pytest.approx([0.0] * SIZES.horizon, abs=1e-4)
    assert ahead["effector_still_error_m"][-1] > 0.02
    found = answer("plan", bag, free, brain, 1.0, goal_at_s=1.2).scores
    assert found["status"] == "pursuing"
    assert found["effector_left_m"] < 1e-3 < found["effector_away_m"]
    if len(free.interface.targets) == 3:
        assert ahead["drawer_still_error_m"] == pytest.approx(0.001 * np.arange(1, SIZES.horizon + 1), abs=1e-4)
        assert {"drawer_away_m", "drawer_left_m"} <= set(found)
    with pytest.raises(UserError, match="a robot with a camera"):
        answer("video", bag, free, brain, 1.0)


def test_belief_turns_with_the_cube(bag, free, brain):
    memory = brain.start()
    with BagReader(bag) as reader:
        for tick in BagTicks(reader, free):
            decision, memory = brain.tick(tick.observation, tick.applied, None, memory, None, 0)
    assert decision.belief_poses is not None
    assert decision.belief_poses[1, 5:] == pytest.approx([np.sin(0.5 * CUBE_YAW), np.cos(0.5 * CUBE_YAW)], abs=1e-6)
