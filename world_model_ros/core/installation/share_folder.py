"""Finds the folders of config, models and launch files, however the package is installed; and the default robot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from world_model_ros.core.errors import UserError

PACKAGE = "world_model_ros"


def share_folder(part: str) -> Path:
    """Folder ``config``, ``models`` or ``launch`` of the package.

    Looked for in the ament index, next to the source tree (``pip install -e``), and where pip puts the data files of a
    wheel: under ``sys.prefix``, or the prefix that the package itself is in (``--user``, ``--prefix``, ``--target``).

    Raises:
        UserError: it is in none of them.
    """
    places = list(dict.fromkeys(_places()))
    for place in places:
        if (place / part).is_dir():
            return place / part
    tried = ", ".join(str(place / part) for place in places)
    raise UserError("share folder", part, f"one of {tried}; install {PACKAGE} again")


def default_robot() -> str:
    """The contract that is taken when none is asked for: what ``config/robots/default`` names."""
    return (share_folder("config") / "robots" / "default").read_text(encoding="utf-8").strip()


def _places() -> Iterator[Path]:
    """Share folders, the likeliest first."""
    try:
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

        with suppress(PackageNotFoundError, OSError):  # OSError: no AMENT_PREFIX_PATH, so no ROS environment at all
            yield Path(get_package_share_directory(PACKAGE))
    except ImportError:
        pass
    package = next(folder for folder in Path(__file__).resolve().parents if folder.name == PACKAGE)
    if (package.parent / "setup.py").is_file():
        yield package.parent
    yield Path(sys.prefix) / "share" / PACKAGE
    for parent in list(package.parents)[:4]:  # <prefix>/lib/python3.x/site-packages; with --target the first
        yield parent / "share" / PACKAGE
