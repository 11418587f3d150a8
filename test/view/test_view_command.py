"""``world-model view`` without a page: the outlooks of a bag, pictures and films."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from world_model_ros.bags.replay.replay import ReplayOptions
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.cli import main
from world_model_ros.commands.view.bag_feed import BagFeed
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError


@pytest.fixture(scope="module")
def feed(episode: Path, contract: Contract) -> BagFeed:
    brain = Brain(load_bundle(contract.name, contract), contract, "cpu")
    return BagFeed(episode, contract, brain, ReplayOptions())


@pytest.mark.slow
def test_without_a_goal_it_shows_what_the_executed_actions_lead_to(feed: BagFeed):
    early, late = feed.outlooks[20], feed.outlooks[-1]
    assert early.status == "under the executed actions"
    assert late.status != early.status  # what was executed after the end is not known
    came = [feed.outlooks[20 + step].joints for step in (3, 6)]
    assert early.joints_ahead is not None
    assert early.joints is not None
    for step, joints in zip((3, 6), came):
        assert np.abs(early.joints_ahead[step - 1] - joints).max() < np.abs(early.joints - joints).max()


def test_a_goal_is_planned_for_from_any_moment(feed: BagFeed):
    now = feed.outlooks[15]
    tip = now.ways["fingertip"].now
    assert tip is not None
    place = tip.astype(np.float64) + np.array([0.0, 0.08 if tip[1] < 0 else -0.08, 0.0])
    planned = feed.pursue(15, "fingertip", place)
    assert planned is not None
    assert planned.goal is not None
    way = planned.ways["fingertip"].ahead
    assert np.linalg.norm(way[-1, :2] - place[:2]) < 0.5 * np.linalg.norm(way[0, :2] - place[:2])
    assert feed.pursue(15, "fingertip", place) is planned


@pytest.mark.slow
def test_pictures_and_films_are_written(episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    av = pytest.importorskip("av")
    png, mp4 = tmp_path / "moment.png", tmp_path / "film.mp4"
    words = ["view", str(episode), "--until", "1.5", "--at", "0.5", "--png", str(png), "--mp4", str(mp4), "--json"]
    assert main(words) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["files"] == [str(png), str(mp4)]
    picture = cv2.imread(str(png))
    assert picture.shape[0] > 600
    assert picture.shape[1] > 1000
    with av.open(str(mp4)) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == about["ticks"]
    assert frames[0].shape == picture.shape


@pytest.mark.parametrize(
    ("words", "legal"),
    [
        (["view"], "a bag or --live"),
        (["view", "BAG", "--live"], "a bag or --live"),
        (["view", "--live", "--mp4", "x.mp4"], "a bag: record one first"),
        (["view", "BAG", "--at", "99", "--png", "x.png"], "0 to "),
        (["view", "BAG", "--steps", "3,99"], "from 1 to 12"),
    ],
)
def test_mistakes_are_told(episode: Path, words: list[str], legal: str, capsys: pytest.CaptureFixture[str]):
    assert main([str(episode) if word == "BAG" else word for word in words]) == 2
    assert legal in capsys.readouterr().err


def test_a_moment_outside_of_the_bag_is_refused(feed: BagFeed):
    assert feed.at(0.0) == 0
    with pytest.raises(UserError, match="at"):
        feed.at(-1.0)
