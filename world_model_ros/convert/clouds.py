"""Reads sensor_msgs/PointCloud2 as arrays of finite points, and the gate's obstacle clouds as points with a radius.

The gate hears of points as a cloud of its own: ``x``, ``y``, ``z`` in the base frame and the ``radius`` around each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.voxels import Seen, voxels_of

_FLOATS = {7: "f4", 8: "f8"}  # datatypes of sensor_msgs/PointField
_PLACE, _RADIUS = ("x", "y", "z"), "radius"
_FARTHEST_M = 1e4  # farther away, points are none of a sensor's


def points_of(message: Any, where: str, names: tuple[str, ...] = _PLACE) -> Float:
    """Fields of all points of a PointCloud2 that are finite: (N, 3), or as many as there are names.

    Organised or not, with padding between points and between rows, other fields, and either order of bytes.

    Raises:
        UserError: a field is missing or no number that drivers write, or sizes and data do not fit.
    """
    fields = {str(field.name): field for field in message.fields}
    missing = [name for name in names if name not in fields]
    if missing:
        raise UserError(f"{where}: fields", sorted(fields), f"a PointCloud2 with {', '.join(names)}")
    height, width, step, row = (int(getattr(message, key)) for key in ("height", "width", "point_step", "row_step"))
    if not height * width:
        return np.empty((0, len(names)))
    order, kinds = ">" if message.is_bigendian else "<", []
    for name in names:
        kind = _FLOATS.get(int(fields[name].datatype))
        if kind is None or int(fields[name].count) > 1:
            found = f"datatype {fields[name].datatype}, count {fields[name].count}"
            raise UserError(f"{where}: field {name}", found, "one float32 (7) or float64 (8)")
        if int(fields[name].offset) + int(kind[1]) > step:
            raise UserError(f"{where}: field {name}", f"offset {fields[name].offset}", f"within point_step {step}")
        kinds.append(order + kind)
    data = memoryview(message.data).cast("B")
    if row < width * step or len(data) < row * (height - 1) + width * step:
        found = f"{len(data)} bytes, row_step {row}, of {height} x {width} points of {step} bytes"
        raise UserError(f"{where}: data", found, "row_step * height bytes")
    offsets = [int(fields[name].offset) for name in names]
    layout = np.dtype({"names": list(names), "formats": kinds, "offsets": offsets, "itemsize": step})
    cloud = np.ndarray((height, width), layout, data, strides=(row, step))
    values = np.stack([cloud[name].astype(np.float64).ravel() for name in names], axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(values[(np.abs(values) < _FARTHEST_M).all(axis=1)])


def seen_of(message: Any, where: str, base_frame: str, most: int) -> Seen:
    """What the gate hears of a cloud; coarser where there are more than ``most`` points.

    Raises:
        UserError: it is in another frame, or no such cloud.
    """
    frame = str(message.header.frame_id).removeprefix("/")
    if frame != base_frame:
        raise UserError(f"{where}: frame_id", frame, f"the base frame {base_frame!r}")
    count = int(message.height) * int(message.width)
    values = points_of(message, where, (*_PLACE, _RADIUS))
    if len(values) != count or np.any(values[:, 3] <= 0.0):
        raise UserError(f"{where}: points", "one that is not finite", "finite numbers, and a radius over 0")
    if not count:
        return Seen(np.empty((0, 3)), 0.0)
    radius_m = float(values[:, 3].max())
    if count <= most:
        return Seen(values[:, :3], radius_m)
    return voxels_of(values[:, :3], 2.0 * radius_m, most, radius_m)
