"""Builds ROS messages (images, joint states, trajectories, poses and more) from arrays, for rclpy and for rosbags.

Example::

    make = MessageMaker(ros_class)                    # rclpy
    make = MessageMaker(writer.types.__getitem__)     # rosbags
    publisher.publish(make.image(rgb, "rgb8", stamp_ns, "front_optical_frame"))
"""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory

_OPENCV_TYPES = {"uint8": "8UC", "int16": "16SC", "uint16": "16UC", "float32": "32FC"}


def ros_class(type_name: str) -> Any:
    """The rclpy class of ``sensor_msgs/msg/Image``; `UserError` if its package is not installed."""
    package, _, name = type_name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError) as error:
        raise UserError("message type", type_name, f"a type of an installed package ({error})") from error


class MessageMaker:
    """Makes outgoing messages.

    Args:
        class_of: type name -> message class; `ros_class`, or the types of a rosbags typestore.
    """

    def __init__(self, class_of: Callable[[str], Any]) -> None:
        self._class_of = lru_cache(maxsize=None)(class_of)
        # rclpy is fast with array.array, rosbags wants ndarrays; rosbags' classes are dataclasses without defaults.
        self._rosbags = is_dataclass(class_of("std_msgs/msg/Header"))

    def make(self, type_name: str, **fields: Any) -> Any:
        """A message with all its fields."""
        return self._class_of(type_name)(**fields)

    def time(self, stamp_ns: int) -> Any:
        return self.make("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)

    def duration(self, span_ns: int) -> Any:
        return self.make("builtin_interfaces/msg/Duration", sec=span_ns // 10**9, nanosec=span_ns % 10**9)

    def header(self, stamp_ns: int, frame_id: str = "") -> Any:
        return self.make("std_msgs/msg/Header", stamp=self.time(stamp_ns), frame_id=frame_id)

    def image(self, pixels: np.ndarray[Any, Any], encoding: str, stamp_ns: int, frame_id: str = "") -> Any:
        """sensor_msgs/Image of (height, width) or (height, width, channels); little endian, without padding."""
        pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
        height, width = pixels.shape[:2]
        return self.make(
            "sensor_msgs/msg/Image",
            header=self.header(stamp_ns, frame_id),
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=pixels.nbytes // max(height, 1),
            data=self._numbers(pixels.reshape(-1).view(np.uint8), "B"),
        )

    def seen(self, points: np.ndarray[Any, Any], radius_m: float, stamp_ns: int, frame_id: str) -> Any:
        """sensor_msgs/PointCloud2 of points (N, 3) in m, with the radius around each, as the gate takes them."""
        rows = np.column_stack([points, np.full(len(points), radius_m)]).astype("<f4")
        fields = [
            self.make("sensor_msgs/msg/PointField", name=name, offset=4 * i, datatype=7, count=1)
            for i, name in enumerate(("x", "y", "z", "radius"))
        ]
        return self.make(
            "sensor_msgs/msg/PointCloud2",
            header=self.header(stamp_ns, frame_id),
            height=1,
            width=len(rows),
            fields=fields,
            is_bigendian=False,
            point_step=16,
            row_step=16 * len(rows),
            data=self._numbers(rows.reshape(-1).view(np.uint8), "B"),
            is_dense=True,
        )

    def tensor(self, values: np.ndarray[Any, Any], stamp_ns: int, frame_id: str = "") -> Any:
        """sensor_msgs/Image with the OpenCV type of the array: taxels ``32FC3``, sound ``16SC1``, states ``32FC1``."""
        channels = values.shape[2] if values.ndim == 3 else 1
        return self.image(values, f"{_OPENCV_TYPES[values.dtype.name]}{channels}", stamp_ns, frame_id)

    def sound(self, samples: np.ndarray[Any, Any], stamp_ns: int, frame_id: str = "") -> Any:
        """``16SC1`` of (samples, channels) float in -1 to 1; the stamp is the time of the first sample."""
        scaled = np.clip(np.round(np.asarray(samples, np.float64) * 32768), -32768, 32767)
        return self.tensor(scaled.astype(np.int16), stamp_ns, frame_id)

    def joint_state(
        self,
        names: Sequence[str],
        position: ArrayLike,
        velocity: ArrayLike = (),
        effort: ArrayLike = (),
        *,
        stamp_ns: int,
        frame_id: str = "",
    ) -> Any:
        """sensor_msgs/JointState."""
        return self.make(
            "sensor_msgs/msg/JointState",
            header=self.header(stamp_ns, frame_id),
            name=list(names),
            position=self._numbers(position, "d"),
            velocity=self._numbers(velocity, "d"),
            effort=self._numbers(effort, "d"),
        )

    def trajectory(self, trajectory: Trajectory) -> Any:
        """trajectory_msgs/JointTrajectory with positions and velocities, and accelerations if it has them."""
        times_s = trajectory.times_s.tolist()
        point = self._class_of("trajectory_msgs/msg/JointTrajectoryPoint")
        nothing = self._numbers((), "d")
        positions, velocities = self._rows(trajectory.positions), self._rows(trajectory.velocities)
        accelerations = (
            [nothing] * len(times_s) if trajectory.accelerations is None else self._rows(trajectory.accelerations)
        )
        points = [
            point(
                positions=position,
                velocities=velocity,
                accelerations=acceleration,
                effort=nothing,
                time_from_start=self.duration(round(time_s * 1e9)),
            )
            for time_s, position, velocity, acceleration in zip(times_s, positions, velocities, accelerations)
        ]
        return self.make(
            "trajectory_msgs/msg/JointTrajectory",
            header=self.header(trajectory.stamp_ns),
            joint_names=list(trajectory.names),
            points=points,
        )

    def twist(self, twist: ArrayLike, stamp_ns: int, frame_id: str) -> Any:
        """geometry_msgs/TwistStamped of (6,): velocity x y z in m/s, angular velocity x y z in rad/s."""
        values = np.asarray(twist, np.float64).tolist()
        return self.make(
            "geometry_msgs/msg/TwistStamped",
            header=self.header(stamp_ns, frame_id),
            twist=self.make(
                "geometry_msgs/msg/Twist",
                linear=self._vector("geometry_msgs/msg/Vector3", values[:3]),
                angular=self._vector("geometry_msgs/msg/Vector3", values[3:]),
            ),
        )

    def wrench(self, wrench: ArrayLike, stamp_ns: int, frame_id: str) -> Any:
        """geometry_msgs/WrenchStamped of (6,): force x y z in N, torque x y z in N m."""
        values = np.asarray(wrench, np.float64).tolist()
        return self.make(
            "geometry_msgs/msg/WrenchStamped",
            header=self.header(stamp_ns, frame_id),
            wrench=self.make(
                "geometry_msgs/msg/Wrench",
                force=self._vector("geometry_msgs/msg/Vector3", values[:3]),
                torque=self._vector("geometry_msgs/msg/Vector3", values[3:]),
            ),
        )

    def pose(self, pose: ArrayLike, stamp_ns: int, frame_id: str) -> Any:
        """geometry_msgs/PoseStamped of (7,): x y z in m, quaternion x y z w."""
        return self._pose(np.asarray(pose, np.float64).tolist(), stamp_ns, frame_id)

    def _pose(self, values: Sequence[float], stamp_ns: int, frame_id: str) -> Any:
        turn = dict(zip("xyzw", values[3:]))
        return self.make(
            "geometry_msgs/msg/PoseStamped",
            header=self.header(stamp_ns, frame_id),
            pose=self.make(
                "geometry_msgs/msg/Pose",
                position=self._vector("geometry_msgs/msg/Point", values[:3]),
                orientation=self.make("geometry_msgs/msg/Quaternion", **turn),
            ),
        )

    def path(self, poses: ArrayLike, stamps_ns: Sequence[int], frame_id: str) -> Any:
        """nav_msgs/Path of (T, 7) poses, each with its own stamp; the path's stamp is the first one."""
        rows = np.asarray(poses, np.float64).tolist()
        return self.make(
            "nav_msgs/msg/Path",
            header=self.header(stamps_ns[0] if len(stamps_ns) else 0, frame_id),
            poses=[self._pose(row, stamp_ns, frame_id) for row, stamp_ns in zip(rows, stamps_ns)],
        )

    def numbers(self, values: ArrayLike) -> Any:
        """std_msgs/Float64MultiArray of (N,)."""
        layout = self.make("std_msgs/msg/MultiArrayLayout", dim=[], data_offset=0)
        return self.make("std_msgs/msg/Float64MultiArray", layout=layout, data=self._numbers(values, "d"))

    def string(self, text: str) -> Any:
        return self.make("std_msgs/msg/String", data=text)

    def float32(self, value: float) -> Any:
        return self.make("std_msgs/msg/Float32", data=float(value))

    def _vector(self, type_name: str, values: Sequence[float]) -> Any:
        return self.make(type_name, x=values[0], y=values[1], z=values[2])

    def _rows(self, values: np.ndarray[Any, Any]) -> list[Any]:
        """Numeric array fields, one for each row of (T, J)."""
        flat, size = self._numbers(values.reshape(-1), "d"), values.shape[1]
        return [flat[start : start + size] for start in range(0, values.size, size)]

    def _numbers(self, values: ArrayLike, code: str) -> Any:
        """A numeric array field: never an ndarray for rclpy, which checks each element of one."""
        numbers: np.ndarray[Any, Any] = np.ascontiguousarray(values, np.uint8 if code == "B" else np.float64)
        if self._rosbags:
            return numbers
        field = array(code)
        if numbers.size:
            field.frombytes(numbers.data.cast("B"))
        return field
