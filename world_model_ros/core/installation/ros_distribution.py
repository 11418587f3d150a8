"""Finds out which distribution of ROS 2 is installed, if any."""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version

_WITH_WHEELS = ("jazzy", "kilted", "lyrical", "humble", "rolling")


def ros_distribution() -> str | None:
    """``jazzy``, ``kilted``, ...: what ROS_DISTRO says, else the one whose wheels are installed; None without ROS."""
    return os.environ.get("ROS_DISTRO") or _of_wheels()


@cache
def _of_wheels() -> str | None:
    for name in _WITH_WHEELS:
        try:
            version(f"ros-{name}-rclpy")
        except PackageNotFoundError:
            continue
        return name
    return None
