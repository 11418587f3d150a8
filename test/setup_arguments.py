"""What setup.py hands to setuptools, without running setuptools."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def setup_arguments() -> dict[str, Any]:
    """The arguments of setup(), by name."""
    found: dict[str, Any] = {}
    source = (ROOT / "setup.py").read_text(encoding="utf-8")
    source = source.replace("from setuptools import find_packages, setup", "")
    space: dict[str, Any] = {"__name__": "setup", "find_packages": lambda **_: [], "setup": found.update}
    before = Path.cwd()
    os.chdir(ROOT)  # setup.py is run where it stands
    try:
        exec(compile(source, "setup.py", "exec"), space)
    finally:
        os.chdir(before)
    return found
