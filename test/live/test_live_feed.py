"""What ``world-model view --live`` shows of a running robot, and the goal that it sends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import cycle
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
PLACES = np.array([[0.5, 0.15, 0.03], [0.5, -0.15, 0.03]])


@pytest.fixture
def feed(shared_graph: tuple[Running, Observer]) -> Iterator[LiveFeed]:
    made = LiveFeed(CONTRACT)
    yield made
    made.close()


def goal_of(seen: Outlook) -> str | None:
    return None if seen.goal is None else seen.goal[0]


def newest(feed: LiveFeed, wanted: Callable[[Outlook], bool], meanwhile: Callable[[], None] = lambda: None) -> Outlook:
    """The first outlook that is as wanted; ``meanwhile`` is done every two seconds, as by a person who clicks again."""
    found: list[Outlook] = []
    again = 0.0

    def look() -> bool:
        nonlocal again
        if time.monotonic() > again:
            meanwhile()
            again = time.monotonic() + 2.0
        found.extend(each for each in feed.outlooks[-1:] if wanted(each))
        return bool(found)

    wait_until(look, 60.0)
    return found[0]


def parts_of(seen: Outlook) -> set[str]:
    """Names of what a tick brought: on a busy machine some message is late for almost every tick."""
    read = ("frame", "joints", "joints_ahead", "states", "candidates")
    ticked = {"tick_ms"} if seen.badge.tick_ms is not None else set()
    return {name for name in read if getattr(seen, name) is not None} | set(seen.senses) | set(seen.ways) | ticked


def test_goals_that_are_clicked_are_pursued_and_their_future_is_seen(
    shared_graph: tuple[Running, Observer], feed: LiveFeed
):
    _, observer = shared_graph
    observer.arm()
    # A publisher that sees its reader may not yet be seen by it, and then the first click is lost.
    clicked = newest(feed, lambda each: goal_of(each) == "fingertip", lambda: feed.pursue(0, "fingertip", PLACES[0]))
    assert clicked.goal is not None
    np.testing.assert_allclose(clicked.goal[1], PLACES[0], atol=0.02)
    assert clicked.status in ("pursuing", "reached")

    missing = {"frame", "joints", "joints_ahead", "states", "candidates", "tick_ms"}
    missing |= {"front", "table_mic", "fingertip_taxels", "arm", "fingertip"}
    seen: dict[str, Outlook] = {}

    def nothing_is_missing(outlook: Outlook) -> bool:
        new = missing & parts_of(outlook) if goal_of(outlook) == "fingertip" else set()
        seen.update(dict.fromkeys(new, outlook))
        missing.difference_update(new)
        return not missing

    there_and_back = cycle(PLACES)  # other futures are told on the way alone
    try:
        newest(feed, nothing_is_missing, lambda: feed.pursue(0, "fingertip", next(there_and_back)))
    except AssertionError as error:
        raise AssertionError(f"never seen: {sorted(missing)}") from error
    assert seen["frame"].frame is not None
    assert seen["frame"].frame.shape == (64, 64, 3)
    assert seen["joints_ahead"].joints_ahead is not None
    assert seen["joints_ahead"].joints_ahead.shape == (12, 6)
    assert seen["states"].states is not None
    assert len(seen["states"].seconds) == len(seen["states"].states) == 12
    assert seen["candidates"].candidates is not None
    assert seen["candidates"].candidates.shape[1:] == (12, 3)
    tip = seen["fingertip"].ways["fingertip"]
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
