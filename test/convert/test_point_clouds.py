"""Clouds as depth cameras send them: organised, padded, with colours, of either byte order, or of nothing."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.convert.clouds import points_of, seen_of
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.errors import UserError
from world_model_ros.core.voxels import voxels_of

MAKE = MessageMaker(standard_types().types.__getitem__)
NAN = float("nan")


def cloud(points: np.ndarray, kind: str = "f4", order: str = "<", step: int = 32, gap: int = 0, frame: str = "camera"):
    """As depth_image_proc and the RealSense driver make it: (height, width, 3), x y z at 0 4 8, packed colour at 16."""
    height, width = points.shape[:2]
    size = int(kind[1])
    names, offsets = ["x", "y", "z", "rgb"], [0, size, 2 * size, step - 8]
    layout = {"names": names, "formats": [order + kind] * 3 + [order + "u4"], "offsets": offsets, "itemsize": step}
    row_step = width * step + gap
    data = np.full(height * row_step, 0x7F, np.uint8)  # what is in the padding is no point
    rows = np.ndarray((height, width), np.dtype(layout), data.data, strides=(row_step, step)) if points.size else data
    for i, name in enumerate(names[:3]):
        if points.size:
            rows[name] = points[..., i]
    if points.size:
        rows["rgb"] = 0x00FF8040
    datatype = {"f4": 7, "f8": 8}[kind]
    fields = [
        MAKE.make("sensor_msgs/msg/PointField", name=name, offset=offset, datatype=kind_of, count=1)
        for name, offset, kind_of in zip(names, offsets, (datatype, datatype, datatype, 7))
    ]
    return MAKE.make(
        "sensor_msgs/msg/PointCloud2",
        header=MAKE.header(5_000_000_000, frame),
        height=height,
        width=width,
        fields=fields,
        is_bigendian=order == ">",
        point_step=step,
        row_step=row_step,
        data=data,
        is_dense=False,
    )


def picture() -> np.ndarray:
    points = np.random.default_rng(0).uniform(-2, 2, (6, 8, 3)).astype(np.float32)
    points[1, 2], points[3, 4, 2], points[5, 0] = NAN, np.inf, -np.inf
    return points


def finite(points: np.ndarray) -> np.ndarray:
    rows = points.reshape(-1, 3).astype(np.float64)
    return rows[np.isfinite(rows).all(axis=1)]


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize(("step", "gap"), [(32, 0), (48, 0), (32, 24)], ids=["plain", "padded", "padded rows"])
def test_the_points_of_a_depth_camera_that_are_finite(kind: str, order: str, step: int, gap: int) -> None:
    points = picture()
    found = points_of(cloud(points, kind, order, step, gap), "front")
    assert len(found) == 48 - 3
    assert np.array_equal(found, finite(points))


def test_a_cloud_of_one_row_and_one_of_nothing() -> None:
    row = np.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
    assert points_of(cloud(row), "front").tolist() == row[0].tolist()
    assert points_of(cloud(np.empty((0, 0, 3))), "front").shape == (0, 3)
    assert points_of(cloud(np.full((4, 4, 3), NAN)), "front").shape == (0, 3)


def test_what_was_never_written_into_a_point_is_none() -> None:
    wild = np.array([[[1.0, 2.0, 3.0], [1e30, 0.0, 0.0], [-1e5, 0.0, 0.0]]])
    assert points_of(cloud(wild), "front").tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.fields.pop(1), r"front: fields: got \['rgb', 'x', 'z'\]; expected a PointCloud2 with x, y, z"),
        (
            lambda m: setattr(m.fields[0], "datatype", 5),
            "front: field x: got 'datatype 5, count 1'; expected one float32",
        ),
        (lambda m: setattr(m.fields[2], "count", 3), "front: field z: got 'datatype 7, count 3'"),
        (
            lambda m: setattr(m.fields[2], "offset", 30),
            "front: field z: got 'offset 30'; expected within point_step 32",
        ),
        (lambda m: setattr(m, "data", m.data[:-1]), r"front: data: got '1535 bytes.*row_step \* height"),
        (lambda m: setattr(m, "row_step", 100), "front: data: got '1536 bytes, row_step 100, of 6 x 8 points of 32"),
        (lambda m: setattr(m, "height", 7), "front: data: got"),
    ],
)
def test_a_cloud_that_is_none_says_what_is_wrong(change, said: str) -> None:
    message = cloud(picture())
    change(message)
    with pytest.raises(UserError, match=said):
        points_of(message, "front")


def test_voxels_hold_every_point_and_are_as_few_as_can_be() -> None:
    points = np.random.default_rng(1).uniform(-1, 1, (5000, 3))
    for most, size in ((10**6, 0.05), (2000, 0.2), (100, 0.8)):
        seen = voxels_of(points, 0.05, most)
        assert len(seen.points) <= most
        assert seen.radius_m == pytest.approx(0.5 * np.sqrt(3) * size)
        away = np.linalg.norm(points[:, None] - seen.points[None], axis=2).min(axis=1) if most < 10**6 else np.zeros(1)
        assert away.max() <= seen.radius_m + 1e-12
        assert len(np.unique(np.round(seen.points, 9), axis=0)) == len(seen.points)
    assert voxels_of(np.empty((0, 3)), 0.05, 64).points.shape == (0, 3)


def test_the_gate_takes_points_in_its_frame_alone_and_coarser_ones_of_too_many() -> None:
    points = np.random.default_rng(2).uniform(-1, 1, (500, 3))
    message = MAKE.seen(points, 0.02, 7, "/base_link")
    seen = seen_of(message, "front", "base_link", 500)
    assert seen.points == pytest.approx(points, abs=1e-6)
    assert seen.radius_m == pytest.approx(0.02)
    coarse = seen_of(message, "front", "base_link", 100)
    assert len(coarse.points) <= 100
    away = np.linalg.norm(points[:, None] - coarse.points[None], axis=2).min(axis=1)
    assert (away + 0.02).max() <= coarse.radius_m + 1e-6  # with the balls around them
    assert seen_of(MAKE.seen(np.empty((0, 3)), 0.02, 7, "base_link"), "front", "base_link", 100).points.shape == (0, 3)
    for wrong, said in (
        (MAKE.seen(points, 0.02, 7, "camera"), "front: frame_id: got 'camera'; expected the base frame 'base_link'"),
        (MAKE.seen(points, 0.0, 7, "base_link"), "front: points: .*a radius over 0"),
        (MAKE.seen(points * NAN, 0.02, 7, "base_link"), "front: points: got 'one that is not finite'"),
        (cloud(picture(), frame="base_link"), "front: fields: .*x, y, z, radius"),
    ):
        with pytest.raises(UserError, match=said):
            seen_of(wrong, "front", "base_link", 500)
