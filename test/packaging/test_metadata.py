"""What a stranger sees first: metadata of wheel and sdist, citation, hooks and workflow say the same as the code."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml
from setup_arguments import ROOT, setup_arguments

ARGUMENTS = setup_arguments()
# Tracked files that an sdist does without.
NOT_IN_SDIST = (".gitignore", ".gitattributes", ".ci/")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def loaded(name: str) -> Any:
    return yaml.safe_load(text_of(name))


def test_links_of_the_long_description_are_absolute_and_lead_to_files() -> None:
    text, home = ARGUMENTS["long_description"], ARGUMENTS["url"]
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 10
    for link in links:
        assert re.match(r"https://|#", link), link
        if link.startswith(home):
            kind, version, path = re.fullmatch(rf"{home}/(blob|raw)/([^/]+)/([^#]+)(?:#.*)?", link).groups()  # type: ignore[union-attr]
            assert version == ("main" if "dev" in ARGUMENTS["version"] else f"v{ARGUMENTS['version']}")
            assert (ROOT / path).is_file(), link
            assert (kind == "raw") == ("/images/" in path)


def test_a_link_to_setup_py_in_another_folder_will_do(tmp_path: Path) -> None:
    """As `colcon build --symlink-install` has it, with links to what is installed and to nothing else."""
    for name in ("setup.py", "setup.cfg", "package.xml", "launch", "config", "models", "hook", "resource"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert setup_arguments(tmp_path)["long_description"] == ARGUMENTS["long_description"]


def pythons() -> list[str]:
    """By python_requires, which has both ends."""
    least, over = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", ARGUMENTS["python_requires"]).groups())  # type: ignore[union-attr]
    return [f"3.{minor}" for minor in range(least, over)]


def test_versions_of_python_are_the_same_everywhere() -> None:
    classified = [each.rpartition(" ")[2] for each in ARGUMENTS["classifiers"] if " :: Python :: 3." in each]
    assert classified == pythons()
    assert loaded(".github/workflows/ci.yml")["jobs"]["quick"]["strategy"]["matrix"]["python"] == pythons()
    assert f"no Python {pythons()[0]} to {pythons()[-1]}" in text_of("scripts/setup")


def test_types_are_those_of_the_python_that_looks() -> None:
    """NumPy 2.5, which comes with 3.12, has types that mypy reads wrongly as those of 3.10: 14 errors where none is."""
    (mypy,) = re.findall(r"^\[tool\.mypy\]\n(.*?)\n\n", text_of("pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert "strict = true" in mypy
    assert not re.search(r"^python_version\b", mypy, re.MULTILINE)
    assert f'target-version = "py{pythons()[0].replace(".", "")}"\n' in text_of("pyproject.toml")  # of ruff


def test_the_workflow_runs_both_distributions_with_the_scripts_that_people_use() -> None:
    jobs = loaded(".github/workflows/ci.yml")["jobs"]
    distros = [name.removeprefix("ros-") for name in ARGUMENTS["extras_require"] if name.startswith("ros-")]
    for job in ("quick", "whole"):
        assert jobs[job]["strategy"]["matrix"]["distro"] == distros
        assert [step["run"] for step in jobs[job]["steps"] if "run" in step][-1].startswith("./scripts/test --distro ")
    for distro in distros:
        assert f"    {distro}) venv=" in text_of("scripts/setup")


def test_hooks_before_a_commit_are_the_checks_of_scripts_test() -> None:
    checks = re.findall(r"^check ([^\n{]+)$", text_of("scripts/test"), re.MULTILINE)
    (local,) = loaded(".pre-commit-config.yaml")["repos"]
    assert sorted(hook["entry"].removeprefix(".venv/bin/") for hook in local["hooks"]) == sorted(checks)
    assert len(checks) == 4


def test_the_citation_is_of_the_last_release() -> None:
    citation = loaded("CITATION.cff")
    newest = re.search(r"^(\d+\.\d+\.\d+) \(([\d-]+)\)$", text_of("CHANGELOG.rst"), re.MULTILINE)
    assert newest is not None
    assert (citation["version"], citation["date-released"]) == newest.groups()
    assert citation["license"] == ARGUMENTS["license"]


def test_addresses_are_the_same_everywhere() -> None:
    urls = ARGUMENTS["project_urls"]
    of_ros = {url.get("type"): url.text for url in ElementTree.parse(ROOT / "package.xml").findall("url")}
    assert of_ros == {"website": ARGUMENTS["url"], "repository": urls["Source"], "bugtracker": urls["Issues"]}
    assert loaded("CITATION.cff")["url"] == ARGUMENTS["url"]
    assert f"repo_url: {ARGUMENTS['url']}\n" in text_of("mkdocs.yml")
    assert ARGUMENTS["maintainer_email"] in text_of("SECURITY.md")


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout, which knows the files")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def sdist(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of a copy of what git tracks."""
    folder = tmp_path_factory.mktemp("sdist")
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    build = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (made,) = (folder / "dist").glob("*.tar.gz")
    return made


@pytest.mark.slow
def test_the_sdist_has_all_that_builds_and_tests_the_package(sdist: Path, tracked: list[str]) -> None:
    with tarfile.open(sdist) as archive:
        there = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    wanted = {name for name in tracked if not name.startswith(NOT_IN_SDIST)}
    assert len(wanted) > 500
    assert wanted - there == set()
    assert {name for name in there - wanted if ".egg-info/" not in name} == {"PKG-INFO"}


@pytest.mark.slow
def test_a_package_index_can_show_the_readme(sdist: Path) -> None:
    if importlib.util.find_spec("twine") is None:
        pytest.skip("twine is not installed (the extra docs)")
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", str(sdist)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
