"""Where config, models and launch files lie, an ament share folder or beside the source tree; and the default robot."""

from __future__ import annotations

from pathlib import Path

PACKAGE = "world_model_ros"


def share_folder(part: str) -> Path:
    """Folder ``config``, ``models`` or ``launch`` of the package, found in the ament index first."""
    try:
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

        try:
            found = Path(get_package_share_directory(PACKAGE)) / part
            if found.is_dir():
                return found
        except (PackageNotFoundError, OSError):  # OSError: no AMENT_PREFIX_PATH, so no ROS environment at all
            pass
    except ImportError:
        pass
    return Path(__file__).resolve().parents[2] / part


def default_robot() -> str:
    """The contract that is taken when none is asked for: what ``config/robots/default`` names."""
    return (share_folder("config") / "robots" / "default").read_text(encoding="utf-8").strip()
