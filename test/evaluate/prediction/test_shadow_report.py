"""What a watching brain says of its own predictions, on a toy whose fingertip goes exactly where it is commanded."""

from __future__ import annotations

import numpy as np
import pytest
from toy_bundle import SIZES

from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.core.streams import Observation
from world_model_ros.evaluate.prediction.shadow_scores import ShadowScores

H = SIZES.horizon


@pytest.fixture(scope="module")
def brain(toy_bundle, contract):
    return Brain(load_bundle(toy_bundle, contract), contract, provider="cpu", policy="watch")


def watch(brain, ticks: int, step_m: float, missing: tuple[str, ...] = (), told_m: float | None = None) -> ShadowScores:
    """Ticks in which the fingertip goes by ``step_m`` along x; the brain is told ``told_m``, or the truth."""
    scores, memory, streams = ShadowScores(brain), brain.start(), brain.contract.interface.streams
    for t in range(ticks):
        values = {each.name: np.zeros(each.shape, each.dtype) for each in streams}
        values["arm"][:, 0] = 0.01 * t - 0.3  # within the limits of all
        now_ns = (t + 1) * 10**8
        fresh = {name: name not in missing for name in values}
        seen = {name: value for name, value in values.items() if fresh[name]}
        observation = Observation(now_ns, seen, dict.fromkeys(values, now_ns), fresh)
        applied = np.array([step_m, 0], np.float32)
        decision, memory = brain.tick(observation, applied, None, memory, None, 0)
        scores.add(observation, applied if told_m is None else np.array([told_m, 0], np.float32), memory, decision)
        if t % 5 == 0:
            scores.look()
    return scores


def test_before_a_horizon_has_passed_there_is_nothing_to_say(brain):
    report = watch(brain, H, 0.01).report()
    assert report["looks"] == {"moving": 0, "still": 0}
    assert report["moving"] == {}
    assert report["ticks"] == H


def test_errors_are_by_horizon_beside_copying(brain):
    report = watch(brain, 50, 0.01).report()
    tip = report["moving"]["fingertip"]
    assert report["horizon_s"] == [0.1, 0.3, 0.6, 0.9, 1.2]
    np.testing.assert_allclose(tip["model"], 0.0, atol=1e-5)
    np.testing.assert_allclose(tip["copy_last"], np.array(report["horizon_s"]) * 0.1, rtol=1e-3)
    assert tip["model_better"] == tip["inside_region"] == [1.0] * 5
    joints = report["moving"]["joints"]
    np.testing.assert_allclose(joints["copy_last"], np.array(report["horizon_s"]) * 0.1, rtol=1e-3)
    assert joints["unit"] == "rad"


def test_under_other_commands_than_the_real_ones_it_is_wrong_and_says_so(brain):
    tip = watch(brain, 50, 0.01, told_m=-0.01).report()["moving"]["fingertip"]
    np.testing.assert_allclose(tip["model"], 2 * np.array(tip["copy_last"]), rtol=1e-2)
    assert tip["model_better"] == [0.0] * 5


def test_a_robot_that_stands_is_counted_apart(brain):
    report = watch(brain, 50, 0.0).report()
    assert report["looks"]["moving"] == 0
    assert report["looks"]["still"] > 3
    assert report["still"]["fingertip"]["model"][-1] == pytest.approx(0.0, abs=1e-6)


def test_what_is_not_seen_is_not_judged(brain):
    report = watch(brain, 50, 0.01, missing=("front",)).report()
    assert "front" not in report["moving"]
    assert "fingertip" not in report["moving"]
    assert "joints" in report["moving"]
    assert "front" in watch(brain, 50, 0.01).report()["moving"]


def test_a_belief_that_began_anew_is_not_compared_with_the_one_before(brain):
    scores = watch(brain, 50, 0.01)
    before = sum(scores.looks.values())
    scores.forget()
    scores.look()
    assert sum(scores.looks.values()) == before
