"""What setup.py hands to setuptools, without running setuptools."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def setup_arguments(folder: Path = ROOT) -> dict[str, Any]:
    """The arguments of setup(), by name; ``folder`` is where setup.py is run, which has it or a link to it."""
    found: dict[str, Any] = {}
    source = (ROOT / "setup.py").read_text(encoding="utf-8")
    source = source.replace("from setuptools import find_packages, setup", "")
    space: dict[str, Any] = {
        "__name__": "setup",
        "__file__": str(folder / "setup.py"),
        "find_packages": lambda **_: [],
        "setup": found.update,
    }
    before = Path.cwd()
    os.chdir(folder)  # setup.py is run where it stands
    try:
        exec(compile(source, "setup.py", "exec"), space)
    finally:
        os.chdir(before)
    return found
