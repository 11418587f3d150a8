"""Converts a camera calibration to contract data and YAML lines, and writes it into a contract file."""

from __future__ import annotations

import os
import shutil
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


def as_block(entries: list[dict[str, Any]]) -> list[str]:
    """``deployment.cameras`` of a contract, line by line."""
    return ["  cameras:", *(line for entry in entries for line in as_lines(entry))]


def into_contract(path: Path, entry: dict[str, Any]) -> None:
    """Put an entry into a contract's file, in the place of an older one of that camera.

    Nothing else of the file changes, but for comments within ``deployment.cameras``.

    Raises:
        UserError: the file is no contract, or would be none, or ``deployment`` is not its last part.
    """
    path = path.resolve()  # a link stays one
    if not os.access(path, os.W_OK):
        raise UserError(str(path), "read-only", "a file that may be written")
    known = load_contract(path).deployment.cameras
    others = [each.model_dump(mode="json", exclude_none=True) for each in known if each.name != entry["name"]]
    before = path.read_bytes().decode("utf-8")
    newline = "\r\n" if "\r\n" in before else "\n"
    lines = before.rstrip().splitlines()
    tops = [line.split(":")[0] for line in lines if line and line[0] not in " #-"]
    if tops[-1:] != ["deployment"]:
        raise UserError(str(path), f"{tops[-1] if tops else 'nothing'} as its last part", "deployment as the last one")
    begin = next((at for at, line in enumerate(lines) if known and line.startswith("  cameras:")), len(lines))
    rest = next((at for at, line in enumerate(lines[begin + 1 :], begin + 1) if _ends(line)), len(lines))
    tried = path.with_name(f".{path.stem}.calibrated.yaml")  # next to it, as its URDF may be named from there
    text = "\n".join([*lines[:begin], *as_block([*others, entry]), *lines[rest:], ""])
    try:
        tried.write_text(text, encoding="utf-8", newline=newline)
        shutil.copymode(path, tried)
        load_contract(tried)
        tried.replace(path)
    except OSError as error:
        raise UserError(str(path), "not written", f"a file that can be ({error})") from error
    finally:
        tried.unlink(missing_ok=True)


def _ends(line: str) -> bool:
    """Whether a line is not part of a block of ``deployment`` any more."""
    return bool(line.strip()) and len(line) - len(line.lstrip()) <= 2 and not line.lstrip().startswith("#")
