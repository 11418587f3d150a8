"""`world-model evaluate --bags`: one bag that cannot be read costs that bag alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from arm_bag import write_arm_bag

from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, load_contract


@pytest.fixture(scope="module")
def arm() -> Contract:
    return load_contract("tabletop_arm")


@pytest.mark.parametrize("what", ["prediction", "calibration"])
def test_the_others_are_scored_and_it_is_named(
    what: str, arm: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_arm_bag(tmp_path / "good", arm, 3.0)
    write_arm_bag(tmp_path / "mute", arm, 1.0, leave_out=("joints",))
    words = ["evaluate", what, "--bags", str(tmp_path), "--workers", "1", "--stride", "9"]
    assert main([*words, "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["episodes"] == 1
    assert list(found["failed"]) == [str(tmp_path / "mute")]
    assert "joint_states" in found["failed"][str(tmp_path / "mute")]
    assert main(words) == 2
    assert f"left out: {tmp_path / 'mute'}: mute: " in capsys.readouterr().out


def test_where_none_can_be_read_it_is_an_error(
    arm: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_arm_bag(tmp_path / "mute", arm, 1.0, leave_out=("joints",))
    assert main(["evaluate", "prediction", "--bags", str(tmp_path), "--workers", "1"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "bags: got [" in printed.err
    assert "expected one at least that can be read; the first: mute: " in printed.err
