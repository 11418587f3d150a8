"""Writes a picture as a PNG file, which a reader never sees half written."""

from __future__ import annotations

from pathlib import Path

import cv2

from world_model_ros.core.arrays import Frame


def write_png(path: Path, picture: Frame) -> None:
    """Write (height, width, 3) RGB; folders that are not there are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert done
    part = path.with_name(path.name + ".part")
    part.write_bytes(data.tobytes())
    part.replace(path)
