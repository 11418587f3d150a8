"""Looks for files and folders by names that a person gave."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from world_model_ros.core.errors import UserError


def path_of(field: str, path: object) -> Path:
    """What was given as a path; `UserError` of what is none."""
    if not isinstance(path, str | PathLike):
        raise UserError(field, path, "a path")
    return Path(path)


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
