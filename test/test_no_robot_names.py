"""One code for every robot: none is named outside of config, models, docs, tests and what is simulated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from world_model_ros.contract.contract import known_robots
from world_model_ros.core.installation.share_folder import default_robot

ROOT = Path(__file__).resolve().parents[1]
MAKERS = (
    "unitree",
    "franka",
    "panda",
    "universal_robots",
    "ur5",
    "ur10",
    "talos",
    "kuka",
    "xarm",
    "kinova",
    "inspire_hand",
)
CODE = (".py", ".sh", ".j2", ".cfg", ".toml", ".xml", "")


def code_files() -> list[Path]:
    """Everything that runs, but what describes the simulated robots."""
    roots = (ROOT / "world_model_ros", ROOT / "scripts", ROOT / "launch")
    files = [path for root in roots for path in root.rglob("*") if path.is_file() and path.suffix in CODE]
    return [path for path in files if "sim" not in path.relative_to(ROOT).parts and "__pycache__" not in path.parts]


def named(text: str) -> list[str]:
    """Names of robots in a text."""
    names = "|".join(sorted({*known_robots(), *MAKERS}, key=len, reverse=True))
    return re.findall(rf"(?i)(?<![a-z0-9])(?:{names})(?![a-z0-9])", text)


@pytest.mark.parametrize("path", code_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_names_a_robot(path: Path):
    assert named(path.read_text(encoding="utf-8")) == []


def test_the_search_finds_names_where_there_are_some():
    assert len(code_files()) > 150
    assert named('Argument("robot", "tabletop_arm")') == ["tabletop_arm"]
    assert named("if robot == 'Unitree_G1':") == ["Unitree_G1"]
    assert named("a panel and hands") == []


def test_the_default_robot_is_one_of_the_package():
    assert default_robot() in known_robots()
