"""The table of hazards in docs/deploying.md has every rule and fault of the gate, and names tests that are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from world_model_ros.commissioning import commissioner, judging, listening
from world_model_ros.gate.conditions.ownership import JOIN, OWNER
from world_model_ros.gate.states import FAULTS, Event

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Hazards")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in SECTION.splitlines() if line.startswith("| ")]
HAZARDS = ROWS[1:]  # without the head
NAMED = [test for row in HAZARDS for test in re.findall(r"`([^`]+)`", row[2])]


def refusals(path: Path) -> set[str]:
    """Names of the rules by which a module refuses."""
    calls = [each for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(each, ast.Call)]
    made = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "Refusal" and each.args]
    return {each.args[0].value for each in made if isinstance(each.args[0], ast.Constant)}


def in_the_table() -> set[str]:
    return {word for row in HAZARDS for word in re.findall(r"`(\w+)`", row[1])}


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))


def test_each_rule_for_commands_meets_a_hazard() -> None:
    rules = refusals(ROOT / "world_model_ros" / "gate" / "rules.py")
    assert {"form", "joint_names", "horizon", "order", "velocity"} <= rules
    assert rules - in_the_table() == set()


def test_each_other_rule_and_each_fault_of_the_gate_meets_a_hazard() -> None:
    gate = ROOT / "world_model_ros" / "gate"
    rules = set().union(*(refusals(path) for path in (gate / "gate.py", *(gate / "conditions").glob("*.py"))))
    wanted = rules | {OWNER, JOIN, Event.SILENCE.value, Event.HAND_OVER.value, *(fault.value for fault in FAULTS)}
    assert {"leading", "state", "cloud_stale"} <= wanted
    assert wanted - in_the_table() == set()


def test_each_row_names_a_test() -> None:
    assert len(HAZARDS) > 15
    assert [row[0] for row in HAZARDS if len(row) != 3 or "::test_" not in row[2]] == []


@pytest.mark.parametrize("named", sorted(set(NAMED)))
def test_each_test_that_is_named_is_there(named: str) -> None:
    path, _, function = named.partition("::")
    assert (ROOT / path).is_file()
    assert function in functions(path)


def test_the_page_has_every_check_of_a_commissioning() -> None:
    text = PAGE.partition("\n## Commission")[2].partition("\n## ")[0]
    told = {word for line in text.splitlines() if line.startswith("| ") for word in re.findall(r"`([\w/ ]+)`", line)}
    made = set()
    for module in (commissioner, judging, listening):
        for call in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Check":
                made |= {each.value for each in call.args[1:2] if isinstance(each, ast.Constant)}
    assert {"direction", "units", "takes over", "rate"} <= made
    assert made - told - {"motion"} == set()
