"""Five questions to one bundle."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from world_model_ros import cli
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.prediction.questions import MODES, Mode, answer
from world_model_ros.sim.collection.collect import collect

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    folder = tmp_path_factory.mktemp("modes")
    collect(contract, folder, 1, seed=502, scenes="plain")
    return folder / "episode_00000"


@pytest.fixture(scope="module")
def brain(contract: Contract) -> Brain:
    return Brain(load_bundle("tabletop_arm", contract), contract)


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_answers_with_actions_or_a_video_that_are_finite(
    mode: Mode, bag: Path, contract: Contract, brain: Brain
) -> None:
    found = answer(mode, bag, contract, brain, at_s=2.0)
    assert found.actions.shape[1] == 2
    assert np.isfinite(found.actions).all()
    assert len(found.frames) == (0 if mode in ("inverse", "plan") else 12)
    if mode in ("future", "video", "together"):
        assert np.abs(found.frames[-1].astype(int) - found.frames[0]).max() > 0


def test_the_future_under_recorded_actions_is_seen_better_than_by_standing_still(
    bag: Path, contract: Contract, brain: Brain
) -> None:
    gains = []
    for at_s in (1.5, 2.5, 3.5):
        scores = answer("future", bag, contract, brain, at_s=at_s).scores
        gains.append(scores["psnr_db"][-1] - scores["psnr_still_db"][-1])
    assert np.mean(gains) > 1.0


def test_actions_are_found_between_observations_that_were_never_told_them(
    bag: Path, contract: Contract, brain: Brain
) -> None:
    found = answer("inverse", bag, contract, brain)
    assert found.scores["correlation"] > 0.9
    assert found.scores["action_rms"] < 0.5 * found.scores["action_rms_of_the_mean"]


def test_a_plan_leads_toward_the_picture_of_a_goal(bag: Path, contract: Contract, brain: Brain) -> None:
    found = answer("video", bag, contract, brain, at_s=1.0, goal_at_s=2.0)
    assert found.scores["left_m"] < 0.02
    assert found.goal is not None


def test_a_moment_outside_of_the_bag_and_a_model_without_a_planner_are_refused(
    bag: Path, contract: Contract, brain: Brain, tmp_path: Path
) -> None:
    for at_s in (99.0, float("nan"), float("inf"), -1.0):
        with pytest.raises(UserError, match=rf"at: got {at_s}; expected 0\.1 to "):
            answer("together", bag, contract, brain, at_s=at_s)
    with BagReader(bag) as reader, BagWriter(tmp_path / "short") as short:
        for topic, kind, at, raw in reader.raw_messages():
            if at < reader.start_ns + 80_000_000:
                short.write_raw(topic, kind, raw, at)
    with pytest.raises(UserError, match="bag: got '1 ticks'; expected two ticks at least"):
        answer("together", tmp_path / "short", contract, brain)
    watcher = Brain(brain.bundle, contract, policy="watch")
    with pytest.raises(UserError, match="a model that acts"):
        answer("plan", bag, contract, watcher)


@pytest.mark.parametrize("mode", MODES)
def test_a_bag_in_which_no_joint_fits_is_refused(
    mode: Mode, bag: Path, contract: Contract, brain: Brain, tmp_path: Path
) -> None:
    with BagReader(bag) as reader, BagWriter(tmp_path / "others") as others:
        for topic, kind, at, raw in reader.raw_messages():
            same = topic.lstrip("/") != "joint_states"
            others.write_raw(topic, kind, raw if same else bytes(raw).replace(b"_joint", b"_jjint"), at)
    with pytest.raises(UserError, match=r"others: joint_states: got 'messages that do not fit'; .*tabletop_arm"):
        answer(mode, tmp_path / "others", contract, brain, at_s=2.0)


def test_the_command_draws_and_prints(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    goal = tmp_path / "goal.png"
    cv2.imwrite(str(goal), np.full((128, 128, 3), 127, np.uint8))
    words = ["ask", "video", str(bag), "--goal-image", str(goal), "--out", str(tmp_path), "--json"]
    assert cli.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["actions"]) == 12
    assert cv2.imread(told["files"][0]).std() > 5
    assert cli.main(["ask", "video", str(bag), "--goal-image", str(bag)]) == 2
    assert "goal-image" in capsys.readouterr().err
