"""A moment without a fresh camera image gives no picture, and says why and where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from world_model_ros import cli
from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.prediction import questions
from world_model_ros.evaluate.prediction.questions import Answer, _blind

FRAME = np.zeros((128, 128, 3), np.uint8)


def ticks(*fresh: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(observation=SimpleNamespace(fresh={"front": i in fresh})) for i in range(60)]


def test_the_nearest_moments_with_an_image_are_named(contract: Contract) -> None:
    seen = ticks(3, 45, 46, 52, 53, 59)
    assert _blind(seen, 50, contract, None) == "camera front was not fresh at 5.0 s; fresh at 4.5, 4.6, 5.2, 5.3 s"
    assert _blind(ticks(), 50, contract, None) == "camera front was not fresh at 5.0 s; nor at any other moment"
    assert _blind(seen, 50, contract, FRAME) == ""


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
