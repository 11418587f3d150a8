"""Executables where ROS is missing, and their help, which needs none."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from world_model_ros.core.installation.missing import to_install
from world_model_ros.nodes import entry
from world_model_ros.nodes.brain import parameters as brain_parameters
from world_model_ros.nodes.view import future_view_node

NODES = Path(entry.__file__).parent
EXECUTABLES = sorted(name for name in vars(entry) if name.endswith("_node"))


def declared(name: str) -> set[str]:
    """Names of a node's parameters, by its source."""
    names = set(
        re.findall(r'\bdeclare\(\s*self,\s*"(\w+)"', next(NODES.rglob(f"{name}.py")).read_text(encoding="utf-8"))
    )
    names |= set(brain_parameters.PARAMETERS) if name == "world_model_node" else set()
    return names | (set(future_view_node._PARAMETERS) if name == "future_view_node" else set())


@pytest.mark.parametrize("name", EXECUTABLES)
@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_tells_every_parameter_and_starts_nothing(
    name: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, word])
    monkeypatch.setattr(importlib, "import_module", lambda name: pytest.fail(f"{name} is imported"))
    with pytest.raises(SystemExit) as ended:
        getattr(entry, name)()
    assert not ended.value.code
    said = capsys.readouterr().out
    assert said.startswith(f"usage: {name} ")
    assert len(declared(name)) >= {"clouds_node": 1}.get(name, 3)
    assert {each for each in declared(name) if f"``{each}``" not in said} == set()


def modules_of_ros() -> set[str]:
    """What our nodes import that no wheel of PyPI's own brings."""
    found: set[str] = set()
    for path in NODES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
    return found - set(sys.stdlib_module_names) - {"world_model_ros", "numpy", "rosbags", "scipy", "yaml"}


@pytest.mark.parametrize("module", sorted(modules_of_ros()))
def test_whichever_module_is_missed_first_there_is_one_line(module: str) -> None:
    said = to_install(ModuleNotFoundError(name=f"{module}.msg"))
    assert said is not None
    assert module in str(said)


def test_a_module_of_nobody_is_a_mistake_of_ours() -> None:
    assert to_install(ModuleNotFoundError(name="world_model_ros.nodes.nothing")) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("world_model_node", "seed:=x", "seed: got 'x'; expected a whole number"),
        ("demo_node", "seed:=x", "seed: got 'x'; expected a whole number"),
        ("command_gate_node", "thread_priority:=x", "thread_priority: got 'x'; expected a whole number"),
        ("command_gate_node", "owner:=person", "owner: got 'person'; expected brain"),
        ("world_model_node", "robot:=", "robot:="),
        ("demo_node", "seed", "NAME:=VALUE"),
        ("command_gate_node", "speed_scale", "NAME:=VALUE"),
        ("bag_player_node", "rate:=2", "path: got ''; expected a bag folder"),
    ],
)
def test_a_wrong_parameter_is_one_line(name: str, given: str, said: str) -> None:
    program = f"from world_model_ros.nodes.entry import {name}; {name}()"
    command = [sys.executable, "-c", program, "--ros-args", "-p", given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"{name}: ")
    assert said in last
    assert "Traceback" not in done.stderr
