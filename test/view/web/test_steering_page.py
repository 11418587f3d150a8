"""The page of ``world-model imagine`` in a real browser: a person steers by keys, and brings the simulator along."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import browser_page, until

pytest.importorskip("viser", reason="viser is not installed (extra 'view')")
pytest.importorskip("world_model_ros.sim.scenes.scene", reason="mujoco is not installed (extra 'sim')")

from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.imagination.starting_point import SteeredImagination
from world_model_ros.view.web.steering_page import SteeringPage


@pytest.fixture
def served(contract: Contract) -> Iterator[tuple[SteeringPage, SteeredImagination]]:
    what = SteeredImagination(
        contract, Brain(load_bundle(contract.name, contract), contract, "cpu", policy="watch"), 20001, "plain"
    )
    page = SteeringPage(contract, what, (3, 6, 9, 12), 12, port=8750)
    yield page, what
    page.close()


@pytest.mark.browser
def test_a_person_steers_by_keys_and_compares(served: tuple[SteeringPage, SteeredImagination], tmp_path):
    web, what = served
    with browser_page() as page:
        page.goto(web.url)
        page.get_by_text("inside the model").wait_for()
        page.mouse.click(560, 500)  # keys go to the page, not into a field
        page.keyboard.press("j")
        until(lambda: bool(what.session.actions) and what.session.actions[-1][1] > 0.005)
        page.keyboard.press("Space")
        until(lambda: abs(what.session.actions[-1][1]) < 1e-9)

        page.get_by_text("Run the simulator too").locator("xpath=following::input[1]").check(force=True)
        page.get_by_text("fingertip").first.wait_for()
        page.get_by_text("cm off").wait_for()
        page.screenshot(path=str(tmp_path / "beside.png"))

        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Go on").wait_for()
        page.wait_for_timeout(500)
        paused = web.shown
        page.wait_for_timeout(500)
        assert web.shown == paused
        page.get_by_role("button", name="Begin anew").click()
        page.get_by_role("button", name="Go on").click()
        until(lambda: 0 < len(what.session.actions) < paused)
