"""An imagination that goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.bags.storage.find import find_bags
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.prediction.long_rollouts import LongEpisode, drift, drift_scores
from world_model_ros.evaluate.tasks.self_play import Practice
from world_model_ros.sim.collection.collect import collect

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    folder = tmp_path_factory.mktemp("long")
    collect(contract, folder, 1, seed=503, scenes="plain", run=LongEpisode(8.0))
    return find_bags([folder])[0]


def test_one_imagination_goes_on_over_many_horizons_and_is_held_against_every_tick(
    bag: Path, contract: Contract, toy_bundle: Path
) -> None:
    brain = Brain(load_bundle(str(toy_bundle), contract), contract, policy="watch")
    found = drift(bag, contract, brain)
    model, still = found["fingertip"]
    assert len(model) == len(still)
    assert 60 <= len(model) <= 84
    # The toy takes its fingertip for home at the start and then moves it exactly as commanded: it is off by the same
    # all the way, through seven horizons, where standing still is off by more and more.
    assert np.ptp(model) < 0.02
    assert np.ptp(still) > 0.1


def test_scores_count_only_the_episodes_that_lasted() -> None:
    short = {"fingertip": (np.full(10, 0.01), np.full(10, 0.2))}
    long = {"fingertip": (np.full(50, 0.03), np.full(50, 0.2))}
    tip = drift_scores([short, long], 0.1)["targets"]["fingertip"]
    assert tip["episodes"] == [2, 1, 0, 0]
    assert tip["model_m"][:2] == [0.02, 0.03]


def test_practice_is_recorded_as_the_planners_episodes(contract: Contract, toy_bundle: Path, tmp_path: Path) -> None:
    results = collect(contract, tmp_path, 1, seed=504, run=Practice(str(toy_bundle)))
    assert results[0].policy == "planner"
    assert results[0].ticks >= 20
    assert len(find_bags([tmp_path])) == 1
