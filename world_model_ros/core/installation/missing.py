"""Imports optional Python modules; turns the error of a missing one into advice on which pip extra installs it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from world_model_ros.core.errors import UserError

_EXTRAS = {
    "cv2": ("opencv-headless", "opencv"),
    "onnxruntime": ("cpu", "gpu"),
    "mujoco": ("sim",),
    "torch": ("train",),
    "onnx": ("train",),
    "onnx_ir": ("train",),
    "onnxscript": ("train",),
    "matplotlib": ("report",),
    "jinja2": ("report",),
    "pyarrow": ("lerobot",),
    "av": ("lerobot", "view"),
    "viser": ("view",),
    "cyclonedds": ("dds",),
    "ogbench": ("benchmarks",),
    "gymnasium": ("benchmarks",),
}
_ROS = ("ros-jazzy", "ros-kilted")
_OF_ROS = ("rclpy", "ament_index_python")
_MESSAGES = ("_msgs", "_srvs", "_interfaces")
_OTHERWISE = {
    "onnx": "alone: pip install onnx",
    "cv2": "opencv-python-headless, opencv-python, or your distribution's python3-opencv",
    "ogbench": "with a Python before 3.13",
    "gymnasium": "with a Python before 3.13",
    "pinocchio": "pip install pin, or the ROS package pinocchio",
}


def to_install(error: ModuleNotFoundError) -> UserError | None:
    """Error that names the extra that brings a missing module; None for one that no extra brings."""
    name = (error.name or "").split(".")[0]
    of_ros = name in _OF_ROS or name.endswith(_MESSAGES)
    extras = _ROS if of_ros else _EXTRAS.get(name, ())
    brings = [f"pip install {' or '.join(repr(f'.[{extra}]') for extra in extras)}"] if extras else []
    other = "a ROS 2 that is sourced" if of_ros else _OTHERWISE.get(name)
    brings += [other] if other else []
    return UserError(name, "not installed", "; ".join(brings)) if brings else None


def imported(module: str) -> ModuleType:
    """A module; `UserError` that says what brings it, or what it imports, where that is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        said = to_install(error)
        if said is None:
            raise
        raise said from error
