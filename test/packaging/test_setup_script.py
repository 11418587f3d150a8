"""scripts/setup, with a Python that only notes what it is asked to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stands for the Python on PATH and for that of the environment; `pip` is a module of the version that a test wants.
PYTHON = """#!/usr/bin/env bash
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && touch "$3/bin/world-model" && chmod +x "$3"/bin/* ;;
    "-m pip show "*) exit 1 ;;
    "-m pip install "*) echo "$*" >>"$NOTED" ;;
    "-c "*"import sys, pip"*) PYTHONPATH="$PIP" exec "$REAL" "$@" ;;
esac
"""


def installed(folder: Path, pip: str) -> list[str]:
    """What a first run installs, line by line, where a new environment has that version of pip."""
    for path in ("bin", "pip", "clone/scripts"):
        (folder / path).mkdir(parents=True)
    (folder / "pip" / "pip.py").write_text(f"__version__ = '{pip}'\n")
    fakes = {
        "python3": PYTHON,
        "dpkg-query": "#!/bin/sh\necho ok installed\n",
        "ldconfig": "#!/bin/sh\necho libgthread-2.0.so.0\n",
    }
    for name, text in fakes.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "constraints.txt", "scripts/setup"):
        shutil.copy(ROOT / name, folder / "clone" / name)
    noted = folder / "noted"
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "NOTED": str(noted),
        "PIP": str(folder / "pip"),
        "REAL": sys.executable,
    }
    done = subprocess.run(
        [folder / "clone" / "scripts" / "setup"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, ".venv\n"), done.stderr
    return noted.read_text().splitlines()


@pytest.mark.parametrize("pip", ["22.0.2", "23.0.1"])  # of Ubuntu 22.04, and of Python 3.10.13
def test_a_pip_that_comes_to_no_end_is_replaced_before_anything_is_installed(tmp_path: Path, pip: str) -> None:
    first, second = installed(tmp_path, pip)
    assert first.endswith("--upgrade pip>=24")
    assert second.endswith("-c constraints.txt -e .[ros-jazzy,cpu,sim]")


def test_a_newer_pip_is_kept(tmp_path: Path) -> None:
    (only,) = installed(tmp_path, "26.1")
    assert only.endswith("-e .[ros-jazzy,cpu,sim]")
