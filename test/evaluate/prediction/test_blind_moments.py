"""A moment without a fresh camera image gives no picture, and says why and where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from arm_bag import write_arm_bag

from world_model_ros import cli
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.prediction import questions
from world_model_ros.evaluate.prediction.questions import Answer, _blind, _nearest, answer

FRAME = np.zeros((128, 128, 3), np.uint8)


def ticks(*fresh: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(observation=SimpleNamespace(fresh={"front": i in fresh})) for i in range(60)]


def test_the_nearest_moments_with_an_image_are_named(contract: Contract) -> None:
    seen = ticks(3, 45, 46, 52, 53, 59)
    assert _blind(seen, 50, contract, None) == "camera front was not fresh at 5.0 s; fresh at 4.5, 4.6, 5.2, 5.3 s"
    assert _blind(ticks(), 50, contract, None) == "camera front was not fresh at 5.0 s; nor at any other moment"
    assert _blind(seen, 50, contract, FRAME) == ""


def test_the_nearest_moment_with_an_image_is_taken_within_half_a_second(contract: Contract) -> None:
    def nearest(t: int, last: int, *fresh: int) -> int:
        return _nearest(SimpleNamespace(ticks=ticks(*fresh)), t, last, contract)

    assert nearest(50, 59, 45, 52, 53) == 52
    assert nearest(50, 59, 48, 52) == 48, "of two as near the earlier"
    assert nearest(50, 59, 50, 51) == 50
    assert nearest(50, 51, 45, 52) == 45, "none that is too late for what is asked"
    assert nearest(50, 59, 44, 56) == 50, "none is near enough"
    assert nearest(2, 59, 0, 4) == 4, "before the first tick there is no belief"


def test_what_is_asked_at_a_blind_tick_is_answered_at_the_next_one_that_sees(
    contract: Contract, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_arm_bag(tmp_path / "whole", contract, 4.0)
    with BagReader(tmp_path / "whole") as reader, BagWriter(tmp_path / "blind") as blind:
        for topic, kind, at, raw in reader.raw_messages():
            if "camera" not in topic or abs((at - reader.start_ns) * 1e-9 - 1.25) > 0.35:
                blind.write_raw(topic, kind, raw, at)
    told = {}
    for bag in ("whole", "blind"):
        words = ["ask", "future", str(tmp_path / bag), "--model", str(toy_bundle), "--at", "1.3"]
        assert cli.main([*words, "--out", str(tmp_path / bag / "out"), "--json"]) == 0
        told[bag] = json.loads(capsys.readouterr().out)
    assert told["whole"]["at_s"] == 1.3
    taken_s = told["blind"]["at_s"]
    assert 0.05 < abs(taken_s - 1.3) <= 0.5
    assert told["blind"]["files"]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 0
    assert f"at {taken_s:.1f} s: the nearest moment with an image" in capsys.readouterr().out
    brain = Brain(load_bundle(toy_bundle, contract), contract, "cpu")
    asked, found = (answer("future", tmp_path / "blind", contract, brain, at_s) for at_s in (1.3, taken_s))
    assert np.array_equal(asked.actions, found.actions), "all of the answer is of the moment that was taken"
    goal = answer("video", tmp_path / "blind", contract, brain, 0.5, goal_at_s=1.3)
    assert goal.goal is not None
    assert goal.goal_at_s == taken_s


@pytest.mark.parametrize(("mode", "out", "status"), [("future", True, 1), ("future", False, 0), ("plan", False, 0)])
def test_the_command_says_it_and_ends_with_1_where_a_picture_was_asked_for(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, monkeypatch, capsys, mode: str, out: bool, status: int
) -> None:
    blind = Answer(mode, np.zeros((12, 2)), np.zeros((12, 2)), None, (), (), {}, None, "camera front was not fresh")
    monkeypatch.setattr(questions, "answer", lambda *_: blind)
    words = ["ask", mode, str(arm_bag), "--model", str(toy_bundle), "--json"]
    assert cli.main([*words, *(["--out", str(tmp_path / "out")] if out else [])]) == status
    said = capsys.readouterr()
    assert json.loads(said.out)["no_picture"] == (blind.blind if mode == "future" else None)
    assert ("no picture: camera front was not fresh" in said.err) == (mode == "future")
