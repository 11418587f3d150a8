"""A topic of the package that has a folder in its name is written as a text of its own in one place only."""

from __future__ import annotations

import ast
from pathlib import Path

from world_model_ros.contract import topics

PACKAGE = Path(topics.__file__).parents[1]
NAMED = {name for each, name in vars(topics).items() if each.isupper() and "/" in name and not name.endswith("/")}


def written(path: Path) -> set[str]:
    """Names of topics that a module writes as texts, as they are or as bags have them."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts & (NAMED | {f"/{name}" for name in NAMED})


def test_no_module_writes_the_name_of_a_topic_itself() -> None:
    assert {"gate/state", "goal/request", "predicted/states", "/diagnostics"} <= NAMED
    others = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "contract" / "topics.py"]
    assert len(others) > 400
    assert {str(path.relative_to(PACKAGE)): found for path in others if (found := written(path))} == {}


def test_names_that_are_made_of_others() -> None:
    assert topics.goal_topic("object_0") == "goal/object_0/pose"
    assert topics.goal_topic("drawer", articulated=True) == "goal/drawer/value"
    assert topics.path_topic("object_0") == "predicted/object_0/path"
    assert topics.region_topic("object_0") == "predicted/object_0/region"
    assert topics.seen_topic("front") == "gate/seen/front"
