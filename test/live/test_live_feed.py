"""What ``world-model view --live`` shows of a running robot, and the goal that it sends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from observer import Observer, wait_until

from world_model_ros.bringup.run import Running
from world_model_ros.cli import main
from world_model_ros.contract.contract import load_contract
from world_model_ros.nodes.view.live_feed import LiveFeed
from world_model_ros.view.outlook import Outlook

CONTRACT = load_contract("tabletop_arm")
PLACE = np.array([0.5, 0.15, 0.03])


@pytest.fixture
def feed(shared_graph: tuple[Running, Observer]) -> Iterator[LiveFeed]:
    made = LiveFeed(CONTRACT)
    yield made
    made.close()


def goal_of(seen: Outlook) -> str | None:
    return None if seen.goal is None else seen.goal[0]


def newest(feed: LiveFeed, wanted: Callable[[Outlook], bool], meanwhile: Callable[[], None] = lambda: None) -> Outlook:
    """The first outlook that is as wanted; ``meanwhile`` is done every second, as by a person who clicks again."""
    found: list[Outlook] = []
    again = 0.0

    def look() -> bool:
        nonlocal again
        if time.monotonic() > again:
            meanwhile()
            again = time.monotonic() + 1.0
        found.extend(each for each in feed.outlooks[-1:] if wanted(each))
        return bool(found)

    wait_until(look, 30.0)
    return found[0]


def everything(seen: Outlook) -> bool:
    """All that a tick says has come in time for it: on a busy machine some message may be late for some tick."""
    parts = (seen.frame, seen.joints, seen.joints_ahead, seen.states, seen.candidates, seen.badge.tick_ms)
    senses = {"front", "table_mic", "fingertip_taxels", "arm"}
    return all(part is not None for part in parts) and senses <= set(seen.senses) and "fingertip" in seen.ways


def test_a_goal_that_is_clicked_is_pursued_and_its_future_is_seen(
    shared_graph: tuple[Running, Observer], feed: LiveFeed
):
    _, observer = shared_graph
    observer.arm()
    # A publisher that sees its reader may not yet be seen by it, and then the first click is lost.
    newest(feed, lambda each: goal_of(each) == "fingertip", lambda: feed.pursue(0, "fingertip", PLACE))
    seen = newest(feed, lambda each: goal_of(each) == "fingertip" and everything(each))
    assert seen.goal is not None
    np.testing.assert_allclose(seen.goal[1], PLACE, atol=0.02)
    assert seen.status in ("pursuing", "reached")
    assert seen.frame is not None
    assert seen.frame.shape == (64, 64, 3)
    assert seen.joints_ahead is not None
    assert seen.joints_ahead.shape == (12, 6)
    assert seen.states is not None
    assert len(seen.seconds) == len(seen.states) == 12
    assert seen.candidates is not None
    assert seen.candidates.shape[1:] == (12, 3)
    tip = seen.ways["fingertip"]
    assert tip.semi_axes.shape == tip.ahead.shape == (12, 3)
    assert (tip.semi_axes > 0).all()
    assert feed.refused == 0
    newest(feed, lambda each: goal_of(each) is None, feed.drop_goal)
    times = [each.now_ns for each in feed.outlooks]
    assert times == sorted(times)


def test_a_picture_of_the_running_robot_is_written(shared_graph: tuple[Running, Observer], tmp_path: Path):
    path = tmp_path / "now.png"
    assert main(["view", "--live", "--png", str(path)]) == 0
    picture = cv2.imread(str(path))
    assert picture.shape[0] > 600
    assert picture.shape[1] > 1000
    assert picture.std() > 20
