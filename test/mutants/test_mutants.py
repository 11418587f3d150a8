"""Every mutant still finds what it changes; `scripts/mutants` tries them all, in minutes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import trial
from catalogue import MUTANTS
from mutation import Mutant, Stale
from trial import verdict

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_it_still_applies_and_its_tests_are_there(mutant: Mutant) -> None:
    assert mutant.applied(ROOT / "world_model_ros")
    for test in mutant.tests:
        path, _, name = test.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not name or re.search(rf"def {re.escape(name.split('[')[0])}\b", text)


def test_there_is_one_for_each_promise_and_their_names_are_their_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 33
    assert len({mutant.promise for mutant in MUTANTS}) == len(MUTANTS)


def test_without_pytest_nothing_is_tried_and_it_says_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trial, "find_spec", lambda name: None)
    monkeypatch.setattr(trial, "verdict", lambda *_: pytest.fail("it is tried"))
    with pytest.raises(SystemExit) as ended:
        trial.main([])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"no pytest in {sys.executable}" in said
    assert trial.EXTRAS in said
    assert f"--extras {trial.EXTRAS}" in (ROOT / "scripts" / "test").read_text(encoding="utf-8")


@pytest.mark.slow
def test_without_an_environment_it_says_how_to_have_one(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts" / "mutants", tmp_path / "scripts")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    done = subprocess.run([script], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == "mutants: no .venv/bin/python; scripts/test makes it, or PYTHON=... says which one\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package of one function, and a test of one side of it."""
    (tmp_path / "world_model_ros").mkdir()
    (tmp_path / "world_model_ros" / "__init__.py").touch()
    (tmp_path / "world_model_ros" / "bound.py").write_text(
        textwrap.dedent("""
            class Bound:
                def clip(self, value):
                    return max(0, min(value, 10))

            def other():
                return 10
        """)
    )
    (tmp_path / "test_bound.py").write_text(
        "from world_model_ros.bound import Bound\n\n\ndef test_high():\n    assert Bound().clip(20) == 10\n"
    )
    return tmp_path


def mutant(before: str, after: str, symbol: str = "bound.py::Bound.clip") -> Mutant:
    return Mutant("any", symbol, before, after, "clips", ("test_bound.py",))


@pytest.mark.slow
def test_what_a_test_sees_is_killed_and_what_none_sees_survives(project: Path) -> None:
    text = (project / "world_model_ros" / "bound.py").read_text()
    assert verdict(mutant("min(value, 10)", "min(value, 11)"), project, {}) == "killed"
    assert verdict(mutant("max(0, ", "max(-5, "), project, {}) == "survived"
    assert (project / "world_model_ros" / "bound.py").read_text() == text


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (mutant("12", "13"), "stands 0 times"),
        (mutant("10", "11", "bound.py::Bound.gone"), "no Bound.gone"),
        (mutant("10", "11", "gone.py::Bound"), "no file gone.py"),
        (mutant("min(", "min("), "changes nothing"),
        (mutant("min(", "min(("), "not Python"),
    ],
)
def test_one_that_no_longer_applies_is_refused(project: Path, changed: Mutant, why: str) -> None:
    with pytest.raises(Stale, match=re.escape(why)):
        changed.applied(project / "world_model_ros")
    assert verdict(changed, project, {}).startswith("stale: ")


@pytest.mark.slow
def test_tests_that_fail_without_a_mutant_prove_nothing(project: Path) -> None:
    (project / "test_bound.py").write_text("def test_always():\n    assert False\n")
    assert verdict(mutant("min(value, 10)", "min(value, 11)"), project, {}).startswith("stale: its tests fail")
