"""What ``world-model commission`` refuses before anything of ROS starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from world_model_ros.cli import main
from world_model_ros.contract.contract import load_contract

SOURCES = "\n  sources: [{name: brain, kind: brain}, {name: me, kind: person, topic: me/command}]\n  gate:\n"


@pytest.fixture
def driven(tmp_path: Path) -> Path:
    path = tmp_path / "arm.yaml"
    path.write_text(load_contract("tabletop_arm").text.replace("\n  gate:\n", SOURCES, 1))
    return path


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["commission", *map(str, words)]) == 2
    return capsys.readouterr().err


def test_a_contract_without_a_person_says_what_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "--robot", "tabletop_arm")
    assert "deployment.sources: got []" in said
    assert "{name: person, kind: person, topic: person/command" in said


def test_what_cannot_be_is_refused_at_once(driven: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "joints: got 'elbow'" in refused(capsys, "--robot", driven, "--joints", "elbow")
    assert "out: got" in refused(capsys, "--robot", driven, "--out", tmp_path / "report.txt")
    assert "out: got" in refused(capsys, "--robot", driven, "--out", tmp_path / "nowhere" / "report.md")
    assert "source: got 'brain'" in refused(capsys, "--robot", driven, "--source", "brain")
    assert "deployment.command" in refused(capsys, "--robot", "unitree_g1")


@pytest.mark.parametrize("option", [["--share", "0.1"], ["--joints", "elbow_joint"], ["--source", "me"], ["--yes"]])
def test_what_counts_for_motions_only_is_refused_where_nothing_moves(
    driven: Path, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "--robot", driven, "--listen-only", *option)
    assert "this option only without --listen-only" in said


def test_a_share_that_is_not_slow_is_refused(driven: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["commission", "--robot", str(driven), "--share", "0.5"])
    assert left.value.code == 2
    assert "expected a number from 0.01 to 0.25" in capsys.readouterr().err
