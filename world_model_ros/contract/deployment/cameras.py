"""Contract fields of a calibrated camera: intrinsics, distortion, mounting pose, and residual errors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from world_model_ros.contract.field_types import Finite, Name, Pixels, Point, Positive, Strict


class CameraGeometry(Strict):
    """What calibration found of one camera, as `world-model calibrate` writes it.

    ``matrix_px`` is fx, fy, cx, cy of pictures of ``size_px`` (width, height); ``distortion`` OpenCV's k1, k2, p1, p2,
    k3. ``frame`` is the base frame or the link that carries the camera; ``position_m`` and ``quaternion`` (x y z w) are
    those of its optical frame (z ahead, x right, y down) there. ``residual_px`` is how far corners of the board were
    from where this expects them, ``apart_mm`` how far two halves of the pictures put the camera from each other.
    """

    name: Name
    size_px: tuple[Pixels, Pixels]
    matrix_px: tuple[Positive, Positive, Finite, Finite]
    distortion: Annotated[list[Finite], Field(max_length=5)] = []
    frame: str | None = None
    position_m: Point | None = None
    quaternion: tuple[Finite, Finite, Finite, Finite] | None = None
    residual_px: Positive | None = None
    apart_mm: Annotated[float, Field(ge=0, le=1e3)] | None = None

    @model_validator(mode="after")
    def _placed(self) -> CameraGeometry:
        placed = [each is not None for each in (self.frame, self.position_m, self.quaternion)]
        if any(placed) and not all(placed):
            raise ValueError("frame, position_m and quaternion: all of them, or none")
        if self.quaternion is not None and abs(sum(part * part for part in self.quaternion) - 1.0) > 1e-3:
            raise ValueError("quaternion: x y z w of length 1")
        return self
