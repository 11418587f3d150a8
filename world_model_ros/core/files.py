"""Looks for files and folders by names that a person gave."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from world_model_ros.core.errors import UserError


def path_of(field: str, path: object) -> Path:
    """What was given as a path; `UserError` of what is none."""
    if not isinstance(path, str | PathLike):
        raise UserError(field, path, "a path")
    return Path(path)


def folder_for(field: str, path: object) -> Path:
    """What was given as a folder to write to, which need not be there yet; `UserError` where none can be."""
    folder = path_of(field, path)
    there = next((each for each in (folder, *folder.absolute().parents) if _exists(each)), folder)
    if not is_folder(there) or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(field, str(folder), f"a folder that can be made and written to, which {there} forbids")
    return folder


def _exists(path: Path) -> bool:
    """Whether there is something; nothing is where a name is too long, or in a folder that may not be looked into."""
    try:
        return path.exists()
    except OSError:
        return False


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
