"""What packaging promises: both doors in find the same things, and the version is one."""

import ast
import collections
import datetime
import itertools
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from world_model_ros import __version__
from world_model_ros.bringup.options import SimulationOptions
from world_model_ros.bringup.processes import own, simulation
from world_model_ros.cli import main
from world_model_ros.core.installation.share_folder import PACKAGE
from world_model_ros.nodes import entry

ROOT = Path(__file__).resolve().parents[2]
XML = ElementTree.parse(ROOT / "package.xml").getroot()


def scripts() -> dict[str, str]:
    found = entry_points(group="console_scripts")
    return {each.name: each.value for each in found if each.value.startswith(PACKAGE)}


@pytest.mark.slow
def test_every_process_has_an_executable_that_can_be_imported():
    processes = own(simulation(SimulationOptions("tabletop_arm", record="bag")))
    assert {process.executable for process in processes} <= set(scripts())
    assert {name for name in _of_setup("NODES") if not callable(getattr(entry, name, None))} == set()
    lines = [
        f"from {module} import {name}; assert callable({name})" for module, name in map(_split, scripts().values())
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=120)


def _split(entry_point: str) -> list[str]:
    return entry_point.split(":")


def test_the_version_is_the_last_release_or_the_one_in_the_making():
    """ROS allows three numbers only in package.xml, so between two releases that is the last one."""
    changelog = (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8")
    newest = re.search(r"^(\d+)\.(\d+)\.(\d+)", changelog, re.MULTILINE)
    assert newest is not None
    released = tuple(map(int, newest.groups()))
    assert XML.findtext("version") == newest[0]
    version = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(\.dev\d+)?", __version__)
    assert version is not None
    if re.search("^Forthcoming$", changelog, re.MULTILINE):
        assert version[4] is not None
        assert tuple(map(int, version.groups()[:3])) > released
    else:
        assert __version__ == newest[0]


def test_setup_and_command_line_say_the_version_of_the_code(capsys):
    assert _of_setup("VERSION") == __version__
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"world-model {__version__}\n"


def test_package_xml_is_one_that_colcon_builds_as_ament_python():
    assert XML.get("format") == "3"
    assert XML.findtext("export/build_type") == "ament_python"
    maintainer = XML.find("maintainer")
    assert maintainer is not None
    # With an address that is not one, colcon quietly falls back to plain Python.
    assert re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", maintainer.get("email", ""))
    assert (ROOT / "resource" / PACKAGE).is_file()


def test_package_xml_names_every_ros_package_that_is_imported():
    declared = {element.text for element in XML.findall("exec_depend")}
    pattern = re.compile(
        r"^\s*(?:from|import) (\w+_msgs|std_srvs|rclpy|launch|launch_ros|ament_index_python|\w+_interfaces)\b"
    )
    imported = {
        match[1]
        for path in (ROOT / PACKAGE).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if (match := pattern.match(line))
    }
    assert imported <= declared


def test_package_xml_names_only_what_rosdep_can_install():
    known = {
        line
        for line in (ROOT / "test" / "rosdep_keys.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    }
    asked = {element.text for element in XML if element.tag.endswith("depend")}
    assert len(asked) > 20
    assert asked <= known


def test_the_changelog_has_headings_that_catkin_pkg_reads():
    lines = (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8").splitlines()
    headings = [line for line, under in itertools.pairwise(lines) if line and re.fullmatch("-+", under)]
    assert all(len(under) >= len(line) for line, under in itertools.pairwise(lines) if re.fullmatch("-+", under))
    versions = headings[1:] if headings[0] == "Forthcoming" else headings
    assert versions
    for heading in versions:
        # The expression of catkin_pkg.changelog; what is in brackets has to be a date, or the version is left out.
        found = re.search(r"^([0-9]+\.[0-9]+\.[0-9]+)[ ]\((.+)\)$", heading)
        assert found is not None, heading
        datetime.date.fromisoformat(found[2])


def test_the_changelog_says_in_few_lines_what_a_version_is():
    text = (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 120
    first = text[text.rindex("0.1.0 (") :]
    assert len(re.findall(r"^\* ", first, re.MULTILINE)) <= 10


def test_the_shells_hooks_of_colcon_are_installed_where_it_looks():
    hooks = json.loads((ROOT / "colcon.pkg").read_text(encoding="utf-8"))["hooks"]
    assert hooks
    for hook in hooks:
        name = Path(hook).relative_to(f"share/{PACKAGE}")
        assert (ROOT / name).is_file()
        assert "PATH" in (ROOT / name).read_text(encoding="utf-8")
        assert str(name) in _installed()


def test_launch_config_and_models_are_installed_where_ament_looks():
    installed = _installed()
    wanted = ["package.xml", f"resource/{PACKAGE}", "launch/bringup.launch.py", "config/robots/tabletop_arm.yaml"]
    assert set(wanted) <= installed
    assert not [path for path in installed if path.endswith(".pyc")]


def _of_setup(name: str) -> Any:
    """What setup.py calls by a name."""
    source = (ROOT / "setup.py").read_text(encoding="utf-8").partition("\nsetup(")[0]  # setup() itself would run
    space: dict[str, Any] = {"__file__": str(ROOT / "setup.py")}
    exec(compile(source, "setup.py", "exec"), space)
    return space[name]


def _installed() -> set[str]:
    """Files that setup.py puts under share/."""
    return {path for _, paths in _of_setup("data_files")() for path in paths}


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").iterdir()), ids=lambda path: path.name)
def test_scripts_are_executable_and_parse(path: Path):
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(path)], check=True)


# Functions that were longer when the bar came; each leaves this list when it is next worked on, and none joins it.
LONG_BEFORE = {
    "learning/model/world_model.py:__init__",
    "view/pictures/strip.py:draw_strip",
}
LONGEST = 60  # lines of a function


def test_no_function_is_longer_than_a_reader_holds_in_mind():
    files = [*(ROOT / PACKAGE).rglob("*.py")]
    assert len(files) > 50
    grown = {
        f"{path.relative_to(ROOT / PACKAGE)}:{node.name}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno + 1 > LONGEST
    }
    assert grown <= LONG_BEFORE


def test_no_two_test_files_have_the_same_name():
    """pytest refuses both in one run: folders of tests are no packages."""
    names = collections.Counter(path.name for path in (ROOT / "test").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
