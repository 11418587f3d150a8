"""Finds the mesh files that a URDF names, also by ``package://``."""

from __future__ import annotations

import os
from pathlib import Path


def mesh_folders(urdf: Path) -> list[str]:
    """Where ``package://`` leads: next to the URDF and its parents, and the share folders of ROS."""
    prefixes = [Path(prefix) / "share" for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":") if prefix]
    return [str(folder) for folder in (*urdf.parents[:5], *prefixes)]


def find_mesh(name: str, urdf: Path) -> Path | None:
    """The file that a ``<mesh filename>`` of a URDF names; None if it is not there."""
    if name.startswith("package://"):
        places = [Path(folder) / name.removeprefix("package://") for folder in mesh_folders(urdf)]
    else:
        places = [urdf.parent / name.removeprefix("file://")]
    return next((place for place in places if place.is_file()), None)
