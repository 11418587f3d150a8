"""Advice on a Python module that is not installed."""

from __future__ import annotations

_OPENCV = "opencv-python-headless, opencv-python, or your distribution's python3-opencv"
_INSTALL = {
    "cv2": f"OpenCV: {_OPENCV} (extras: opencv-headless, opencv)",
    "onnxruntime": "onnxruntime, or onnxruntime-gpu (extras: cpu, gpu)",
    "mujoco": "mujoco (extra: sim)",
    "torch": "torch (extra: train)",
    "onnx": "onnx (extra: train)",
    "onnxscript": "onnxscript (extra: train)",
    "matplotlib": "matplotlib (extra: report)",
    "jinja2": "jinja2 (extra: report)",
    "pyarrow": "pyarrow (extra: lerobot)",
    "av": "av (extra: lerobot or view)",
    "viser": "viser (extra: view)",
    "ogbench": "ogbench, for Python before 3.13 (extra: benchmarks)",
    "gymnasium": "gymnasium (extra: benchmarks)",
    "pinocchio": "pin, or the ROS package pinocchio",
}
_ROS = "a ROS 2: source one, or take its wheels (extra: ros-jazzy or ros-kilted)"
_OF_ROS = ("rclpy", "ament_index_python")
_MESSAGES = ("_msgs", "_srvs", "_interfaces")


def to_install(error: ModuleNotFoundError) -> str | None:
    """One line that says what is missing and how it is installed; None for a module that no extra brings."""
    name = (error.name or "").split(".")[0]
    brings = _ROS if name in _OF_ROS or name.endswith(_MESSAGES) else _INSTALL.get(name)
    return None if brings is None else f"{name} is not installed; it comes with {brings}"
