"""`world-model demo --seeds`: which seeds, what is kept, and what is run again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from world_model_ros.commands.demo.demo import add_arguments
from world_model_ros.commands.demo.seeds import run_seeds, seeds_named
from world_model_ros.commands.options import Parser
from world_model_ros.core.errors import UserError


def arguments(out: Path, *more: str) -> argparse.Namespace:
    parser = Parser()
    add_arguments(parser)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(["--out", str(out), "--json", *more])


def reached(seed: int, *, all_of_them: bool = True, rearmed: int = 0) -> dict[str, Any]:
    goal = {"kind": "pose", "error_m": 0.01, "seconds": 1.0}
    goals = [{**goal, "reached": True, "rearmed": rearmed}, {**goal, "reached": all_of_them, "rearmed": 0}]
    rates = {"short_of": ["12.0 of 30 images a second of camera front"] if rearmed else []}
    return {"seed": seed, "success": all_of_them, "goals": goals, "rates": rates, "stages_ms": {}}


@pytest.mark.parametrize(
    ("text", "seeds"), [("7", [7]), ("1000..1003", [1000, 1001, 1002, 1003]), ("3, 8..9,3", [3, 8, 9]), ("5..5", [5])]
)
def test_seeds_are_numbers_and_ranges(text: str, seeds: list[int]) -> None:
    assert seeds_named(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "3..", "..3", "-1", "9..3", "1...3", "0..99999999", "1,,2"])
def test_other_words_are_an_error_that_says_how(text: str) -> None:
    with pytest.raises(UserError, match=r"1000\.\.1009"):
        seeds_named(text)


def test_each_run_is_stored_and_only_what_is_missing_or_asked_otherwise_is_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[int] = []

    def once(given: argparse.Namespace, out: Path) -> dict[str, Any]:
        out.mkdir(parents=True, exist_ok=True)
        ran.append(given.seed)
        if given.seed == 2 and len(ran) < 4:
            raise UserError("demo", "no verdict in 300 s", "a verdict")
        return reached(given.seed, rearmed=2 if given.seed == 3 else 0)

    assert run_seeds(arguments(tmp_path, "--seeds", "1..3"), once) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["succeeded"], result["of"], result["goals"]) == (2, 3, {"reached": 4, "of": 4})
    assert "no verdict" in result["runs"][1]["error"]
    assert ran == [1, 2, 3]

    assert run_seeds(arguments(tmp_path, "--seeds", "1..4"), once) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert ran == [1, 2, 3, 2, 4], "what broke and what is new"
    assert [run["seed"] for run in result["runs"]] == [1, 2, 3, 4]
    assert result["rearmed"] == 2
    assert "12.0 of 30 images a second" in shown.err
    assert json.loads((tmp_path / "seeds.json").read_text())["succeeded"] == 4

    run_seeds(arguments(tmp_path, "--seeds", "1", "--rate", "20"), once)
    assert ran[-1] == 1, "at another rate it is another run"


def test_a_goal_that_is_not_reached_is_a_result_and_no_success(tmp_path: Path) -> None:
    def once(given: argparse.Namespace, out: Path) -> dict[str, Any]:
        out.mkdir(parents=True)
        return reached(given.seed, all_of_them=False)

    assert run_seeds(arguments(tmp_path, "--seeds", "1"), once) == 1
    assert run_seeds(arguments(tmp_path, "--seeds", "1"), lambda *_: pytest.fail("it is not run again")) == 1
