"""Steering inside the model: speed, and the simulator beside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.imagination.starting_point import SteeredImagination
from world_model_ros.evaluate.imagination.steered_session import FRAMES_A_TICK

pytestmark = pytest.mark.slow


@pytest.fixture
def inside(contract: Contract):
    brain = Brain(load_bundle(contract.name, contract), contract, "cpu", policy="watch")
    what = SteeredImagination(contract, brain, 20001, "plain")
    yield what
    what.close()


def test_the_imagined_fingertip_goes_where_it_is_steered_and_the_object_stays(inside: SteeredImagination):
    begin = inside.tick(np.zeros(2))
    assert len(begin.frames) == FRAMES_A_TICK
    assert begin.truth == {}
    for _ in range(8):
        view = inside.tick(np.array([0.0, 0.02]))
    moved = {name: way.now - begin.outlook.ways[name].now for name, way in view.outlook.ways.items()}
    np.testing.assert_allclose(moved["fingertip"][:2], [0.0, 0.16], atol=0.01)
    assert np.linalg.norm(moved["object_0"][:2]) < 0.03
    assert view.inside.errors_m is None


def test_the_simulator_makes_up_for_what_was_steered_before_it_came(inside: SteeredImagination):
    for _ in range(6):
        inside.tick(np.array([0.0, 0.02]))
    inside.compare(True)
    view = inside.tick(np.array([0.0, 0.02]))
    assert view.inside.errors_m is not None
    assert view.inside.errors_m[0] < 0.02  # without making up it would be some 10 cm
    assert view.real is not None
    inside.compare(False)
    assert inside.tick(np.zeros(2)).truth == {}


def test_beginning_anew_is_the_same_beginning(inside: SteeredImagination):
    first = inside.tick(np.array([0.01, 0.0]))
    inside.restart()
    again = inside.tick(np.array([0.01, 0.0]))
    np.testing.assert_array_equal(first.frames[-1], again.frames[-1])


def test_the_command_compares_with_the_simulator_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    picture = tmp_path / "inside.png"
    words = ["imagine", "--seed", "20001", "--script", "y=0.2 for 0.8; for 0.4", "--beside", "--png", str(picture)]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] == [1.0]
    assert found["ticks"] == 12
    assert found["frames_per_s"] == pytest.approx(FRAMES_A_TICK * found["ticks_per_s"], rel=0.01)
    tip = found["targets"]["fingertip"]
    assert tip["moved_m"][0] > 0.1
    assert tip["model_m"][0] < 0.02
    assert len(found["object_pixels"]) == 1
    assert picture.stat().st_size > 10_000


def test_a_bag_has_no_simulator_to_run_beside(tmp_path: Path):
    assert main(["imagine", "--bag", str(tmp_path), "--script", "for 1", "--beside"]) == 2


def test_scenes_together_say_how_often_they_stay_within_bounds(capsys: pytest.CaptureFixture[str]):
    words = ["imagine", "--seed", "9000", "--repeat", "2", "--script", "y=0.2 for 0.8; for 0.2", "--beside"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["scenes"] == 2
    tip = found["targets"]["fingertip"]["model_m"]
    assert tip["within"] == [1.0]
    assert 0 < tip["median"][0] <= tip["largest"][0] < 0.03
    assert main([*words[:-1], "--json"]) == 2  # nothing to compare with
