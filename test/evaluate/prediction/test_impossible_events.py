"""Impossible things happen, once each, on a model that is told nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.prediction.impossible_events import (
    Pair,
    _Course,
    _knocked,
    _pushed,
    surprise_pair,
    surprise_scores,
)

pytestmark = pytest.mark.slow


def test_a_touch_that_is_not_there_reaches_the_senses_and_nothing_else_differs(
    contract: Contract, toy_bundle: Path
) -> None:
    brain = Brain(load_bundle(str(toy_bundle), contract), contract, policy="watch")
    pair = surprise_pair("phantom_touch", 7101, contract, brain)
    assert pair is not None
    # The toy is surprised by how much its senses change: 2 N over 96 numbers.
    assert pair.with_event == pytest.approx(pair.without + 2.0 / 96, rel=0.3)


def test_passing_through_is_held_against_as_much_of_the_usual_course(
    contract: Contract, toy_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the larger of more ticks is compared with the larger of fewer."""

    def course(event: str | None, seed: int, contract: Contract, brain: Brain, ticks: int) -> _Course:
        rising = [float(tick) for tick in range(ticks)]
        return _Course(rising, [0.2 if tick < 11 else 0.03 for tick in rising])

    monkeypatch.setattr("world_model_ros.evaluate.prediction.impossible_events._surprises", course)
    brain = Brain(load_bundle(str(toy_bundle), contract), contract, policy="watch")
    assert surprise_pair("pass_through", 7101, contract, brain) == Pair(7101, 20.0, 20.0)
    assert surprise_pair("vanish", 7101, contract, brain) == Pair(7101, 12.0, 12.0)


@pytest.mark.parametrize("seed", [7101, 7102, 7103])
def test_the_shipped_model_is_surprised_when_a_finger_passes_through_an_object(seed: int, contract: Contract) -> None:
    brain = Brain(load_bundle("tabletop_arm", contract), contract, policy="watch")
    pair = surprise_pair("pass_through", seed, contract, brain)
    assert pair is not None
    assert pair.with_event > 1.1 * pair.without
    assert pair.with_event > 0.9


def test_a_knock_rings_once_and_a_push_keeps_its_force() -> None:
    silence = np.zeros((320, 1), np.float32)
    first, later = _knocked(silence, 0.0, 16_000.0), _knocked(silence, 0.2, 16_000.0)
    assert np.abs(first).max() > 0.2
    assert np.abs(later).max() < 1e-3
    assert not _knocked(silence, -1.0, 16_000.0).any()
    assert _pushed(np.zeros((4, 8, 3)))[..., 2].sum() == pytest.approx(2.0)


def test_scores_say_how_often_it_was_noticed_and_how_often_in_vain() -> None:
    scores = surprise_scores("vanish", [Pair(1, 3.0, 0.5), Pair(2, 0.9, 1.2)])
    assert scores["auroc"] == 0.75
    assert (scores["noticed"], scores["false_alarms"]) == (0.5, 0.5)
    assert surprise_scores("vanish", []) == {"event": "vanish", "episodes": 0, "auroc": None}
