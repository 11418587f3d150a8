"""Looks for files and folders by names that a person gave."""

from __future__ import annotations

from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether there is such a file; none is where a name is too long, or in a folder that may not be looked into."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; none is where `is_file` would find no file."""
    try:
        return path.is_dir()
    except OSError:
        return False
