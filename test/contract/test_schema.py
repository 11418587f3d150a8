"""The JSON Schema that editors use is exported from the code and kept beside the robots."""

import json
from pathlib import Path

import pytest
import yaml

from world_model_ros.contract.contract import json_schema, known_robots
from world_model_ros.core.installation.share_folder import share_folder

EXPORT = (
    "python -c 'import json; from world_model_ros.contract.contract import json_schema; "
    "print(json.dumps(json_schema(), indent=2, sort_keys=True))' > config/contract.schema.json"
)


def test_the_exported_schema_is_current():
    stored = json.loads((share_folder("config") / "contract.schema.json").read_text(encoding="utf-8"))
    assert stored == json_schema(), f"export it again: {EXPORT}"


@pytest.mark.parametrize("robot", known_robots())
def test_every_robot_of_the_package_points_its_editor_to_the_schema(robot: str):
    path = share_folder("config") / "robots" / f"{robot}.yaml"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / Path(first.partition("=")[2])).resolve() == share_folder("config") / "contract.schema.json"


@pytest.mark.parametrize("robot", known_robots())
def test_the_schema_knows_every_key_of_every_robot(robot: str):
    schema = json_schema()
    data = yaml.safe_load((share_folder("config") / "robots" / f"{robot}.yaml").read_text(encoding="utf-8"))
    assert set(data) <= set(schema["properties"])
    for part in ("interface", "deployment"):
        assert set(data[part]) <= set(schema["$defs"][part.capitalize()]["properties"])
