"""The pages of docs/ build as a site, without a warning, and the pages on Python have what they promise."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import world_model_ros

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("mkdocs", "material", "mkdocstrings", "mkdocstrings_handlers.python")


def missing(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is None
    except ModuleNotFoundError:
        return True


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    without = [module for module in MODULES if missing(module)]
    if without:
        pytest.skip(f"{', '.join(without)} not installed (the extra docs)")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WARNING" not in done.stderr
    return folder


def page(site: Path, name: str) -> str:
    return (site / name / "index.html").read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    built = {path.parent.name for path in site.glob("*/index.html")}
    assert pages <= built
    start = (site / "index.html").read_text(encoding="utf-8")
    navigation = start[start.index("md-nav--primary") : start.index("md-content")]
    assert {name for name in pages if f'href="{name}/"' not in navigation} == set()


def test_the_front_page_is_the_readme_and_its_links_stay_in_the_site(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    content = start[start.index("md-content") :]
    assert "What is not claimed" in content
    assert 'src="images/future.gif"' in content
    assert 'href="safety/"' in content
    assert not re.search(r'href="[^"]*\.md[#"]', re.sub(r'href="https?://[^"]*"', "", content))


def test_the_api_has_every_name_that_a_program_imports(site: Path) -> None:
    there = set(re.findall(r'id="world_model_ros\.(\w+)"', page(site, "api")))
    assert there == set(world_model_ros.__all__) - {"__version__"}
    assert 'id="world_model_ros.Gate.step"' in page(site, "api")
