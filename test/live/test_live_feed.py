"""What ``world-model view --live`` shows of a running robot, and the goal that it sends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from observer import Observer, wait_until

from world_model_ros.bringup.run import Running
from world_model_ros.cli import main
from world_model_ros.contract.contract import load_contract
from world_model_ros.nodes.live_feed import LiveFeed

CONTRACT = load_contract("tabletop_arm")
PLACE = np.array([0.5, 0.15, 0.03])


@pytest.fixture
def feed(graph: tuple[Running, Observer]) -> Iterator[LiveFeed]:
    made = LiveFeed(CONTRACT)
    yield made
    made.close()


def test_a_goal_that_is_clicked_is_pursued_and_its_future_is_seen(graph: tuple[Running, Observer], feed: LiveFeed):
    _, observer = graph
    observer.arm()
    wait_until(lambda: len(feed.outlooks) > 5, 20.0)
    time.sleep(0.5)
    feed.pursue(0, "fingertip", PLACE)
    wait_until(lambda: feed.outlooks[-1].goal is not None and feed.outlooks[-1].candidates is not None, 20.0)
    seen = feed.outlooks[-1]
    assert seen.goal is not None
    assert seen.goal[0] == "fingertip"
    np.testing.assert_allclose(seen.goal[1], PLACE, atol=0.02)
    assert seen.status in ("pursuing", "reached")
    assert seen.frame is not None
    assert seen.frame.shape == (64, 64, 3)
    assert seen.joints is not None
    assert seen.joints_ahead is not None
    assert seen.joints_ahead.shape == (12, 6)
    assert seen.states is not None
    assert len(seen.seconds) == len(seen.states) == 12
    assert {"front", "table_mic", "fingertip_taxels", "arm"} <= set(seen.senses)
    assert seen.candidates is not None
    assert seen.candidates.shape[1:] == (12, 3)
    tip = seen.ways["fingertip"]
    assert tip.semi_axes.shape == tip.ahead.shape == (12, 3)
    assert (tip.semi_axes > 0).all()
    assert seen.badge.tick_ms is not None
    assert feed.refused == 0
    feed.drop_goal()
    wait_until(lambda: feed.outlooks[-1].goal is None, 20.0)
    times = [each.now_ns for each in feed.outlooks]
    assert times == sorted(times)


def test_a_picture_of_the_running_robot_is_written(graph: tuple[Running, Observer], tmp_path: Path):
    path = tmp_path / "now.png"
    assert main(["view", "--live", "--png", str(path)]) == 0
    picture = cv2.imread(str(path))
    assert picture.shape[0] > 600
    assert picture.shape[1] > 1000
    assert picture.std() > 20
