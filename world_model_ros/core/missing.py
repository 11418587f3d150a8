"""What to install for a module that is not there."""

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
    "pinocchio": "pin, or the ROS package pinocchio",
    "rclpy": "a ROS 2: source one, or take its wheels (extra: ros-jazzy or ros-kilted)",
}


def to_install(error: ModuleNotFoundError) -> str | None:
    """One line that says what is missing and how it is installed; None for a module that no extra brings."""
    name = (error.name or "").split(".")[0]
    return f"{name} is not installed; it comes with {_INSTALL[name]}" if name in _INSTALL else None
