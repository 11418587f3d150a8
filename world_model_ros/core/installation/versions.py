"""Versions of what a result was made with: package, Python, system, ROS, libraries, processor."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from world_model_ros.core.installation.ros_distribution import ros_distribution

_LIBRARIES = {
    "numpy": ("numpy",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime"),
    "pinocchio": ("pin",),
    "ruckig": ("ruckig",),
}


def versions(package: str) -> dict[str, str | None]:
    """By name; None of what is not there, or of what pip knows nothing of.

    Args:
        package: the version of this package.
    """
    found: dict[str, str | None] = {
        "world_model_ros": package,
        "python": platform.python_version(),
        "system": _system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "ros": ros_distribution(),
        "rmw": os.environ.get("RMW_IMPLEMENTATION"),
    }
    libraries = _LIBRARIES | {"rclpy": (f"ros-{found['ros']}-rclpy", "rclpy")}
    return found | {name: _first(names) for name, names in libraries.items()}


def _first(names: tuple[str, ...]) -> str | None:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def _system() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return platform.system() or None


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
