"""The page of ``world-model view`` in a real browser: it shows a bag, is scrubbed, played, paused, and clicked on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import browser_page, until

pytest.importorskip("viser", reason="viser is not installed (extra 'view')")

from world_model_ros.bags.replay.replay import ReplayOptions
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.commands.view.bag_feed import BagFeed
from world_model_ros.contract.contract import Contract
from world_model_ros.view.frame_decoder import FrameDecoder
from world_model_ros.view.pictures.dashboard import Dashboard
from world_model_ros.view.web.outlook_page import WebPage

_STEPS = (3, 6, 9, 12)


@pytest.fixture
def feed(episode: Path, contract: Contract) -> BagFeed:
    """A simulated episode, as the shipped model replays it."""
    brain = Brain(load_bundle(contract.name, contract), contract, "cpu")
    return BagFeed(episode, contract, brain, ReplayOptions())


@pytest.fixture
def web(feed: BagFeed, contract: Contract) -> Iterator[WebPage]:
    decoder = FrameDecoder(load_bundle(contract.name, contract), "cpu")
    page = WebPage(contract, feed, Dashboard(contract, decoder, _STEPS), _STEPS, 12, port=8700)
    yield page
    page.close()


@pytest.mark.browser
def test_a_person_looks_at_a_bag(web: WebPage, feed: BagFeed, tmp_path: Path):
    with browser_page() as page:
        page.goto(web.url)
        page.get_by_text("under the executed actions").wait_for()

        def shown(name: str) -> np.ndarray:
            page.wait_for_timeout(1500)
            page.screenshot(path=str(tmp_path / f"{name}.png"))
            return cv2.imread(str(tmp_path / f"{name}.png")).astype(int)

        begin = shown("begin")
        assert begin.std() > 20  # something is drawn

        slider = page.get_by_role("slider").first
        slider.focus()
        slider.press("End")
        until(lambda: web.index == len(feed.outlooks) - 1)
        assert np.abs(shown("end") - begin).mean() > 1.0
        slider.focus()
        slider.press("Home")
        until(lambda: web.index == 0)

        page.get_by_role("button", name="Play").click()
        page.get_by_role("button", name="Pause").wait_for()
        until(lambda: web.index > 3)
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Play").wait_for()
        paused = web.index
        page.wait_for_timeout(500)
        assert web.index == paused

        page.get_by_role("button", name="Set by a click on the table").click()
        page.get_by_text("Click on the table now.").wait_for()
        canvas = max(page.locator("canvas").all(), key=lambda each: each.bounding_box()["width"]).bounding_box()
        page.mouse.click(canvas["x"] + 0.4 * canvas["width"], canvas["y"] + 0.6 * canvas["height"])
        page.get_by_text("fingertip to x").wait_for()
        page.get_by_text("pursuing").wait_for()
        shown("goal")
