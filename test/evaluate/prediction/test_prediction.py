"""Forecasts of bags, and what is made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.prediction.forecast import Forecast, forecasts
from world_model_ros.evaluate.prediction.scores import calibration_scores, prediction_scores
from world_model_ros.evaluate.statistics import auroc, over_episodes, paired_difference, wilson
from world_model_ros.sim.collection.collect import collect


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    collect(contract, folder, 1, seed=502)
    return folder / "episode_00000"


@pytest.mark.slow
def test_every_signal_of_a_bag_is_forecast_beside_copying_and_extrapolating(
    bag: Path, contract: Contract, toy_bundle: Path
) -> None:
    brain = Brain(load_bundle(str(toy_bundle), contract), contract, policy="watch")
    found = forecasts(bag, contract, brain, stride=10)
    assert {each.signal for each in found} == {"fingertip", "object_0", "joints", "front"}
    for each in found:
        assert each.model.shape == each.copy_last.shape == each.linear.shape == (12,)
    tip = [each for each in found if each.signal == "fingertip"]
    assert all(np.isfinite(each.copy_last).all() for each in tip)
    # The toy model keeps the object where it is not: as wrong at every step, while copying is right where it rests.
    thing = [each for each in found if each.signal == "object_0" and each.travel < 1e-3]
    assert thing
    assert all(each.copy_last.max() < 1e-3 < each.model.min() for each in thing)
    joints = [each for each in found if each.signal == "joints"]
    assert all(each.inside is None for each in joints)


def forecast(model: float, travel: float, inside: float, signal: str = "object_0") -> Forecast:
    unknown = np.full(2, np.nan)
    errors = [np.full(2, value) for value in (model, 0.1, 0.2)]
    return Forecast(signal, *errors, unknown, travel, np.array([inside, np.nan]), np.array([2 * model, 0.01]))


def test_targets_are_scored_where_they_moved_and_calibrated_everywhere() -> None:
    episodes = [[forecast(0.01, 0.1, 1.0), forecast(0.5, 0.0, 0.0)], [forecast(0.03, 0.1, 1.0)]]
    scores = prediction_scores(episodes, 2, 0.1)
    assert scores["horizon_s"] == [0.1, 0.2]
    thing = scores["signals"]["object_0"]
    assert thing["forecasts"] == 2
    assert thing["model"] == [0.02, 0.02]
    assert thing["copy_last"] == [0.1, 0.1]
    low, high = thing["model_ci95"]
    assert low[0] == 0.01
    assert high[0] == 0.03
    inside = calibration_scores(episodes, 2, 0.1)["targets"]["object_0"]
    assert inside["inside"] == [pytest.approx(2 / 3, abs=1e-4), None]
    assert inside["forecasts"] == 3
    assert inside["rank_correlation"] == [1.0, None]  # twice as far off as expected, always; then the same for all


def test_intervals_are_those_of_the_books() -> None:
    low, high = wilson(18, 20)  # Wilson 1927, as tabulated
    assert (low, high) == (pytest.approx(0.699, abs=1e-3), pytest.approx(0.972, abs=1e-3))
    assert wilson(0, 0) == (0.0, 1.0)
    assert auroc([2.0, 3.0], [1.0, 2.0]) == pytest.approx(0.875)
    same = over_episodes([np.ones((3, 1)), np.ones((5, 1))])
    assert same["mean"] == same["low"] == same["high"] == [1.0]


def test_what_is_lost_is_paired_seed_by_seed() -> None:
    same = [True] * 280 + [False] * 20
    share, low, high = paired_difference(same, same)
    assert share == 0.0
    assert -0.02 < low < 0.0 < high < 0.02
    worse = [True] * 250 + [False] * 50  # 30 of 300 lost, none won
    share, low, high = paired_difference(same, worse)
    assert share == pytest.approx(0.1)
    assert 0.06 < low < 0.1 < high < 0.14
    with pytest.raises(ValueError, match="as many of both"):
        paired_difference([True], [])
