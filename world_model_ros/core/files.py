"""Checks paths that a user gives: files and folders that exist, and output folders that can be made and written to."""

from __future__ import annotations

import os
from collections.abc import Callable
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
    there = next((each for each in (folder, *folder.absolute().parents) if _says(each.exists)), folder)
    if not is_folder(there) or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(field, str(folder), f"a folder that can be made and written to, which {there} forbids")
    return folder


def is_file(path: Path) -> bool:
    """Whether there is such a file; none is where a name is too long, or in a folder that may not be looked into."""
    return _says(path.is_file)


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; none is where `is_file` would find no file."""
    return _says(path.is_dir)


def _says(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except OSError:
        return False
