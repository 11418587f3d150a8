"""Interfaces for planners on worlds whose physics is known exactly."""

from __future__ import annotations

from world_model_ros.contract.schema import Interface


def point_interface(axes: str = "xy", side_m: float = 9.0, joints: int = 2) -> Interface:
    """One fingertip whose workspace is far larger than what it is asked for.

    Args:
        axes: that the action moves it along; without any the action moves two joints.
        side_m: half the workspace.
        joints: how many there are.
    """
    names = [f"joint_{number}" for number in range(joints)]
    action = {
        "kind": "fingertip_displacement",
        "frame": "base",
        "link": "tip",
        "axes": list(axes),
        "bound_m": 0.03,
        "workspace_m": [[-side_m, side_m] if axis in axes else [0.0, 0.0] for axis in "xyz"],
    }
    if not axes:
        action = {"kind": "joint_displacement", "joints": names, "bound": 0.03}
    return Interface.model_validate(
        {
            "tick_hz": 10.0,
            "base_frame": "base",
            "joints": [{"name": name} for name in names],
            "streams": [{"kind": "joints", "name": "arm", "joints": names, "fields": ["position"], "rate_hz": 100}],
            "action": action,
            "targets": [{"name": "tip", "kind": "fingertip", "link": "tip"}],
            "labels": [] if axes else [{"name": "true_tip", "target": "tip"}],
        }
    )
