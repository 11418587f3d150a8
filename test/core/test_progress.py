"""Bars are for people: none beside JSON."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import world_model_ros
from world_model_ros.cli import main
from world_model_ros.core.progress import progress_bar

PACKAGE = Path(world_model_ros.__file__).parent


@pytest.mark.parametrize("options", [{}, {"disable": False}, {"disable": None}])
def test_a_command_that_writes_json_shows_no_bar(
    options: dict[str, bool | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", "--json"]) == 0
    capsys.readouterr()
    assert list(progress_bar(range(3), **options)) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_the_next_command_shows_its_bars_again(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["info", "--json"], ["info"]):
        assert main(words) == 0
    assert list(progress_bar(range(3), desc="counted")) == [0, 1, 2]
    assert "counted: 100%" in capsys.readouterr().err


def test_every_bar_is_made_in_one_place() -> None:
    makers = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(from|import) tqdm", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert makers == ["core/progress.py"]
