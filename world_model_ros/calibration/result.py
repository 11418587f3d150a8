"""A calibration as data, as lines of a contract, and into a contract's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from scipy.spatial.transform import Rotation

from world_model_ros.calibration.hand_eye import Mounting
from world_model_ros.calibration.intrinsics import Intrinsics
from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.orientation import unique


def as_data(camera: str, intrinsics: Intrinsics, mounting: Mounting | None) -> dict[str, Any]:
    """An entry of ``deployment.cameras``."""
    matrix = intrinsics.matrix
    found: dict[str, Any] = {
        "name": camera,
        "size_px": list(intrinsics.size),
        "matrix_px": [round(float(matrix[at]), 3) for at in ((0, 0), (1, 1), (0, 2), (1, 2))],
        "distortion": [round(float(each), 6) for each in intrinsics.distortion],
    }
    if mounting is None:
        return found | {"residual_px": round(max(intrinsics.residual_px, 1e-3), 3)}
    turn = unique(Rotation.from_matrix(mounting.camera[:3, :3]).as_quat())
    return found | {
        "frame": mounting.frame,
        "position_m": [round(float(each), 5) for each in mounting.camera[:3, 3]],
        "quaternion": [round(float(each), 6) for each in turn],
        "residual_px": round(max(mounting.residual_px, 1e-3), 3),
        "apart_mm": round(mounting.apart_m * 1e3, 3),
    }


def as_lines(entry: dict[str, Any]) -> list[str]:
    """The entry as a contract has it, below ``cameras:`` of ``deployment``."""
    text = yaml.safe_dump([entry], sort_keys=False, default_flow_style=None, width=110)
    return [f"    {line}" for line in text.splitlines()]


def into_contract(path: Path, entry: dict[str, Any]) -> None:
    """Put an entry into a contract's file; nothing else of it changes, comments stay.

    Raises:
        UserError: ``deployment`` is not the last part of the file or has cameras already, or the result is no contract.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.rstrip("\n").split("\n")
    tops = [line.split(":")[0] for line in lines if line and line[0] not in " #-"]
    if "\n  cameras:" in text.split("\ndeployment:", 1)[-1]:
        raise UserError(str(path), "deployment.cameras is there already", "lines that you change by hand, as printed")
    if tops[-1:] != ["deployment"]:
        raise UserError(str(path), f"{tops[-1] if tops else 'nothing'} as its last part", "deployment as the last one")
    tried = path.with_name(f".{path.stem}.calibrated.yaml")  # next to it, as its URDF may be named from there
    try:
        tried.write_text("\n".join([*lines, "  cameras:", *as_lines(entry), ""]), encoding="utf-8")
        load_contract(tried)
        tried.replace(path)
    finally:
        tried.unlink(missing_ok=True)
