"""``world-model info``: prints versions of package, ROS and libraries, providers, GPU, and known robots and models."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import platform
import shutil
import subprocess
from typing import Any

from world_model_ros import __version__
from world_model_ros.commands.output import show
from world_model_ros.core.installation.ros_distribution import ros_distribution

_LIBRARIES = ("rclpy", "numpy", "onnxruntime", "pinocchio", "ruckig", "rosbags", "cv2", "mujoco", "torch")
_OPENCV = tuple(f"opencv{contrib}-python{headless}" for contrib in ("", "-contrib") for headless in ("", "-headless"))
_DISTRIBUTIONS = {"cv2": _OPENCV, "pinocchio": ("pin",), "onnxruntime": ("onnxruntime-gpu", "onnxruntime")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bundle.bundle import known_bundles
    from world_model_ros.contract.contract import known_robots
    from world_model_ros.core.installation.share_folder import share_folder

    result: dict[str, Any] = {
        "package": __version__,
        "python": platform.python_version(),
        "ros": ros_distribution(),
        "rmw": middleware(),
        "providers": _providers(),
        "gpu": _gpu(),
        "robots": known_robots(),
        "models": known_bundles(),
        "share": str(share_folder("config").parent),
        "libraries": {name: _library(name) for name in _LIBRARIES},
    }
    lines = [f"{key:10} {_words(value)}" for key, value in result.items()]
    show(result, arguments.json, lines)
    return 0


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version or 'missing'}" for name, version in value.items())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value) if value is not None else "none"


def _library(name: str) -> str | None:
    """The version of a module; ``there`` for one that pip knows nothing of, as those of a Linux distribution."""
    found = installed_version(*_DISTRIBUTIONS.get(name, (name,)))
    return found or ("there" if importlib.util.find_spec(name) is not None else None)


def installed_version(*distributions: str) -> str | None:
    """The version of the first of them that is installed."""
    from importlib.metadata import PackageNotFoundError, version

    for name in distributions:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def middleware() -> str | None:
    """The middleware that rclpy goes by; None without rclpy."""
    try:
        return str(importlib.import_module("rclpy.utilities").get_rmw_implementation_identifier())
    except ImportError:
        return None


def _providers() -> list[str]:
    try:
        from world_model_ros.bundle.provider import available_providers
    except ImportError:
        return []
    return available_providers()


def _gpu() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
